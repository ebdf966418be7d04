/**
 * Scores a pool with a teacher, shard by shard, into a folder (`scores-folder.ts`). A shard's scores appear whole or not at all,
 * several processes may work in one folder, a finished shard is never scored again, and memory does not grow with the pool.
 */
import type { ClaimTimes } from "../../base/core/claims.ts";
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { workShards } from "../../base/core/shard-work.ts";
import type { CandidatePair } from "../data/rows.ts";
import { serializeScores } from "./score-file.ts";
import { manifestOf, type ScoresManifest, writeManifest } from "./scores-folder.ts";
import { chunksOf, type PairSource, planShards, shardDigest } from "./shards.ts";
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
  const count = { scored: 0, tokens: 0, flags: new Map<string, number>() };
  const startedMs = performance.now();
  const report = () => reportOf(manifest, count, (performance.now() - startedMs) / 1000);
  await writeManifest(folder, manifest);
  const progress = log.progress(`labelling with ${teacher.name}`, manifest.pairs, "pairs");
  let [done, spent] = [0, ""];
  const show = () => progress.update(done, spent, Math.max(0, done - count.scored));
  teacher.watchSpending?.((words) => {
    spent = words;
    show();
  });
  try {
    await workShards({
      ...options,
      name: "label",
      digests: shards.map(({ digest }) => digest),
      inputs: () => chunksOf(pairs, shardSize),
      work: async (chunk, index) => {
        const scores = await scoreShard(options, manifest, chunk, index);
        tally(count, scores);
        return serializeScores(scores);
      },
      settled: (index) => {
        done += shards[index]!.pairs;
        show();
      },
    });
  } finally {
    progress.end(spent);
  }
  return { folder, manifest, report: report() };
}

async function scoreShard(
  { teacher, signal }: LabelPoolOptions,
  manifest: ScoresManifest,
  pairs: readonly CandidatePair[],
  index: number,
): Promise<readonly PairScore[]> {
  if (shardDigest(manifest.teacher.digest, pairs) !== manifest.shards[index]!.digest)
    throw new DataError("pool", 0, "changed while it was being labelled. Run the same command again.");
  const scores = await teacher.scorePairs(pairs, signal);
  checkScores(teacher, pairs, scores);
  return scores;
}

type Count = { scored: number; tokens: number; flags: Map<string, number> };

function tally(count: Count, scores: readonly PairScore[]): void {
  count.scored += scores.length;
  for (const { tokens, flags } of scores) {
    count.tokens += tokens;
    for (const flag of flags) count.flags.set(flag, (count.flags.get(flag) ?? 0) + 1);
  }
}

function checkScores({ name }: Teacher, pairs: readonly CandidatePair[], scores: readonly PairScore[]): void {
  const wrong = pairs.findIndex(({ id }, i) => scores[i]?.id !== id);
  if (scores.length !== pairs.length || wrong >= 0)
    throw new Error(
      `internal: teacher ${name} gave ${scores.length} scores for ${pairs.length} pairs, first wrong at ${wrong}`,
    );
}

function reportOf(
  { pairs, shards }: ScoresManifest,
  { scored, tokens, flags }: Count,
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
