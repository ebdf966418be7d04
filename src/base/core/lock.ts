/**
 * A lock that outlives nobody: a file with the holder's process id, host and a heartbeat. A holder that was killed is told by its
 * process (same host) or by its silence (another host), and its lock is taken over.
 */
import { readFile, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AlignError, InterruptedError, messageOf } from "./errors.ts";
import { ensureFolder, exists } from "./files.ts";
import { createHolderFile, evictHolderFile, readHolder } from "./holder-file.ts";
import { type Holder, holderIn, isGone, isHere, thisHolder, watchSilence } from "./holders.ts";
import type { Waiting } from "./waiting.ts";

/** A held lock. */
export interface Lock {
  /** Gives it back; does nothing when somebody took it over. */
  release(): Promise<void>;
}

/** How a lock is waited for. */
export type LockOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Told at every look that somebody else holds it. */
  readonly onWait?: Waiting;
  /** Between two looks, ms. */
  readonly pollMs?: number;
  /** Silence after which a holder on another host counts as dead, ms. */
  readonly staleMs?: number;
};

const HEARTBEAT_MS = 10_000;
const STALE_MS = 120_000;
/**
 * Silence after which a lock that names nobody counts as dead, ms. Only where files cannot be linked is one there before it is written, and
 * for no longer than writing takes.
 */
const NAMELESS_MS = 10_000;
/** A guard is held while one file is removed. */
const GUARD_MS = 10_000;
const silence = watchSilence();

/**
 * Waits for a lock and takes it.
 * @throws InterruptedError when `signal` is aborted meanwhile; AlignError "io" when the file cannot be written
 */
export async function takeLock(path: string, options: LockOptions = {}): Promise<Lock> {
  const me = await thisHolder();
  const staleMs = options.staleMs ?? STALE_MS;
  for (;;) {
    if (options.signal?.aborted) throw new InterruptedError(path);
    if (await create(path, me)) return hold(path, me);
    const holder = await readHolder(path);
    const namelessMs = Math.min(staleMs, NAMELESS_MS);
    const dead =
      holder === undefined ? await isSilent(path, namelessMs) : await isDead(path, holder, staleMs);
    if (dead) await takeOver(path, holder, namelessMs);
    // Between our two looks it may have been given back.
    else if (holder !== undefined || (await exists(path))) options.onWait?.([holder]);
    await sleep(options.pollMs ?? 250);
  }
}

/** Who holds a lock; undefined when nobody does, or a process that is dead. A lock that names nobody is nobody's. */
export async function livingHolder(path: string, staleMs = STALE_MS): Promise<Holder | undefined> {
  const holder = await readHolder(path);
  return holder === undefined || (await isDead(path, holder, staleMs)) ? undefined : holder;
}

/** Who a lock's file names, and whether that process lives; undefined when there is no such file. */
export async function lookAtLock(
  path: string,
  staleMs = STALE_MS,
): Promise<{ readonly pid: number; readonly host: string; readonly living: boolean } | undefined> {
  const holder = await readHolder(path);
  if (holder === undefined) return undefined;
  return { pid: holder.pid, host: holder.host, living: !(await isDead(path, holder, staleMs, olderThan)) };
}

/** Removes the lock of a process that is dead, and a guard that one died with; anybody else's stays. */
export async function removeDeadLock(path: string, staleMs = STALE_MS): Promise<void> {
  const holder = await readHolder(path);
  if (holder === undefined) return clearGuard(path);
  if (await isDead(path, holder, staleMs, olderThan)) await takeOver(path, holder, NAMELESS_MS);
}

async function create(path: string, me: Holder): Promise<boolean> {
  try {
    await ensureFolder(dirname(path));
    if (!(await createHolderFile(path, me))) return false;
    await clearGuard(path);
    return true;
  } catch (error) {
    // The folder was removed between our making it and this, by one that left nothing in it.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    const advice = "Check free space and permissions, or choose another folder.";
    throw new AlignError("io", `${path}: cannot be locked: ${messageOf(error)}. ${advice}`, { cause: error });
  }
}

function hold(path: string, me: Holder): Lock {
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  beat.unref();
  return {
    release: async () => {
      clearInterval(beat);
      if ((await readHolder(path))?.token === me.token) await rm(path, { force: true });
    },
  };
}

const guardOf = (path: string) => `${path}.takeover`;

/**
 * Removes a dead holder's lock. Guarded by a second file, so that of several processes that find it dead one removes it, and none
 * removes the lock that the first then takes.
 */
async function takeOver(path: string, dead: Holder | undefined, namelessMs: number): Promise<void> {
  const guard = guardOf(path);
  if (!(await createHolderFile(guard, await thisHolder()).catch(() => false))) return clearGuard(path);
  try {
    const holder = await readHolder(path);
    const same = holder?.token === dead?.token && (dead !== undefined || (await isSilent(path, namelessMs)));
    if (same) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** Removes a guard whose process died with it: it is held for no longer than removing a file takes. */
async function clearGuard(path: string): Promise<void> {
  const guard = guardOf(path);
  const text = await readFile(guard, "utf8").catch(() => undefined);
  if (text === undefined) return;
  const holder = holderIn(text);
  const dead = (holder !== undefined && (await isGone(holder))) || (await isSilent(guard, GUARD_MS));
  if (dead) await evictHolderFile(guard, text);
}

/**
 * Whether a holder is gone. A process of this machine answers for itself, for while the machine sleeps a living one is silent; any other
 * is dead when it has been silent for long.
 * @param silent - told by watching (`isSilent`) or, in one look, by the clock of whoever wrote the file (`olderThan`): to tell, or to clear
 *   what nobody needs
 */
async function isDead(
  path: string,
  holder: Holder,
  staleMs: number,
  silent: (path: string, ms: number) => Promise<boolean> = isSilent,
): Promise<boolean> {
  if (await isGone(holder)) return true;
  const answersForItself = isHere(holder) && holder.started !== "";
  return !answersForItself && silent(path, staleMs);
}

async function isSilent(path: string, staleMs: number): Promise<boolean> {
  return ((await silence(path)) ?? 0) > staleMs;
}

async function olderThan(path: string, ms: number): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > ms;
}
