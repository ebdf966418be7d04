/** Preload (`node --import`) under which every way to the network throws; for tests that nothing calls out. */
import dgram from "node:dgram";
import dns from "node:dns";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import tls from "node:tls";

const refuse = (what) => () => {
  process.stderr.write(`network: ${what} was called\n`);
  throw new Error(`network: ${what} was called`);
};

for (const [module, names] of [
  [tls, ["connect"]],
  [http, ["request", "get"]],
  [https, ["request", "get"]],
  [http2, ["connect"]],
  [dgram, ["createSocket"]],
  [dns, ["lookup", "resolve", "resolve4", "resolve6"]],
  [dns.promises, ["lookup", "resolve"]],
])
  for (const name of names) module[name] = refuse(name);

// A Unix socket stays on this machine; the loader that runs the sources has one.
const isLocal = ([first]) => {
  const target = Array.isArray(first) ? first[0] : first;
  return (typeof target === "string" && target.startsWith("/")) || typeof target?.path === "string";
};
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  return isLocal(args) ? connect.apply(this, args) : refuse("Socket.connect")();
};
globalThis.fetch = refuse("fetch");
globalThis.WebSocket = refuse("WebSocket");
syncBuiltinESMExports();
