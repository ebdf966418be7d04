/** `weak-teacher generate`: sampled responses to prompts, scored by gold where that is asked for. */
import type { Command } from "commander";
import { ConfigError, DataError } from "../../core/errors.ts";
import { readText } from "../../core/files.ts";
import { type ComputeOptions, collect, examples, wholeNumber, withCompute } from "../options.ts";
import { act, type Session } from "../session.ts";

type GenerateOptions = ComputeOptions & {
  readonly model: string;
  readonly out: string;
  readonly set: readonly string[];
  readonly seed: number;
};

/** Adds the verb `generate`. */
export function addGenerate(program: Command): void {
  const command = program
    .command("generate")
    .description("sample responses to prompts, with log-probabilities and gold scores, as JSON lines")
    .argument("<prompts>", "a JSON list of prompts, or a text file with one per line")
    .requiredOption("--model <folder>", "the model that writes")
    .requiredOption("--out <file>", "the JSON lines to write: one record per response")
    .option(
      "--set <name=value>",
      "max_new_tokens, temperature, top_k, top_p, stop, per_prompt, gold, as in a recipe's eval section",
      collect,
      [],
    )
    .option("--seed <n>", "seed of the sampling", wholeNumber(0, Number.MAX_SAFE_INTEGER), 22);
  withCompute(command)
    .addHelpText(
      "after",
      examples([
        "generate prompts.json --model models/dpo --out responses.jsonl --set max_new_tokens=64",
        "generate prompts.txt --model models/dpo --out responses.jsonl --set gold=[sentiment] --set temperature=1",
      ]),
    )
    .action(act(runGenerate));
}

async function runGenerate(session: Session, file: string, options: GenerateOptions): Promise<void> {
  const { settingsOf } = await import("../../pipeline/recipe/parse.ts");
  const { evalSchema } = await import("../../pipeline/recipe/sections.ts");
  const { evaluateArm } = await import("../../evaluate/arm.ts");
  const { openGoldScorer } = await import("../../evaluate/gold.ts");
  const { loadModel } = await import("../../checkpoint/load-model.ts");
  const { loadTokenizer } = await import("../../text/tokenizer.ts");
  const { openRuntime } = await import("../../runtime/runtime.ts");
  const { gold, ...generation } = settingsOf(evalSchema.omit({ nBootstrap: true }), options.set);
  const prompts = await readPrompts(file);
  const runtime = openRuntime(options);
  try {
    const model = await loadModel(runtime, options.model);
    const tokenizer = await loadTokenizer(options.model);
    const scorers = await Promise.all(gold.map((spec) => openGoldScorer({ runtime }, spec)));
    const { log, signal } = session;
    const how = {
      model,
      tokenizer,
      prompts,
      generation: { ...generation, seed: options.seed },
      gold: scorers,
      file: options.out,
    };
    const records = await evaluateArm({ runtime, log, signal }, how);
    const means = scorers.map(
      ({ name }) => [name, mean(records.map((record) => record.gold[name]!))] as const,
    );
    const text = means.map(([name, value]) => `, mean ${name} ${value.toFixed(3)}`).join("");
    const value = {
      out: options.out,
      prompts: prompts.length,
      responses: records.length,
      gold: Object.fromEntries(means),
    };
    session.result(value, `${options.out}: ${records.length} responses to ${prompts.length} prompts${text}`);
  } finally {
    await runtime.close();
  }
}

/** Prompts of a JSON list or of lines. @throws DataError for anything else; ConfigError when there is none */
async function readPrompts(file: string): Promise<string[]> {
  const text = await readText(file);
  const list = file.endsWith(".json")
    ? parseList(text, file)
    : text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (list.length === 0) throw new ConfigError(`${file}: holds no prompt.`);
  return list;
}

function parseList(text: string, file: string): string[] {
  const fail = (cause?: unknown) =>
    new DataError(file, 0, "expected a JSON list of prompts (strings), got something else.", { cause });
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw fail(error);
  }
  if (!Array.isArray(list) || !list.every((prompt) => typeof prompt === "string")) throw fail();
  return list;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
