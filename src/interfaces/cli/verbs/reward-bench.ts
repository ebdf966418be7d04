/** `weak-teacher reward-bench`: accuracy on pairs in RewardBench's form, per subset and section. */

import type { Command } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import { DEFAULT_SEED } from "../../../base/core/rng.ts";
import { type Source, sourceName } from "../../../method/data/source.ts";
import type { BenchScorer } from "../../../pipeline/results/bench.ts";
import { type DataOptions, readOptions, SOURCES, sourceOf, withData } from "../data-options.ts";
import { type ComputeOptions, examples, wholeNumber, withCompute } from "../options.ts";
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
  const { formatBench } = await import("../bench-view.ts");
  const { benchFile } = await import("../../../pipeline/results/bench-file.ts");
  const { seed, replies, device, threads, maxLength, maxPromptLength } = options;
  const { log, signal } = session;
  const result = await benchFile({
    ...{ file, read: readOptions(options), seed, replies, maxLength, maxPromptLength },
    scorer: told ? await namedTeacher(options) : await impliedScorer(options),
    ...{ device, threads, log, signal },
  });
  const name = sourceName(file);
  session.result({ file: name, ...result }, formatBench(name, result));
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
