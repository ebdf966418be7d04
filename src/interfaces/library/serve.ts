/** A server as a function: what `serve` does until Ctrl-C, until `close` is called. */
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { openServer, type ServerOptions, type TeacherServer } from "../serve/server.ts";
import { code, given, type Work } from "./options.ts";

/** What to serve and where. */
export type ServeOptions = Omit<ServerOptions, "runtime" | "version" | "log"> & Omit<Work, "signal">;

/**
 * Loads a model and listens: completions with log-probabilities, chat, scores of pairs (docs/serve.md). Default address
 * 127.0.0.1:8000; others than loopback ones need a token.
 * @returns the server; closing it ends what is in hand and frees the model
 * @throws ConfigError when the address cannot be bound or needs a token; CheckpointError for a wrong model folder
 */
export async function serve({ device, threads, log, ...options }: ServeOptions): Promise<TeacherServer> {
  const runtime = openRuntime(given({ device, threads }));
  try {
    const server = await openServer({ ...options, ...given({ log }), runtime, version: code() });
    const close = async () => {
      await server.close();
      await runtime.close();
    };
    return { ...server, close };
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
