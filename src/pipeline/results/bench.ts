/** RewardBench-format accuracy of whatever scores pairs: a teacher, or a reward model of the gold registry. */
import { InterruptedError } from "../../base/core/errors.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import { toCandidates } from "../../method/data/candidates.ts";
import { type LoadOptions, readPreferences } from "../../method/data/load.ts";
import { unitOf } from "../../method/data/normalise.ts";
import type { PreferenceRow } from "../../method/data/rows.ts";
import type { Source } from "../../method/data/source.ts";
import { bestOfN, listPairs, type StyleMatrix, styleMatrices } from "../../method/evaluate/bench-lists.ts";
import { openRewardModel } from "../../method/evaluate/gold-reward-model.ts";
import {
  type PairScore,
  type RewardBench,
  rewardBench,
  scorePairs,
} from "../../method/evaluate/reward-bench.ts";
import { openTeacher, type TeacherChoice } from "../../method/teacher/choice.ts";
import { rewardModelEncodable, teacherEncodable } from "../job/encodable.ts";
import type { JobDeps } from "../stages/deps.ts";
import { stageDeps } from "../stages/deps.ts";

/** What scores. `reward-model` is any *ForSequenceClassification folder, encoders included. */
export type BenchScorer = TeacherChoice | { readonly kind: "reward-model"; readonly model: string };

/** What to measure on what. */
export type BenchRequest = {
  readonly file: Source;
  readonly read: Omit<LoadOptions, "log">;
  readonly scorer: BenchScorer;
  readonly limits: TokenLimits;
  /** Draws which response a teacher sees as a, so that order tells it nothing. */
  readonly seed: number;
  /** Folder of an endpoint's replies. */
  readonly replies: string;
};

/** Accuracies, and what they leave out or were made of. */
export type BenchResult = RewardBench & {
  /** RM-Bench's accuracies by style, where the file has its three by three. */
  readonly styles?: readonly StyleMatrix[];
  /** RewardBench 2's best of n, where rows are lists. */
  readonly bestOf?: ReturnType<typeof bestOfN>;
  readonly scorer: string;
  /** Pairs read. */
  readonly pairs: number;
  /** Rows that were skipped, `--on-bad-row skip`. */
  readonly badRows: number;
  /** Pairs without a score, by reason; they are in no accuracy. */
  readonly unscored: Readonly<Record<string, number>>;
  /** Pairs of which a model saw only a part; they are scored as far as it saw them. */
  readonly truncated: number;
};

/**
 * Scores the file's pairs and counts.
 * @throws DataError for a bad file, or when no pair has a score; ConfigError and CheckpointError as the scorer's opener
 */
export async function benchPairs(
  deps: Omit<JobDeps, "pipeline">,
  request: BenchRequest,
): Promise<BenchResult> {
  const { scorer } = request;
  const { check } = await (scorer.kind === "reward-model"
    ? rewardModelEncodable(scorer.model)
    : teacherEncodable(scorer));
  const { rows, report } = await readPreferences(request.file, {
    ...request.read,
    seed: request.seed,
    log: deps.log,
    check,
  });
  const scored = await (request.scorer.kind === "reward-model"
    ? byRewardModel(deps, request, request.scorer.model, rows)
    : byTeacher(deps, request, request.scorer, rows));
  const kept = rows.flatMap((row, i) => {
    const score = scored.scores[i]!;
    return Number.isFinite(score.chosen - score.rejected) ? [{ row, score }] : [];
  });
  const lists = listPairs(
    kept.map(({ row }) => row),
    kept.map(({ score }) => score),
    unitOf,
  );
  return {
    ...(report.format === "rm-bench" ? { styles: styleMatrices(lists) } : {}),
    ...(report.format === "rewardbench-2" ? { bestOf: bestOfN(lists) } : {}),
    scorer: scored.name,
    pairs: rows.length,
    badRows: report.bad.length,
    unscored: scored.unscored,
    truncated: scored.truncated,
    ...rewardBench(
      kept.map(({ row }) => row),
      kept.map(({ score }) => score),
    ),
  };
}

type Scored = {
  readonly name: string;
  readonly scores: readonly PairScore[];
  readonly unscored: Readonly<Record<string, number>>;
  readonly truncated: number;
};

async function byRewardModel(
  deps: Omit<JobDeps, "pipeline">,
  { limits }: BenchRequest,
  model: string,
  rows: readonly PreferenceRow[],
): Promise<Scored> {
  let truncated = 0;
  const cut = new Set<number>();
  const gold = await openRewardModel(
    stageDeps(deps),
    { type: "reward-model", model, reads: "auto", tooLong: "truncate", trainedOn: [], ...limits },
    { onCut: (index) => cut.add(index >> 1) },
  );
  try {
    const scores = await inChunks(deps, rows, async (chunk) => {
      const scored = await scorePairs(gold, chunk);
      truncated += cut.size;
      cut.clear();
      return scored;
    });
    return { name: gold.name, scores, unscored: {}, truncated };
  } finally {
    await gold.close();
  }
}

async function byTeacher(
  deps: Omit<JobDeps, "pipeline">,
  { limits, seed, replies }: BenchRequest,
  choice: TeacherChoice,
  rows: readonly PreferenceRow[],
): Promise<Scored> {
  const { pairs, humanLabels } = toCandidates(rows, seed);
  const teacher = await openTeacher(deps, choice, { limits, replies });
  try {
    const scored = await inChunks(deps, pairs, (chunk) => teacher.scorePairs(chunk, deps.signal));
    const first = new Map(humanLabels.map(({ id, preferred }) => [id, preferred !== "b"]));
    const byId = new Map(
      scored.map((score): [string, PairScore] => {
        const { id, scoreA: a, scoreB: b } = score;
        return [id, first.get(id) ? { chosen: a, rejected: b } : { chosen: b, rejected: a }];
      }),
    );
    const bad = scored.filter(({ scoreA, scoreB }) => !Number.isFinite(scoreA - scoreB));
    return {
      name: teacher.name,
      scores: rows.map(({ id }) => byId.get(id)!),
      unscored: countReasons(
        bad.map(({ flags }) => flags.find((flag) => flag !== "non-finite") ?? "non-finite"),
      ),
      truncated: scored.filter(({ flags }) => flags.some((flag) => flag.startsWith("truncated"))).length,
    };
  } finally {
    await teacher.close();
  }
}

function countReasons(reasons: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

/** Pairs scored between two looks at the signal. */
const CHUNK = 128;

async function inChunks<T, R>(
  { log, signal }: Omit<JobDeps, "pipeline">,
  items: readonly T[],
  score: (chunk: readonly T[]) => Promise<readonly R[]>,
): Promise<R[]> {
  const progress = log.progress("score", items.length, "pairs");
  const results: R[] = [];
  for (let at = 0; at < items.length; at += CHUNK) {
    if (signal?.aborted) throw new InterruptedError("reward-bench");
    results.push(...(await score(items.slice(at, at + CHUNK))));
    progress.update(results.length);
  }
  progress.end();
  return results;
}
