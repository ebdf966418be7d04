/**
 * Evaluates one arm: samples responses to the test prompts, scores them with every gold scorer, and measures how far the arm
 * has moved from the SFT student on its own samples. One record per response, kept as JSON lines.
 */
import { z } from "zod";
import { AlignError, ConfigError } from "../../base/core/errors.ts";
import { rowKind } from "../../base/files/row-file.ts";
import type { Model } from "../../engine/model/model.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { TokenRow } from "../data/packing.ts";
import { promptId, type Text } from "../data/rows.ts";
import { textSchema } from "../data/text-schema.ts";
import { openScorer } from "../objective/score.ts";
import type { GoldScorer } from "./gold.ts";
import type { Samples } from "./sample-pairs.ts";
import { type EvaluateDeps, type Sample, type SamplingSettings, sampleResponses } from "./simulate.ts";

const armRecordSchema = z.strictObject({
  promptId: z.string().min(1),
  /** 0, 1, … among the responses to one prompt. */
  sample: z.number().int().nonnegative(),
  prompt: textSchema,
  response: z.string(),
  /** Score by gold scorer. */
  gold: z.record(z.string(), z.number()),
  /** Tokens of the response as sampled, EOS left out. */
  tokens: z.number().int().nonnegative(),
  finish: z.enum(["eos", "stop", "length"]),
  promptTruncated: z.boolean(),
  /** log π(response | prompt) at temperature 1, EOS included where it ended the response, nats. */
  logp: z.number(),
  /** The same of the SFT student; null where none was given. */
  sftLogp: z.number().nullable(),
});

/** One sampled response of an arm and all that was measured of it. */
export type ArmRecord = z.output<typeof armRecordSchema>;

/** An arm's records. */
export const ARM_RECORDS = rowKind<ArmRecord>({ what: "arm record", schema: armRecordSchema });

/** What to evaluate. */
export type ArmEvaluation = {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly prompts: readonly Text[];
  readonly generation: SamplingSettings;
  readonly gold: readonly GoldScorer[];
  /** The SFT student that all arms are compared with, in the same store and with the same tokenizer; for the KL estimate. */
  readonly sft?: Model | undefined;
  /** What samples the responses where it is not this engine. */
  readonly sample?: ((deps: EvaluateDeps) => Promise<Sample[]>) | undefined;
  /** Where the records go, as JSON lines. */
  readonly file?: string | undefined;
};

/**
 * Evaluates one arm. With one seed all arms draw the same random numbers for a prompt, so that differences between arms are
 * less noisy than the arms are.
 * @returns records by prompt, then by sample
 * @throws ConfigError when two gold scorers have one name or a prompt comes twice, and as `sampleResponses`;
 *   NumericsError when a score is not finite
 */
export async function evaluateArm(deps: EvaluateDeps, arm: ArmEvaluation): Promise<ArmRecord[]> {
  const ids = arm.prompts.map(promptId);
  refuseTwice(
    "gold scorer name",
    arm.gold.map(({ name }) => name),
  );
  refuseTwice("prompt", ids);
  const samples = await (arm.sample === undefined
    ? sampleResponses(deps, arm.model, arm.tokenizer, arm.prompts, arm.generation)
    : arm.sample(deps));
  const items = samples.map(({ index, text: response }) => ({ prompt: arm.prompts[index]!, response }));
  const rewards: [string, number[]][] = [];
  for (const scorer of arm.gold) rewards.push([scorer.name, await scorer.score(items)]);
  const rows = samples.map((sample) => sampledRow(sample, arm.tokenizer));
  const logps = await logpsOf(deps, arm.model, rows);
  const sftLogps = arm.sft === undefined ? undefined : await logpsOf(deps, arm.sft, rows);
  const records = samples.map(
    ({ index, sample, text: response, ids: tokens, finish, promptTruncated }, i): ArmRecord => ({
      promptId: ids[index]!,
      sample,
      prompt: arm.prompts[index]!,
      response,
      gold: Object.fromEntries(rewards.map(([name, scores]) => [name, scores[i]!])),
      tokens: tokens.length,
      finish,
      promptTruncated,
      logp: logps[i]!,
      sftLogp: sftLogps?.[i] ?? null,
    }),
  );
  if (arm.file !== undefined) await ARM_RECORDS.write(arm.file, records);
  return records;
}

/** The sampled ids as a row to score; EOS was drawn like any other token, so it counts. */
function sampledRow({ promptIds, ids, finish }: Sample, { eosId }: Tokenizer): TokenRow {
  const ended = finish === "eos" && eosId !== undefined ? [...ids, eosId] : ids;
  return { prompt: promptIds, responses: [ended] };
}

async function logpsOf(
  { runtime }: EvaluateDeps,
  model: Model,
  rows: readonly TokenRow[],
): Promise<number[]> {
  const scorer = await openScorer(runtime, model);
  return (await scorer.score(rows)).map(({ logps }) => logps[0]!);
}

function refuseTwice(what: string, values: readonly string[]): void {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined)
    throw new ConfigError(`evaluate: the ${what} ${twice} comes twice, expected each once.`);
}

/** Everything known of one arm, for `compareArms`. */
export type EvaluatedArm = {
  readonly name: string;
  readonly records: readonly ArmRecord[];
  /** Name of the arm that is this one's own SFT start, where it has another than the shared one. */
  readonly ownSft?: string | undefined;
};

/** One prompt of an arm: means over its samples, and what comparisons pair. */
export type PromptMeans = {
  readonly gold: number;
  /** Gold reward of each sample, by its number. */
  readonly samples: Samples;
  readonly tokens: number;
  readonly logRatio: number | null;
};

/**
 * Means per prompt, by prompt id, for one gold scorer: the prompt is the unit of every comparison.
 * @throws AlignError with code "data" when the arm was not scored by that gold scorer
 */
export function promptMeans({ name, records }: EvaluatedArm, gold: string): Map<string, PromptMeans> {
  const groups = new Map<string, ArmRecord[]>();
  for (const record of records) {
    if (record.gold[gold] === undefined)
      throw new AlignError(
        "data",
        `arm ${name}: has no score by ${gold}, got ${Object.keys(record.gold).join(", ")}.`,
      );
    const group = groups.get(record.promptId);
    if (group === undefined) groups.set(record.promptId, [record]);
    else group.push(record);
  }
  return new Map([...groups].map(([id, group]) => [id, meansOf(group, gold)]));
}

function meansOf(group: readonly ArmRecord[], gold: string): PromptMeans {
  const mean = (value: (record: ArmRecord) => number) =>
    group.reduce((total, record) => total + value(record), 0) / group.length;
  return {
    gold: mean((record) => record.gold[gold]!),
    samples: new Map(group.map((record) => [record.sample, record.gold[gold]!])),
    tokens: mean((record) => record.tokens),
    logRatio: group.some(({ sftLogp }) => sftLogp === null)
      ? null
      : mean(({ logp, sftLogp }) => logp - sftLogp!),
  };
}
