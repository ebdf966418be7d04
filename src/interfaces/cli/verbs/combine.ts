/** `weak-teacher combine`: an ensemble of labellings that are there. */

import type { Command } from "commander";
import { DEFAULT_SEED } from "../../../base/core/rng.ts";
import type { ReadingFlags } from "../../../pipeline/recipe/first-recipe-text.ts";
import { readingFlags, sourceOf, withReading } from "../data-options.ts";
import { type RuleOptions, ruleSettings, ruleWarnings, withRules } from "../label-rules.ts";
import { collect, examples, wholeNumber } from "../options.ts";
import { act, type Session } from "../session.ts";

type CombineOptions = ReadingFlags &
  RuleOptions & {
    readonly pool: readonly string[];
    readonly out: string;
    readonly seed: number;
    readonly uncalibrated?: boolean;
    readonly dryRun?: boolean;
    readonly fresh?: boolean;
  };

/** Adds the verb `combine`. */
export function addCombine(program: Command): void {
  const command = program
    .command("combine")
    .description("labels of several teachers as one: mean calibrated probability, and where they disagree")
    .argument("<pool>", "the pairs that were labelled")
    .option(
      "--pool <file>",
      "a further source of the pool, in the order in which they were labelled; may be given again",
      collect,
      [],
    )
    .argument("<folders...>", "what label wrote of this pool, at least two, each with --calibrate")
    .requiredOption(
      "--out <folder>",
      "where labels.jsonl, training.jsonl, training.parquet and uncertainty.jsonl go",
    );
  withRules(command, "select (all, top or threshold) or weight")
    .option(
      "--seed <n>",
      "the seed they were labelled with",
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      DEFAULT_SEED,
    )
    .option(
      "--uncalibrated",
      "take probabilities that were not fitted to people's labels as they are; margins of different teachers have different scales",
    )
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--fresh", "start over, whatever is kept");
  withReading(command)
    .addHelpText(
      "after",
      examples([
        "combine pool.jsonl labels-seed1 labels-seed2 labels-judge --out ensemble",
        "combine pool.jsonl labels-dpo labels-reward --top 30 --weight tanh --out sure",
      ]),
    )
    .action(act(runCombine));
}

async function runCombine(
  session: Session,
  file: string,
  folders: readonly string[],
  options: CombineOptions,
): Promise<void> {
  const { combine } = await import("../../library/label.ts");
  const { nothingKept } = await import("../../../method/labels/kept-words.ts");
  const { log, signal } = session;
  const { out, seed, uncalibrated = false, dryRun, fresh } = options;
  const pool = sourceOf([file, ...options.pool], options.mix);
  const rules = ruleSettings(options);
  const { step, facts } = await combine({
    ...readingFlags(options),
    ...{ pool, folders, rules, seed, uncalibrated, out, dryRun, fresh, log, signal },
  });
  if (facts === undefined) return session.result(step, "combine: runs");
  const { counts, ensemble } = facts;
  const { members, uncertainty } = ensemble;
  for (const warning of ruleWarnings(options)) log.warn(warning);
  const { agreement, mutualInformation } = uncertainty;
  const split =
    agreement === null || mutualInformation === null
      ? "no pair has a label"
      : `on average ${(100 * agreement).toFixed(1)} % of them agree, and ${mutualInformation.toFixed(3)} nats of uncertainty lie between them`;
  session.result(
    { ...step, counts, members, uncertainty },
    `${out}: ${counts.pairs} pairs, ${counts.a + counts.b} labels by ${members.length} teachers; ${split}`,
  );
  const problem = nothingKept({ counts, promise: null });
  if (problem !== undefined) session.fail(`${out}: ${problem}`);
}
