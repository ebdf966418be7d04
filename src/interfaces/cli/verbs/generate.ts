/** `weak-teacher generate`: sampled responses to prompts, scored by gold where that is asked for. */

import { type Command, Option } from "commander";
import { DEFAULT_SEED } from "../../../base/core/rng.ts";
import { badRowOption } from "../data-options.ts";
import { type ComputeOptions, collect, examples, wholeNumber, withCompute } from "../options.ts";
import { act, type Session } from "../session.ts";

type GenerateOptions = ComputeOptions & {
  readonly model: string;
  readonly out: string;
  readonly set: readonly string[];
  readonly onBadRow: "fail" | "skip";
  readonly seed: number;
  readonly fresh?: boolean;
  readonly sampleOnly?: boolean;
};

/** Adds the verb `generate`. */
export function addGenerate(program: Command): void {
  const command = program
    .command("generate")
    .description("sample responses to prompts, with log-probabilities and gold scores, as JSON lines")
    .argument(
      "<prompts...>",
      "column `prompt` of a JSONL, CSV, Parquet or Arrow file, each different one once; a JSON list of texts; a text file, one a line; or a folder or quoted glob of such data files",
    )
    .requiredOption("--model <folder>", "the model that writes")
    .requiredOption(
      "--out <folder>",
      "where responses.jsonl goes, one record per response; several processes at one folder share the work",
    )
    .option(
      "--set <name=value>",
      "max_new_tokens, temperature, top_k, top_p, stop, per_prompt, gold, as in a recipe's eval section",
      collect,
      [],
    )
    .addOption(badRowOption())
    .option("--seed <n>", "seed of the sampling", wholeNumber(0, Number.MAX_SAFE_INTEGER), DEFAULT_SEED)
    .option("--fresh", "start over, whatever is kept")
    .addOption(
      new Option(
        "--sample-only",
        "only sample, together with others at the same --out; the same command without it finishes",
      ).conflicts("fresh"),
    );
  withCompute(command)
    .addHelpText(
      "after",
      examples([
        "generate prompts.json --model models/dpo --out responses --set max_new_tokens=64",
        "generate 'prompts/*.parquet' more.jsonl --on-bad-row skip --model models/sft --out responses",
        "generate pairs.jsonl --model models/sft --out responses --set per_prompt=4",
        "generate prompts.txt --model models/dpo --out responses --set gold=[sentiment] --set temperature=1",
      ]),
    )
    .action(act(runGenerate));
}

async function runGenerate(
  session: Session,
  prompts: readonly string[],
  options: GenerateOptions,
): Promise<void> {
  const { generateResponses } = await import("../../library/train.ts");
  const { set, sampleOnly = false, out, ...rest } = options;
  const { log, signal } = session;
  const { step, facts } = await generateResponses({
    ...rest,
    prompts,
    out,
    settings: set,
    sampleOnly,
    log,
    signal,
  });
  if (facts === undefined)
    return session.result(
      step,
      `${out}: all prompts are answered; the same command without --sample-only writes the records`,
    );
  const means = Object.entries(facts.gold).map(([name, value]) => `, mean ${name} ${value.toFixed(3)}`);
  const kept = step.state === "cached" ? " (kept from before)" : "";
  session.result(
    { ...step, out, ...facts },
    `${out}${kept}: ${facts.responses} responses to ${facts.prompts} prompts${means.join("")}`,
  );
}
