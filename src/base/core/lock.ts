/**
 * A lock that outlives nobody: a file with the holder's process id, host and a heartbeat. A holder that was killed is told by its
 * process (same host) or by its silence (another host), and its lock is taken over.
 */
import { open, readFile, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AlignError, InterruptedError, messageOf } from "./errors.ts";
import { ensureFolder } from "./files.ts";
import { type Holder, holderIn, isGone, isHere, thisHolder, watchSilence } from "./holders.ts";

/** A held lock. */
export interface Lock {
  /** Gives it back; does nothing when somebody took it over. */
  release(): Promise<void>;
}

/** How a lock is waited for. */
export type LockOptions = {
  readonly signal?: AbortSignal;
  /** Called once, when somebody else holds it. */
  readonly onWait?: (holder: Holder) => void;
  /** Between two looks, ms. */
  readonly pollMs?: number;
  /** Silence after which a holder on another host counts as dead, ms. */
  readonly staleMs?: number;
};

const HEARTBEAT_MS = 10_000;
const STALE_MS = 120_000;
const silence = watchSilence();

/**
 * Waits for a lock and takes it.
 * @throws InterruptedError when `signal` is aborted meanwhile; AlignError "io" when the file cannot be written
 */
export async function takeLock(path: string, options: LockOptions = {}): Promise<Lock> {
  const me = await thisHolder();
  const staleMs = options.staleMs ?? STALE_MS;
  let told = false;
  for (;;) {
    if (options.signal?.aborted) throw new InterruptedError(path);
    if (await create(path, me)) return hold(path, me);
    const holder = await readHolder(path);
    if (holder === undefined) {
      // Gone since, or a holder that died between making the file and writing it: told by its silence.
      if (await isSilent(path, staleMs)) await takeOver(path, undefined, staleMs);
    } else if (await isDead(path, holder, staleMs)) {
      await takeOver(path, holder, staleMs);
    } else if (!told) {
      told = true;
      options.onWait?.(holder);
    }
    await sleep(options.pollMs ?? 250);
  }
}

/** Who holds a lock; undefined when nobody does, or a process that is dead. */
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

/** Removes the lock of a process that is dead; anybody else's stays. */
export async function removeDeadLock(path: string, staleMs = STALE_MS): Promise<void> {
  const holder = await readHolder(path);
  if (holder !== undefined && (await isDead(path, holder, staleMs, olderThan)))
    await takeOver(path, holder, staleMs);
}

async function create(path: string, me: Holder): Promise<boolean> {
  const fail = (error: unknown) => {
    const advice = "Check free space and permissions, or choose another folder.";
    throw new AlignError("io", `${path}: cannot be locked: ${messageOf(error)}. ${advice}`, { cause: error });
  };
  await ensureFolder(dirname(path)).catch(fail);
  try {
    const file = await open(path, "wx");
    try {
      await file.writeFile(JSON.stringify(me));
    } catch (error) {
      // A full disk: an empty lock would be waited for.
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    // ENOENT: the folder was removed between our making it and this, by one that left nothing in it.
    return ["EEXIST", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "") ? false : fail(error);
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

/**
 * Removes a dead holder's lock. Guarded by a second file, so that of several processes that find it dead one removes it, and none
 * removes the lock that the first then takes.
 */
async function takeOver(path: string, dead: Holder | undefined, staleMs: number): Promise<void> {
  const guard = `${path}.takeover`;
  const file = await open(guard, "wx").catch(() => undefined);
  if (file === undefined) {
    // Whoever held the guard for this long died with it; removing a file takes no time.
    if (await olderThan(guard, 10_000)) await rm(guard, { force: true });
    return;
  }
  await file.close();
  try {
    const holder = await readHolder(path);
    // One without a holder may be another's by now, just made and not yet written.
    const same = holder?.token === dead?.token && (dead !== undefined || (await isSilent(path, staleMs)));
    if (same) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
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

async function readHolder(path: string): Promise<Holder | undefined> {
  return holderIn(await readFile(path, "utf8").catch(() => ""));
}
