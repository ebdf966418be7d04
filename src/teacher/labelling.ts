/**
 * Scores a pool with a teacher, shard by shard, into a folder (`scores-folder.ts`). A shard's scores appear whole or not at all,
 * several processes may work in one folder, a finished shard is never scored again, and memory does not grow with the pool.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, DataError, InterruptedError } from "../core/errors.ts";
import { exists, writeFileAtomic } from "../core/files.ts";
import { type Log, type Progress, silentLog } from "../core/log.ts";
import type { CandidatePair } from "../data/rows.ts";
import { type Claim, type Claims, type ClaimTimes, openClaims } from "./claims.ts";
import { serializeScores } from "./score-file.ts";
import {
  CLAIMS,
  manifestOf,
  type ScoresManifest,
  SHARDS,
  shardFile,
  writeManifest,
} from "./scores-folder.ts";
import { chunksOf, type PairSource, planShards, type Shard, shardDigest } from "./shards.ts";
import { type PairScore, type Teacher, teacherDigest } from "./teacher.ts";

/** How to label a pool. */
export type LabelPoolOptions = {
  readonly teacher: Teacher;
  readonly pairs: PairSource;
  /** Where scores go; the same folder for all processes that share the work. */
  readonly folder: string;
  /** Pairs in a shard, default 512: what a crash may lose, and the room for putting pairs of like length together. */
  readonly shardSize?: number;
  readonly log?: Log;
  readonly signal?: AbortSignal | undefined;
  readonly claims?: ClaimTimes;
  /** How often to look whether other processes are done, in milliseconds, default 500. */
  readonly pollMs?: number;
};

/** What this process did. */
export type LabelReport = {
  /** Pairs in the pool. */
  readonly pairs: number;
  /** Pairs scored by this call, and pairs whose scores were there or came from other processes. */
  readonly scored: number;
  readonly reused: number;
  readonly shards: number;
  /** Tokens read by this call, each pair's prompt once per model pass. */
  readonly tokens: number;
  readonly seconds: number;
  /** Null when nothing was scored. */
  readonly pairsPerSecond: number | null;
  readonly tokensPerSecond: number | null;
  /** Pairs by flag, among those scored by this call. */
  readonly flags: Readonly<Record<string, number>>;
};

/** Scores of a pool: where they are and how they came about. */
export type LabelledPool = {
  readonly folder: string;
  readonly manifest: ScoresManifest;
  readonly report: LabelReport;
};

/**
 * Scores every pair of a pool that is not scored yet and returns when all are, by this process or others.
 *
 * @throws InterruptedError when `signal` fires; finished shards stay
 * @throws ConfigError when the folder holds another teacher's scores; DataError when the pool is empty or changes meanwhile
 */
export async function labelPool(options: LabelPoolOptions): Promise<LabelledPool> {
  const { folder, pairs, teacher, shardSize = 512, log = silentLog } = options;
  if (!(Number.isInteger(shardSize) && shardSize > 0))
    throw new ConfigError(`label: shardSize is out of range, expected a positive integer, got ${shardSize}.`);
  const shards = await planShards(pairs, teacherDigest(teacher.manifest), shardSize);
  const manifest = manifestOf(teacher, shardSize, shards);
  await writeManifest(folder, manifest);
  await mkdir(join(folder, SHARDS), { recursive: true });
  const progress = log.progress(`labelling with ${teacher.name}`, manifest.pairs, "pairs");
  const work = await startWork(options, manifest, progress);
  try {
    await work.finish();
  } finally {
    progress.end();
  }
  return { folder, manifest, report: work.report() };
}

type Work = { finish(): Promise<void>; report(): LabelReport };

async function startWork(
  options: LabelPoolOptions,
  manifest: ScoresManifest,
  progress: Progress,
): Promise<Work> {
  const { folder, signal, pollMs = 500 } = options;
  const claims = await openClaims(join(folder, CLAIMS), options.claims);
  const open = new Set(manifest.shards.map((_, i) => i));
  const total = { scored: 0, tokens: 0, flags: new Map<string, number>() };
  const startedMs = performance.now();
  const settle = (index: number) => {
    open.delete(index);
    const left = [...open].reduce((sum, i) => sum + manifest.shards[i]!.pairs, 0);
    progress.update(manifest.pairs - left);
  };
  const dropFinished = async () => {
    for (const index of [...open])
      if (await exists(shardFile(folder, manifest.shards[index]!))) settle(index);
  };
  const scored = (index: number, scores: readonly PairScore[]) => {
    total.scored += scores.length;
    for (const { tokens, flags } of scores) {
      total.tokens += tokens;
      for (const flag of flags) total.flags.set(flag, (total.flags.get(flag) ?? 0) + 1);
    }
    settle(index);
  };
  return {
    async finish() {
      await dropFinished();
      while (open.size > 0) {
        const before = open.size;
        // The pool is read again only if there is something in it to do.
        if (await anyFree(claims, manifest, open))
          await scoreOpen({ options, manifest, claims, open, scored, settle });
        await dropFinished();
        if (open.size > 0 && open.size === before) await pause(pollMs, signal);
      }
    },
    report: () => reportOf(manifest, total, (performance.now() - startedMs) / 1000),
  };
}

async function anyFree(claims: Claims, { shards }: ScoresManifest, open: Iterable<number>): Promise<boolean> {
  // Every claim is looked at, for staleness is a matter of watching.
  let free = false;
  for (const index of open) free = !(await claims.isHeld(shards[index]!.digest)) || free;
  return free;
}

type Pass = {
  readonly options: LabelPoolOptions;
  readonly manifest: ScoresManifest;
  readonly claims: Claims;
  readonly open: ReadonlySet<number>;
  scored(index: number, scores: readonly PairScore[]): void;
  settle(index: number): void;
};

/** Goes through the pool once and scores each open shard that nobody else is at. */
async function scoreOpen(pass: Pass): Promise<void> {
  const { options, manifest, claims, open } = pass;
  let index = -1;
  let last = Math.max(...open);
  for await (const pairs of chunksOf(options.pairs, manifest.shardSize)) {
    index++;
    if (index > last) break;
    if (!open.has(index)) continue;
    checkNotInterrupted(options.signal);
    const claim = await claims.take(manifest.shards[index]!.digest);
    if (claim === undefined) continue;
    try {
      await scoreShard(pass, index, pairs, claim);
    } finally {
      await claim.release();
    }
    last = Math.max(-1, ...open);
  }
}

async function scoreShard(pass: Pass, index: number, pairs: CandidatePair[], claim: Claim): Promise<void> {
  const { teacher, folder, signal } = pass.options;
  const shard = pass.manifest.shards[index]!;
  const file = shardFile(folder, shard);
  // Between our look and our claim its last holder may have finished it.
  if (await exists(file)) return pass.settle(index);
  if (claim.takenOver) await clearLeftovers(folder, shard);
  if (shardDigest(pass.manifest.teacher.digest, pairs) !== shard.digest)
    throw new DataError("pool", 0, "changed while it was being labelled. Run the same command again.");
  const scores = await untilAborted(teacher.scorePairs(pairs, signal), signal);
  checkScores(teacher, pairs, scores);
  await writeFileAtomic(file, serializeScores(scores)).catch(async (error: unknown) => {
    // A process that was held up for long may find its shard taken over, cleared away and finished.
    if (!(await exists(file))) throw error;
  });
  pass.scored(index, scores);
}

/** What a dead holder left of this shard; others' files carry other names. */
async function clearLeftovers(folder: string, { digest }: Shard): Promise<void> {
  const inside = await readdir(join(folder, SHARDS));
  for (const name of inside.filter((entry) => entry.startsWith(`.tmp-${digest}`)))
    await rm(join(folder, SHARDS, name), { force: true });
}

function checkScores({ name }: Teacher, pairs: readonly CandidatePair[], scores: readonly PairScore[]): void {
  const wrong = pairs.findIndex(({ id }, i) => scores[i]?.id !== id);
  if (scores.length !== pairs.length || wrong >= 0)
    throw new Error(
      `internal: teacher ${name} gave ${scores.length} scores for ${pairs.length} pairs, first wrong at ${wrong}`,
    );
}

function checkNotInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError("label");
}

/** The work's result, or an interruption at once: what was begun is dropped, for its shard is scored anew. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  checkNotInterrupted(signal);
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(new InterruptedError("label"));
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await untilAborted(wait, signal).finally(() => clearTimeout(timer));
}

function reportOf(
  { pairs, shards }: ScoresManifest,
  { scored, tokens, flags }: { scored: number; tokens: number; flags: ReadonlyMap<string, number> },
  seconds: number,
): LabelReport {
  const rate = (count: number) => (scored === 0 ? null : count / Math.max(seconds, 1e-9));
  return {
    pairs,
    scored,
    reused: pairs - scored,
    shards: shards.length,
    tokens,
    seconds,
    pairsPerSecond: rate(scored),
    tokensPerSecond: rate(tokens),
    flags: Object.fromEntries([...flags].sort(([x], [y]) => (x < y ? -1 : 1))),
  };
}
