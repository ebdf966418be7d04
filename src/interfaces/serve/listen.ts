/** An HTTP server of ours: how it listens, what a slow client may cost, and how it stops. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { ConfigError, messageOf } from "../../base/core/errors.ts";

/** A client that sends slowly holds a connection, not the server. */
const HTTP = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384,
};

const MAX_CONNECTIONS = 1024;

/** How often connections that have nothing to do are closed while the server stops. */
const SWEEP_MS = 50;

/** A server that listens. */
export interface Listening {
  /** Such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly port: number;
  /** Takes no more connections, waits for what is in hand up to `graceMs`, calls `end`, and cuts off what is left a second later. */
  stop(graceMs: number, end: () => void): Promise<void>;
}

/** @param verb - whose server it is, for messages @throws ConfigError when the address cannot be bound */
export async function listenAt(app: Hono, host: string, port: number, verb: string): Promise<Listening> {
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: HTTP }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  const bound = await listen(server, host, port, verb);
  const name = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return {
    url: `http://${name}:${bound.port}`,
    port: bound.port,
    stop: (graceMs, end) => stop(server, graceMs, end),
  };
}

function listen(server: Server, host: string, port: number, verb: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const advice = error.code === "EADDRINUSE" ? " Choose another with --port." : "";
      reject(new ConfigError(`${verb}: cannot listen at ${host}:${port}: ${messageOf(error)}.${advice}`));
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}

async function stop(server: Server, graceMs: number, end: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  // Those that are ended get a moment to be told so.
  const late = setTimeout(end, graceMs);
  const hard = setTimeout(() => server.closeAllConnections(), graceMs + 1_000);
  await closed;
  clearInterval(sweep);
  clearTimeout(late);
  clearTimeout(hard);
}
