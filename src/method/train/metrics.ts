/** What a run writes down: one line per optimiser step or evaluation, under TRL's names. */
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../base/core/files.ts";
import { rowReader } from "../../base/files/row-file.ts";

/**
 * One line of `metrics.jsonl`. Training lines have `loss, learning_rate, grad_norm, epoch, global_step, num_tokens` and the
 * stage's own; evaluation lines have the same names behind `eval_`. Every value is a mean over the whole global batch.
 */
export type MetricsLine = Readonly<Record<string, number>> & {
  readonly global_step: number;
  readonly epoch: number;
};

const lineSchema = z.object({ global_step: z.number(), epoch: z.number() }).catchall(z.number());

/** Checks lines read back from a checkpoint. */
export const metricsLinesSchema = z.array(lineSchema);

/** Lines of `metrics.jsonl`. */
export const METRICS = rowReader<MetricsLine>({
  what: "line of a training's metrics",
  schema: lineSchema,
  fix: "Take the line out: nothing but curves and counts is drawn from it.",
});

/** `metrics.jsonl` of a run, append-only. */
export interface MetricsFile {
  append(line: MetricsLine): Promise<void>;
}

/**
 * Opens `metrics.jsonl` with the lines known so far, cutting off what a stopped run wrote after its checkpoint.
 * @throws AlignError with code "io" when it cannot be written
 */
export async function openMetrics(folder: string, lines: readonly MetricsLine[]): Promise<MetricsFile> {
  const path = join(folder, "metrics.jsonl");
  await writeFileAtomic(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return { append: (line) => appendFile(path, `${JSON.stringify(line)}\n`) };
}

/** Puts `eval_` in front of every name. */
export function evaluationNames(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`eval_${name}`, value]));
}

/** The measured values of an evaluation line, under the names that training has for them. */
export function withoutEvaluationNames(line: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(line).flatMap(([name, value]) =>
      name.startsWith("eval_") ? [[name.slice(5), value]] : [],
    ),
  );
}

/** Metrics of a reward head over a global batch; `scores` of chosen and rejected, one per pair. */
export function rewardMetrics(
  chosen: readonly number[],
  rejected: readonly number[],
): Record<"accuracy" | "min_reward" | "mean_reward" | "max_reward" | "margin", number> {
  const pairs = chosen.length;
  const all = [...chosen, ...rejected];
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  return {
    // A tie is no correct answer.
    accuracy: chosen.filter((value, i) => value > rejected[i]!).length / pairs,
    min_reward: all.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
    mean_reward: total(all) / all.length,
    max_reward: all.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY),
    margin: (total(chosen) - total(rejected)) / pairs,
  };
}
