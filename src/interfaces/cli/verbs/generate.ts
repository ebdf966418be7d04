/** `weak-teacher generate`: sampled responses to prompts, scored by gold where that is asked for. */
import { join } from "node:path";
import { type Command, Option } from "commander";
import { ConfigError, listed } from "../../../base/core/errors.ts";
import { readJson } from "../../../base/core/files.ts";
import type { GenerateFacts } from "../../../pipeline/job/generate-stage.ts";
import { badRowOption } from "../data-options.ts";
import { type ComputeOptions, collect, examples, wholeNumber, withCompute } from "../options.ts";
import { packageVersion } from "../package.ts";
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
    .option("--seed <n>", "seed of the sampling", wholeNumber(0, Number.MAX_SAFE_INTEGER), 22)
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
  files: readonly string[],
  options: GenerateOptions,
): Promise<void> {
  const { settingsOf } = await import("../../../base/settings/set.ts");
  const { generateSchema, generateStage } = await import("../../../pipeline/job/generate-stage.ts");
  const { runSingle } = await import("../../../pipeline/stages/single.ts");
  const { readPrompts } = await import("../../../method/data/prompts.ts");
  const { formatBadRow } = await import("../../../method/data/bad-rows.ts");
  const { checkPrompts } = await import("../../../pipeline/job/row-checks.ts");
  const { checkRoom } = await import("../../../pipeline/job/model-checks.ts");
  const { out, device, threads, seed } = options;
  if (out.endsWith(".jsonl"))
    throw new ConfigError(`--out ${out}: expected a folder; the records go to responses.jsonl in it.`);
  const settings = settingsOf(generateSchema, options.set);
  const { prompts, bad } = await readPrompts(files, options);
  if (bad.length > 0)
    session.log.warn(
      `${bad.length} bad rows are skipped: ${listed(
        bad.map((row) => formatBadRow(row)),
        3,
      )}`,
    );
  await checkPrompts(options.model, listed(files), prompts);
  await checkRoom([options.model], settings.maxNewTokens, "max_new_tokens (--set)");
  const { log, signal } = session;
  const how = {
    ...{ out, device, threads, log, signal, code: packageVersion() },
    fresh: options.fresh === true,
    shareOnly: options.sampleOnly === true,
  };
  const step = await runSingle(how, (deps) =>
    generateStage(deps, { model: options.model, prompts, settings, seed }),
  );
  if (step.state === "shared")
    return session.result(
      step,
      `${out}: all prompts are answered; the same command without --sample-only writes the records`,
    );
  const facts = (await readJson(join(out, "facts.json"))) as GenerateFacts;
  const means = Object.entries(facts.gold).map(([name, value]) => `, mean ${name} ${value.toFixed(3)}`);
  const kept = step.state === "cached" ? " (kept from before)" : "";
  session.result(
    { ...step, out, ...facts },
    `${out}${kept}: ${facts.responses} responses to ${facts.prompts} prompts${means.join("")}`,
  );
}
