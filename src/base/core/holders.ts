/**
 * Who holds a lock or a claim: what its file says, and whether that process is gone. A holder on this machine is told by its process, one
 * elsewhere only by its silence, which is the caller's to watch.
 */
import { randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename } from "node:path";
import { redact } from "./redact.ts";

/** What a holder's file says. */
export type Holder = {
  readonly pid: number;
  readonly host: string;
  /** Process ids mean the same within it: containers of one machine may share its name but not its processes. */
  readonly space: string;
  /** When the process started, in the system's own terms, where it tells: process ids are used again. */
  readonly started: string;
  /** Drawn anew for each holding. */
  readonly token: string;
  /** What the process was started with, for people; files of 0.1 lack it. */
  readonly command?: string;
  /** ISO date of the holding, for people; files of 0.1 lack it. */
  readonly since?: string;
};

/** Where this process runs. */
export const HERE = { host: hostname(), space: processNamespace() } as const;

/** This process as a holder, with a token of its own. */
export async function thisHolder(): Promise<Holder> {
  return {
    pid: process.pid,
    ...HERE,
    started: await startOf(process.pid),
    token: randomBytes(8).toString("hex"),
    command: commandHere(),
    since: new Date().toISOString(),
  };
}

/** This process's command line without node and without secrets; at most 160 characters. */
function commandHere(): string {
  const [program = "", ...args] = process.argv.slice(1);
  const line = redact([basename(program), ...args].join(" "));
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

/** What a file's text says; undefined when it is no holder's, such as one half written. */
export function holderIn(text: string): Holder | undefined {
  try {
    const { pid, host, space, started, token, command, since } = (JSON.parse(text) ?? {}) as Partial<Holder>;
    if (typeof pid !== "number" || ![host, space, started, token].every((part) => typeof part === "string"))
      return undefined;
    return {
      ...{ pid, host: host!, space: space!, started: started!, token: token! },
      ...(typeof command === "string" ? { command } : {}),
      ...(typeof since === "string" ? { since } : {}),
    };
  } catch {
    return undefined;
  }
}

/** True when a holder of this machine is known to be dead; false for one that lives, and for any on another machine. */
export async function isGone(holder: Holder): Promise<boolean> {
  const { pid, started } = holder;
  return isHere(holder) && (!isAlive(pid) || (await startOf(pid)) !== started);
}

/** True where a holder's process id can be looked up. */
export const isHere = ({ host, space }: Holder): boolean => host === HERE.host && space === HERE.space;

/** True for a process that runs, whoever owns it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Start of a process in clock ticks since boot (proc(5), field 22); empty where there is no /proc, and for a process that has ended and
 * was not yet asked for its exit code.
 */
export async function startOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field, the name in parentheses, may hold anything: count from its end.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return ["Z", "X"].includes(fields[0] ?? "") ? "" : (fields[19] ?? "");
}

/**
 * Watches holders' files for signs of life.
 * @returns for how long a file has been seen in its present state, ms: by our own clock, so clocks need not agree, and 0 at the first
 *   look; undefined when there is no such file
 */
export function watchSilence(): (file: string) => Promise<number | undefined> {
  const seen = new Map<string, { readonly mtimeMs: number; readonly atMs: number }>();
  return async (file) => {
    const info = await stat(file).catch(() => undefined);
    if (info === undefined) return undefined;
    const { mtimeMs } = info;
    const atMs = performance.now();
    const known = seen.get(file);
    if (known?.mtimeMs === mtimeMs) return atMs - known.atMs;
    seen.set(file, { mtimeMs, atMs });
    return 0;
  };
}

function processNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}
