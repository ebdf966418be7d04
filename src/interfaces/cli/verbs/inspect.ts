/** `weak-teacher inspect`: what a data file is, how it was understood, and what a model sees of one row. */

import type { Command } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import { SOURCES, withData } from "../data-options.ts";
import type { InspectOptions } from "../inspect-files.ts";
import { examples, positiveNumber, wholeNumber } from "../options.ts";
import { act, type Session } from "../session.ts";

/** Adds the verb `inspect`. */
export function addInspect(program: Command): void {
  withData(
    program
      .command("inspect")
      .description(
        "show how a data file is understood: its shape, three rows, statistics, and one row's tokens",
      )
      .argument("<files...>", SOURCES)
      .option("--seed <n>", "seed of what --mix draws", wholeNumber(0, Number.MAX_SAFE_INTEGER))
      .option("--model <folder>", "a model folder; its tokenizer counts and shows tokens")
      .option(
        "--row <n>",
        "show the tokens of this pair with the loss mask, 1 is the first",
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      )
      .option(
        "--explain",
        "show what each token of both responses adds to the implicit reward of --model over --reference (row 1, or --row)",
      )
      .option("--reference <folder>", "the model that --model was trained from (--explain)")
      .option("--beta <number>", "factor on the log-ratio (--explain), default 0.1", positiveNumber),
    ", for --row and --explain",
  )
    .addHelpText(
      "after",
      examples([
        "inspect pairs.jsonl",
        "inspect ours.jsonl hub:Anthropic/hh-rlhf/harmless-base/train.jsonl.gz --mix 1,3",
        "inspect answers.csv --map prompt=question,chosen=best,rejected=worst",
        "inspect pairs.jsonl --model models/stories15M --row 3",
        "inspect pairs.jsonl --explain --model models/dpo/model --reference models/sft/model --row 3",
      ]),
    )
    .action(act(runInspect));
}

async function runInspect(
  session: Session,
  files: readonly string[],
  options: InspectOptions,
): Promise<void> {
  checkFlags(options);
  const { inspectFiles } = await import("../inspect-files.ts");
  await inspectFiles(session, files, options);
}

/** @throws ConfigError for flags that are missing or have no effect */
function checkFlags({ row, model, explain, reference, beta, seed, mix }: InspectOptions): void {
  const issues: string[] = [];
  if (seed !== undefined && mix === undefined)
    issues.push("--seed: has no effect without --mix. Leave it out.");
  if (row !== undefined && model === undefined)
    issues.push("--row: needs --model, whose tokenizer makes the tokens.");
  if (explain === true) {
    if (model === undefined) issues.push("--model: is missing; --explain needs the teacher's policy.");
    if (reference === undefined)
      issues.push("--reference: is missing; --explain needs the model that the policy was trained from.");
  } else
    for (const [flag, value] of Object.entries({ reference, beta }))
      if (value !== undefined) issues.push(`--${flag}: has no effect without --explain. Leave it out.`);
  if (issues.length > 0) throw new ConfigError(issues);
}
