/**
 * Who works on what, told by files: any number of processes, on one machine or over a shared file system, take pieces of work
 * from one folder. Claims only save double work. What keeps results right is that each is written whole under a name of its
 * content, so two processes that do take the same piece write the same file.
 */
import { readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { ensureFolder } from "./files.ts";
import { createHolderFile, evictHolderFile, readHolder } from "./holder-file.ts";
import { type Holder, holderIn, isGone, isHere, thisHolder, watchSilence } from "./holders.ts";

/** How often a claim shows that it lives, and after how long without a sign it is taken over, in milliseconds. */
export type ClaimTimes = { readonly heartbeatMs?: number; readonly staleMs?: number };

/** A piece of work that is ours until released. */
export interface Claim {
  /** True when the claim was somebody's before who died: there may be things of theirs to clear away. */
  readonly takenOver: boolean;
  release(): Promise<void>;
}

/** The claims of one folder, as one process sees them. */
export interface Claims {
  /** Claims a piece of work; undefined while another process, seen alive, holds it. */
  take(name: string): Promise<Claim | undefined>;
  /** The other process, seen alive, that holds a piece of work: who it is, or "unnamed" where its file does not say; undefined when none. */
  heldBy(name: string): Promise<Holder | "unnamed" | undefined>;
}

const STALE_MS = 60_000;
/** A claim that names nobody is one where files cannot be linked, created and not yet written: for no longer than that takes. */
const NAMELESS_MS = 10_000;

/**
 * Opens a folder of claims. A claim is stale when its process is known to be dead (same machine) or when its file has not been
 * touched for `staleMs` (default 60,000) of our own clock, so clocks need not agree; it is touched every `heartbeatMs` (5,000).
 */
export async function openClaims(folder: string, times: ClaimTimes = {}): Promise<Claims> {
  const { heartbeatMs = 5_000, staleMs = STALE_MS } = times;
  await ensureFolder(folder);
  const silence = watchSilence();
  /** What a claim file says, and whether its holder is gone; undefined if there is no claim. */
  const look = async (file: string) => {
    const silentMs = await silence(file);
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (silentMs === undefined || text === undefined) return undefined;
    const holder = holderIn(text);
    const isStale =
      (holder !== undefined && (await isGone(holder))) ||
      silentMs >= (holder === undefined ? Math.min(staleMs, NAMELESS_MS) : staleMs);
    return { text, holder, isStale };
  };
  return {
    async heldBy(name) {
      const seen = await look(join(folder, `${name}.claim`));
      return seen === undefined || seen.isStale ? undefined : (seen.holder ?? "unnamed");
    },
    async take(name) {
      const file = join(folder, `${name}.claim`);
      const fresh = await create(file);
      if (fresh !== undefined) return hold(file, fresh, heartbeatMs, false);
      const seen = await look(file);
      if (seen?.isStale !== true || !(await evictHolderFile(file, seen.text))) return undefined;
      const token = await create(file);
      return token === undefined ? undefined : hold(file, token, heartbeatMs, true);
    },
  };
}

/** Who holds a claim, as one sees it who only looks. */
export type ClaimHolder = {
  readonly name: string;
  readonly pid: number;
  readonly host: string;
  /** Since its last sign of life, by our clock. */
  readonly silentSeconds: number;
  /** False when its process is known to be dead, or has been silent for longer than a holder that lives (60 s). */
  readonly living: boolean;
};

/** The claims of a folder just now, without waiting and without taking any. */
export async function readClaims(folder: string): Promise<ClaimHolder[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".claim")).sort();
  const holders = names.map(async (name): Promise<ClaimHolder | undefined> => {
    const file = join(folder, name);
    const info = await stat(file).catch(() => undefined);
    const holder = await readHolder(file);
    if (info === undefined || holder === undefined) return undefined;
    const silentSeconds = Math.max(0, (Date.now() - info.mtimeMs) / 1000);
    const dead = isHere(holder) ? await isGone(holder) : silentSeconds > STALE_MS / 1000;
    const { pid, host } = holder;
    return { name: name.slice(0, -".claim".length), pid, host, silentSeconds, living: !dead };
  });
  return (await Promise.all(holders)).filter((holder) => holder !== undefined);
}

/** Makes the claim file; undefined when there is one. */
async function create(file: string): Promise<string | undefined> {
  const me = await thisHolder();
  return (await createHolderFile(file, me)) ? me.token : undefined;
}

function hold(file: string, token: string, heartbeatMs: number, takenOver: boolean): Claim {
  const beat = setInterval(() => {
    const now = new Date();
    // A claim that was taken from us is no longer ours to touch; the work goes on and does no harm.
    utimes(file, now, now).catch(() => {});
  }, heartbeatMs);
  beat.unref();
  return {
    takenOver,
    async release() {
      clearInterval(beat);
      if ((await readHolder(file))?.token === token) await rm(file, { force: true });
    },
  };
}
