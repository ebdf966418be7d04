/**
 * Work cut into shards that any number of processes do together in one folder, on one machine or over a shared file system:
 *
 *     shards/<digest>.jsonl   results, each whole or absent (`shard-file.ts`); a shard whose file is there is finished
 *     claims/                 who works on what just now (`claims.ts`)
 *
 * A shard is named by all that its result depends on, so whoever makes it makes the same bytes. A dead worker's shard is taken over.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Claim, type Claims, type ClaimTimes, openClaims } from "./claims.ts";
import { InterruptedError } from "./errors.ts";
import { copyMissing, ensureFolder, exists, writeFileAtomic } from "./files.ts";
import type { Holder } from "./holders.ts";
import { type Log, silentLog } from "./log.ts";
import { removeTemporaries, TMP } from "./temporaries.ts";
import { tellWaits } from "./waiting.ts";

/** Where shards are, in their folder. */
export const SHARDS = "shards";

/** Where claims are, in the folder of the shards. */
export const CLAIMS = "claims";

/** Path of a shard's file. */
export const shardPath = (folder: string, digest: string): string => join(folder, SHARDS, `${digest}.jsonl`);

/** Work in shards. `Input` is what one shard is made from. */
export type ShardJob<Input> = {
  /** For messages: "label", "generate". */
  readonly name: string;
  readonly folder: string;
  /** SHA-256 of each shard, in the order of the inputs. */
  readonly digests: readonly string[];
  /** Starts a new reading of the inputs. */
  readonly inputs: () => AsyncIterable<Input>;
  /** Makes the text of a shard's file. Called for another shard before the last is done, so that one is prepared while one is computed. */
  readonly work: (input: Input, index: number) => Promise<string>;
  /** Called once for each shard that is finished, by this process or another. */
  readonly settled?: (index: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** Told who has what is left, while nothing is free. */
  readonly log?: Log | undefined;
  readonly claims?: ClaimTimes;
  /** How often to look whether other processes are done, in milliseconds, default 500. */
  readonly pollMs?: number;
};

/** Shards in hand at once in one process: while one is computed, the next is read and prepared. */
const IN_HAND = 2;

/**
 * Works until every shard is finished, by this process or others. After an error of one shard, those in hand are finished first.
 * @throws InterruptedError when `signal` fires: shards in hand are dropped, finished ones stay; what `work` throws
 */
export async function workShards<Input>(job: ShardJob<Input>): Promise<void> {
  const { folder, digests, signal, pollMs = 500 } = job;
  await ensureFolder(join(folder, SHARDS));
  const claims = await openClaims(join(folder, CLAIMS), job.claims);
  const open = new Set(digests.keys());
  const settle = (index: number) => {
    if (open.delete(index)) job.settled?.(index);
  };
  const state: State<Input> = { job, claims, open, settle };
  const waiting = tellWaits(job.log ?? silentLog, job.name);
  await dropFinished(state);
  while (open.size > 0) {
    const before = open.size;
    const { free, holders } = await whoHolds(state);
    // The inputs are read again only if there is something to do.
    if (free) await workOpen(state);
    await dropFinished(state);
    if (open.size === 0 || open.size < before) continue;
    if (!free) waiting(holders);
    await pause(pollMs, signal, job.name);
  }
}

/**
 * Removes what workers leave beside finished shards: claims, and files half written by those that were killed. For the one
 * that goes on with the finished work, alone.
 */
export async function clearShardWork(folder: string): Promise<void> {
  await rm(join(folder, CLAIMS), { recursive: true, force: true });
  await removeTemporaries(join(folder, SHARDS));
}

/**
 * Takes the finished shards of another folder into one in which others may be at work: each appears whole. Shards are named by all that
 * they depend on, so those that belong elsewhere do no harm.
 */
export async function adoptShards(from: string, to: string): Promise<void> {
  await copyMissing(join(from, SHARDS), join(to, SHARDS));
}

type State<Input> = {
  readonly job: ShardJob<Input>;
  readonly claims: Claims;
  readonly open: Set<number>;
  settle(index: number): void;
};

async function dropFinished<Input>({ job, open, settle }: State<Input>): Promise<void> {
  const there = new Set(await readdir(join(job.folder, SHARDS)).catch(() => []));
  for (const index of [...open]) if (there.has(`${job.digests[index]}.jsonl`)) settle(index);
}

/** Whether anything is free, and who works on the rest, each once. Every claim is looked at, for staleness is a matter of watching. */
async function whoHolds<Input>({ claims, open, job }: State<Input>) {
  const holders = new Map<string, Holder | undefined>();
  let free = false;
  for (const index of open) {
    const holder = await claims.heldBy(job.digests[index]!);
    if (holder === undefined) free = true;
    else if (holder === "unnamed") holders.set("", undefined);
    else holders.set(`${holder.pid} ${holder.host} ${holder.space}`, holder);
  }
  return { free, holders: [...holders.values()] };
}

/** Goes through the inputs once and does each open shard that nobody else is at. */
async function workOpen<Input>(state: State<Input>): Promise<void> {
  const { job, claims, open } = state;
  const inHand = new Set<Promise<void>>();
  let failed: { error: unknown } | undefined;
  const begin = (index: number, input: Input, claim: Claim) => {
    const done: Promise<void> = workOne(state, index, input, claim)
      .catch((error: unknown) => {
        failed ??= { error };
      })
      .finally(() => inHand.delete(done));
    inHand.add(done);
  };
  let index = -1;
  const last = [...open].reduce((most, at) => Math.max(most, at), -1);
  for await (const input of job.inputs()) {
    index++;
    if (index > last || failed !== undefined) break;
    if (!open.has(index)) continue;
    if (job.signal?.aborted) break;
    const claim = await claims.take(job.digests[index]!);
    if (claim === undefined) continue;
    begin(index, input, claim);
    if (inHand.size >= IN_HAND) await Promise.race(inHand);
  }
  await Promise.all(inHand);
  if (failed !== undefined) throw failed.error;
  checkNotInterrupted(job.signal, job.name);
}

async function workOne<Input>(
  { job, settle }: State<Input>,
  index: number,
  input: Input,
  claim: Claim,
): Promise<void> {
  const { folder, signal, name } = job;
  const digest = job.digests[index]!;
  const file = shardPath(folder, digest);
  try {
    // Between our look and our claim its last holder may have finished it.
    if (await exists(file)) return settle(index);
    if (claim.takenOver) await clearLeftovers(folder, digest);
    const text = await untilAborted(job.work(input, index), signal, name);
    await writeFileAtomic(file, text).catch(async (error: unknown) => {
      // A process that was held up for long may find its shard taken over, cleared away and finished.
      if (!(await exists(file))) throw error;
    });
    settle(index);
  } finally {
    await claim.release();
  }
}

/** What a dead holder left of this shard; others' files carry other names. */
async function clearLeftovers(folder: string, digest: string): Promise<void> {
  const inside = await readdir(join(folder, SHARDS));
  for (const name of inside.filter((entry) => entry.startsWith(`${TMP}${digest}`)))
    await rm(join(folder, SHARDS, name), { force: true });
}

function checkNotInterrupted(signal: AbortSignal | undefined, name: string): void {
  if (signal?.aborted) throw new InterruptedError(name);
}

/** The work's result, or an interruption at once: what was begun is dropped, for its shard is done anew. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, name: string): Promise<T> {
  if (signal?.aborted) {
    work.catch(() => {});
    return Promise.reject(new InterruptedError(name));
  }
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(new InterruptedError(name));
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

async function pause(ms: number, signal: AbortSignal | undefined, name: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await untilAborted(wait, signal, name).finally(() => clearTimeout(timer));
}
