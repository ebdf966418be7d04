/** RewardBench's accuracies as one call: who scores is worked out from the folders, the runtime is opened and closed. */
import { ConfigError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { readModelConfig } from "../../engine/checkpoint/model-folder.ts";
import { lateRuntime } from "../../engine/runtime/late-runtime.ts";
import type { RuntimeOptions } from "../../engine/runtime/runtime.ts";
import type { PairOptions } from "../../method/data/pairs.ts";
import type { Source } from "../../method/data/source.ts";
import { readersOf } from "../../method/teacher/choice.ts";
import { type AskedLimits, limitsFor } from "../job/model-checks.ts";
import { checkReadable } from "../job/row-checks.ts";
import { type BenchResult, type BenchScorer, benchPairs } from "./bench.ts";

/** What to measure on what. */
export type BenchFileRequest = RuntimeOptions &
  AskedLimits & {
    /** Pairs with prompt, chosen, rejected, subset. */
    readonly file: Source;
    readonly scorer: BenchScorer;
    readonly read: PairOptions;
    /** Draws which response a teacher sees first. */
    readonly seed: number;
    /** Folder of an endpoint's replies, default `judge-answers`. */
    readonly replies?: string | undefined;
    readonly log?: Log | undefined;
    readonly signal?: AbortSignal | undefined;
  };

/**
 * Scores the pairs of a file and counts.
 * @throws ConfigError for settings without effect, and for scorers that read the truth from a file; as `benchPairs`
 */
export async function benchFile(call: BenchFileRequest): Promise<BenchResult> {
  const { file, scorer, read, seed, replies, device, threads, log = silentLog, signal } = call;
  if (scorer.kind === "gold" || scorer.kind === "noisy-human")
    throw new ConfigError(
      `--teacher ${scorer.kind}: reads what the pairs are worth from a file, so its accuracy says nothing. Choose another teacher.`,
    );
  if (replies !== undefined && scorer.kind !== "judge-chat")
    throw new ConfigError("--replies: has an effect with --teacher judge-chat only. Leave it out.");
  const runtime = lateRuntime(() => ({ ...(device && { device }), ...(threads && { threads }) }));
  // A reward model cuts limits to its own positions; an encoder reads conversations as plain text.
  const readers = scorer.kind === "reward-model" ? [] : readersOf(scorer);
  if (readers.length > 0) await checkReadable(readers, [{ file, read }]);
  const limits = await limitsFor(call, readers);
  try {
    return await benchPairs(
      { runtime: runtime.get, log, ...(signal && { signal }) },
      { file, read, scorer, limits, seed, replies: replies ?? "judge-answers" },
    );
  } finally {
    await runtime.close();
  }
}

/**
 * What scores when only a folder is named: a model with one score by its head, a language model by its likelihood.
 * @throws CheckpointError when the folder is no model
 */
export async function scorerOfFolder(model: string): Promise<BenchScorer> {
  const { architectures } = await readModelConfig(model);
  const scores =
    Array.isArray(architectures) &&
    architectures.some((name) => /ForSequenceClassification$/.test(String(name)));
  return scores ? { kind: "reward-model", model } : { kind: "likelihood", model };
}
