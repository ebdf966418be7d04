/**
 * A program of others that lives as long as some work: started in a group of its own, and ended with all that it started when the work is
 * done. It ends with this process too, however that ends: a small process between the two ends the group when its own input closes.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/** Ends the group of its child when its input ends, first kindly; ends with the child's own code. */
const KEEPER = `
const { spawn } = require("node:child_process");
const [program, ...args] = process.argv.slice(1);
const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"], detached: true });
const kill = (signal) => { try { process.kill(-child.pid, signal); } catch {} };
child.on("error", (error) => { console.error(error.message); process.exit(127); });
child.on("exit", (code, signal) => { kill("SIGKILL"); process.exit(code ?? (signal === "SIGTERM" ? 0 : 1)); });
process.stdin.on("end", () => { kill("SIGTERM"); setTimeout(() => kill("SIGKILL"), 10_000); }).resume();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
`;

/** A program at work; what it says comes in parts. */
export type KeptProcess = {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Its exit code, once it has ended and all that it said was heard; 1 where a signal ended it, 127 where it cannot be started. */
  readonly ended: Promise<number>;
  /** Ends it, first kindly, and waits for its end. */
  stop(): Promise<void>;
};

/** Where and with what a program runs. */
export type KeptOptions = {
  readonly cwd?: string | undefined;
  /** Variables over those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
};

/** Starts a program. @param argv - program and arguments */
export function startKept(argv: readonly string[], { cwd, env }: KeptOptions = {}): KeptProcess {
  // A group of its own: Ctrl-C at the terminal is ours to answer.
  const keeper: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    process.execPath,
    ["-e", KEEPER, "--", ...argv],
    { stdio: ["pipe", "pipe", "pipe"], detached: true, cwd, env: { ...process.env, ...env } },
  );
  const ended = new Promise<number>((resolve) => {
    keeper.once("error", () => resolve(127));
    keeper.once("close", (code) => resolve(code ?? 1));
  });
  keeper.stdin.on("error", () => {});
  const stop = async () => {
    keeper.stdin.end();
    await ended;
  };
  return { stdout: keeper.stdout, stderr: keeper.stderr, ended, stop };
}
