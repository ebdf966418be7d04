/** `weak-teacher reward-bench`: accuracy on pairs in RewardBench's form, per subset and section. */

import type { Command } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import { DEFAULT_SEED } from "../../../base/core/rng.ts";
import { sum } from "../../../base/stats/describe.ts";
import { STYLES } from "../../../method/data/adapters/lists.ts";
import { type Source, sourceName } from "../../../method/data/source.ts";
import type { StyleMatrix } from "../../../method/evaluate/bench-lists.ts";
import type { BenchResult, BenchScorer } from "../../../pipeline/results/bench.ts";
import type { ReportTable } from "../../../report/data.ts";
import { formatInterval, formatNumber } from "../../../report/format.ts";
import { tableView } from "../../../report/table.ts";
import { type DataOptions, readOptions, SOURCES, sourceOf, withData } from "../data-options.ts";
import { type ComputeOptions, examples, wholeNumber, withCompute } from "../options.ts";
import { formatTable } from "../outcome-view.ts";
import { act, type Session } from "../session.ts";
import { TEACHER_FLAGS, type TeacherOptions, withTeacher } from "../teacher-flags.ts";
import { teacherOf } from "../teacher-options.ts";

type BenchOptions = ComputeOptions &
  DataOptions &
  TeacherOptions & { readonly replies?: string; readonly seed: number };

/** Adds the verb `reward-bench`. */
export function addRewardBench(program: Command): void {
  const command = program
    .command("reward-bench")
    .description(
      "accuracy of a teacher or a reward model on preferences in RewardBench's form: per subset, per section, overall; ties count as wrong",
    )
    .argument("<files...>", `prompt, chosen, rejected, subset: ${SOURCES}`)
    .option("--replies <folder>", "where an endpoint's replies are kept (judge-chat), default judge-answers")
    .option(
      "--seed <n>",
      "seed of the order in which a teacher sees candidates",
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      DEFAULT_SEED,
    );
  withCompute(withData(withTeacher(command)))
    .addHelpText(
      "after",
      examples([
        "reward-bench reward-bench.parquet --model models/reward-deberta",
        "reward-bench filtered.jsonl --model models/dpo --reference models/sft --json",
        "reward-bench filtered.jsonl --teacher judge-local --model models/judge",
      ]),
    )
    .addHelpText(
      "after",
      "Without --teacher: with --reference the implicit reward; else a *ForSequenceClassification folder (deberta-v2 and modernbert too) by its head, and a language model by its likelihood.",
    )
    .action(
      act((session, files: readonly string[], options: BenchOptions) =>
        runBench(
          session,
          sourceOf(files, options.mix),
          options,
          command.getOptionValueSource("teacher") !== "default",
        ),
      ),
    );
}

async function runBench(session: Session, file: Source, options: BenchOptions, told: boolean): Promise<void> {
  const { benchFile } = await import("../../../pipeline/results/bench-file.ts");
  const { seed, replies, device, threads, maxLength, maxPromptLength } = options;
  const { log, signal } = session;
  const result = await benchFile({
    ...{ file, read: readOptions(options), seed, replies, maxLength, maxPromptLength },
    scorer: told ? await namedTeacher(options) : await impliedScorer(options),
    ...{ device, threads, log, signal },
  });
  const name = sourceName(file);
  session.result({ file: name, ...result }, wordsOf(name, result));
}

/** A control's file is read when it opens, which `benchFile` refuses. */
function namedTeacher(options: BenchOptions): Promise<BenchScorer> {
  const none = () => Promise.reject(new Error("internal: a control without a file"));
  return teacherOf(options, options.seed, { gold: none, human: none });
}

/** What scores when only folders are named. */
async function impliedScorer(options: BenchOptions): Promise<BenchScorer> {
  const { model, reference, teacher: _, ...others } = options;
  if (model === undefined)
    throw new ConfigError("--model: is missing; name the folder of what scores, or a kind with --teacher.");
  if (reference !== undefined) return namedTeacher(options);
  const { scorerOfFolder } = await import("../../../pipeline/results/bench-file.ts");
  const scorer = await scorerOfFolder(model);
  if (scorer.kind !== "reward-model") return namedTeacher({ ...options, teacher: "likelihood" });
  const useless = Object.entries(TEACHER_FLAGS).filter(
    ([flag]) => (others as Readonly<Record<string, unknown>>)[flag] !== undefined,
  );
  if (useless.length > 0)
    throw new ConfigError(
      useless.map(([, flag]) => `--${flag}: has no effect on a reward model. Leave it out.`),
    );
  return scorer;
}

function wordsOf(file: string, result: BenchResult): string {
  const { subsets, sections, score, overall, pairs, truncated, unscored } = result;
  const table: ReportTable = {
    columns: [
      { title: "subset" },
      { title: "section" },
      { title: "accuracy", format: "percent" },
      { title: "units", format: "count" },
      { title: "pairs", format: "count" },
      { title: "ties", format: "count" },
    ],
    rows: subsets.map((one) => [one.subset, one.section, one.accuracy, one.accuracy.n, one.pairs, one.ties]),
  };
  const left = Object.entries(unscored).map(([why, count]) => `${count} ${why}`);
  const lines = [
    formatTable(tableView(table)!),
    "",
    ...sections.map(
      ({ section, accuracy, pairs: n, missing }) =>
        `${section}: ${formatNumber(accuracy, { format: "percent" })} of ${n} pairs${missing.length === 0 ? "" : `, without ${missing.join(", ")}: no figure to compare with published ones`}`,
    ),
    score === null
      ? "score: none, for it is the mean of all four sections"
      : `score (mean of the four sections): ${formatNumber(score, { format: "percent" })}`,
    ...(result.styles ?? []).flatMap(styleWords),
    ...(result.bestOf === undefined ? [] : bestOfWords(result.bestOf)),
    `overall: ${formatInterval(overall, { format: "percent" })} of ${pairs - sum(Object.values(unscored))} pairs, n = ${overall.n} units (prompts, or groups of them)`,
    `${file}: ${pairs} pairs by ${result.scorer}; ${truncated} seen in part${left.length === 0 ? "" : `; without a score: ${left.join(", ")}`}`,
  ];
  return lines.join("\n");
}

const percentOf = (share: number) => formatNumber(share, { format: "percent" });

/** RM-Bench's matrix: rows are styles of the chosen response, columns of the rejected one. */
function styleWords({ subset, rows, matrix, easy, normal, hard, average }: StyleMatrix): string[] {
  const cells = (list: readonly string[]) => list.map((text) => text.padStart(11)).join("");
  return [
    `${subset}, ${rows} rows by style (rows: chosen, columns: rejected):`,
    `  ${"".padEnd(9)}${cells(STYLES)}`,
    ...matrix.map(
      (row, i) => `  ${STYLES[i]!.padEnd(9)}${cells(row.map(({ estimate }) => percentOf(estimate)))}`,
    ),
    `  easy ${percentOf(easy)}, normal ${percentOf(normal)}, hard ${percentOf(hard)}, average ${percentOf(average)}`,
    "",
  ];
}

/** RewardBench 2's figures. */
function bestOfWords({ subsets, score }: NonNullable<BenchResult["bestOf"]>): string[] {
  return [
    ...subsets.map(({ subset, rows, accuracy, ties, why }) =>
      accuracy !== null
        ? `best of n, ${subset}: ${formatInterval(accuracy, { format: "percent" })} of ${rows} rows`
        : ties === null
          ? `best of n, ${subset}: no score: ${why}`
          : `${subset}: ${percentOf(ties.score)} (right of tied ${percentOf(ties.tied)}, of reference ${percentOf(ties.reference)}; gap above spread ${percentOf(ties.preferred)}, with the reference's ${percentOf(ties.preferredHard)}; margin ${ties.margin.toFixed(3)}) of ${rows} rows`,
    ),
    score === null
      ? "RewardBench 2: none, for it is the mean of all six subsets"
      : `RewardBench 2 (mean of the six subsets): ${percentOf(score)}`,
  ];
}
