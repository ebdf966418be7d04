/**
 * A server that lives as long as some work: started by a command on a free port, waited for, and ended with all that it started. It ends with this
 * process too (`kept-process.ts`).
 */
import { createWriteStream } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { AlignError, InterruptedError, messageOf } from "./errors.ts";
import { startKept } from "./kept-process.ts";
import { visible } from "./visible.ts";

/** What to start. */
export type ServerCommand = {
  /** Program and arguments; `{port}` stands for the port, and each of `words` for its value. */
  readonly argv: readonly string[];
  readonly words: Readonly<Record<string, string>>;
  /** File that all that the server says is added to. */
  readonly logFile: string;
  /** Longest wait until it answers. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
};

/** A server that answers. */
export type RunningServer = {
  /** Such as `http://127.0.0.1:34567`. */
  readonly url: string;
  /** Ends it and waits for its end. */
  stop(): Promise<void>;
};

/** Paths that servers answer with 200 once they are up. */
const HEALTH = ["/health", "/v1/models"];
const TAIL = 4000;

/**
 * Starts a server and waits until it answers.
 * @throws AlignError "server" when it ends or stays silent, with the end of what it said; InterruptedError when `signal` fires
 */
export async function startServer(command: ServerCommand): Promise<RunningServer> {
  const { signal, logFile } = command;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const argv = command.argv.map((word) => filled(word, { ...command.words, port: String(port) }));
  const log = createWriteStream(logFile, { flags: "a" });
  const server = startKept(argv);
  let tail = "";
  for (const stream of [server.stdout, server.stderr])
    stream.on("data", (part: Buffer) => {
      log.write(part);
      tail = (tail + part.toString("utf8")).slice(-TAIL);
    });
  let code: number | undefined;
  void server.ended.then((given) => {
    code = given;
    log.end();
  });
  const failed = (problem: string) =>
    new AlignError(
      "server",
      `${argv.join(" ")}: ${problem}. The end of what it said (all of it: ${logFile}):\n${visible(tail.trimEnd())}`,
    );
  const deadlineMs = performance.now() + command.timeoutMs;
  while (!(await answers(url))) {
    if (signal?.aborted || code !== undefined || performance.now() > deadlineMs) {
      await server.stop();
      if (signal?.aborted) throw new InterruptedError("server");
      throw failed(
        performance.now() > deadlineMs
          ? `did not answer at ${url}${HEALTH[0]} within ${Math.round(command.timeoutMs / 1000)} s`
          : `ended with code ${code} before it answered`,
      );
    }
    await sleep(200);
  }
  return { url, stop: server.stop };
}

/** @throws AlignError for a word in braces that is not known */
function filled(text: string, words: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = words[name];
    if (value !== undefined) return value;
    const known = Object.keys(words).map((word) => `{${word}}`);
    throw new AlignError("server", `{${name}} in ${JSON.stringify(text)}: expected ${known.join(" or ")}.`);
  });
}

async function answers(url: string): Promise<boolean> {
  for (const path of HEALTH) {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(2000) }).catch(
      () => undefined,
    );
    await response?.body?.cancel();
    if (response?.ok) return true;
  }
  return false;
}

/** A port of 127.0.0.1 that nobody listens on at this moment. @throws AlignError "server" when there is none */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => reject(new AlignError("server", `no free port: ${messageOf(error)}.`)));
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
