/**
 * Models beside what they will read, before anything is trained or scored: token limits and positions, tokenizer and embedding, the kind of head,
 * chat template and rows. Every command that opens a model with data asks here; a dry run too.
 */

import { ConfigError } from "../../base/core/errors.ts";
import { loadEncoderConfig } from "../../engine/checkpoint/load-encoder.ts";
import { openModelFolder, readModelConfig } from "../../engine/checkpoint/model-folder.ts";
import { STORIES, STORIES15M_POSITIONS } from "../../engine/checkpoint/stories15m.ts";
import { describeModel, type Task } from "../../engine/model/families/index.ts";
import { positionsProblem, type TokenLimits } from "../../engine/text/pair.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { membersOf } from "../recipe/teacher-settings.ts";
import { readingOf } from "./data-source.ts";
import { checkReadable, type ReadFile } from "./row-checks.ts";

/** Positions and kind of head of a model folder or stories15M. */
async function describeSource(source: string): Promise<{ positions: number; task: Task }> {
  if (source === STORIES) return { positions: STORIES15M_POSITIONS, task: "language-model" };
  const folder = await openModelFolder(source);
  await folder.close();
  const { decoder, task } = describeModel(folder.config, `${folder.path}/config.json`);
  return { positions: decoder.config.maxPositions, task };
}

/**
 * Most tokens a model takes.
 * @param source - a model folder or stories15M
 * @throws CheckpointError when it is none
 */
export async function positionsOf(source: string): Promise<number> {
  return (await describeSource(source)).positions;
}

/** Token limits as they are asked for; what is left out is worked out from the models. */
export type AskedLimits = {
  readonly maxLength?: number | undefined;
  readonly maxPromptLength?: number | undefined;
};

/**
 * The token limits that are asked for, or the most that the models take up to 512, half of that for prompts.
 * @param models - folders (or stories15M) of all models that will read the tokens
 * @throws ConfigError when more is asked for than a model takes; CheckpointError when one is no model
 */
export async function limitsFor(
  { maxLength: asked, maxPromptLength }: AskedLimits,
  models: readonly string[] = [],
): Promise<TokenLimits> {
  const maxLength = asked ?? Math.min(512, ...(await Promise.all(models.map(positionsOf))));
  const limits = { maxLength, maxPromptLength: maxPromptLength ?? Math.min(256, maxLength >> 1) };
  await checkModels(models, limits);
  return limits;
}

/**
 * Refuses models that have too few positions for the limits (tables of positions would be read past their end), or whose tokenizer has ids that the
 * embedding has no row for.
 * @param task - the kind of head that all of them need; left out where the command itself tells
 * @throws ConfigError naming every such model; CheckpointError for a folder that is no model or whose tokenizer does not belong to it
 */
export async function checkModels(
  sources: Iterable<string>,
  limits: TokenLimits,
  task?: Task,
): Promise<void> {
  const issues: string[] = [];
  for (const source of new Set(sources)) {
    const found = await describeSource(source);
    if (source !== STORIES) await loadTokenizer(source);
    const problem = positionsProblem(found.positions, limits);
    if (problem !== undefined) issues.push(`${source}: ${problem}`);
    if (task === "language-model" && found.task === "reward")
      issues.push(`${source}: is a reward model, expected a language model to train.`);
  }
  if (issues.length > 0) throw new ConfigError(issues);
}

/**
 * Refuses models without room for a prompt beside responses of so many tokens.
 * @param setting - what says how many, for the message
 * @throws ConfigError naming every such model; CheckpointError for a folder that is no model
 */
export async function checkRoom(
  sources: Iterable<string>,
  maxNewTokens: number,
  setting: string,
): Promise<void> {
  const issues: string[] = [];
  for (const source of new Set(sources)) {
    const positions = await positionsOf(source);
    if (maxNewTokens >= positions)
      issues.push(
        `${source}: has ${positions} positions, expected room for a prompt beside ${maxNewTokens} new tokens. Lower ${setting}.`,
      );
  }
  if (issues.length > 0) throw new ConfigError(issues);
}

/**
 * The models of a job against its limits and its data. Judges ask with limits of their own, and so do reward models; their tokenizers are looked at.
 * @throws as `checkModels` and `checkReadable`
 */
export async function checkJobModels({
  teacher,
  seed,
  models,
  limits,
  data,
  evaluation,
}: MainJob): Promise<void> {
  const weak = membersOf(teacher, seed, models.weak).map((member) => member.weak.source);
  const trained = [...weak, models.student.source];
  await checkModels(trained, limits, "language-model");
  if (evaluation.gold.length + evaluation.judges.length > 0)
    await checkRoom([models.student.source], evaluation.generation.maxNewTokens, "eval.max_new_tokens");
  if (data.kind === "world")
    await checkRoom([models.student.source], data.sampling.maxNewTokens, "data.world.max_new_tokens");
  const world = data.kind === "world" ? [data.gold] : [];
  for (const gold of [...evaluation.gold, ...world])
    if (gold.type === "reward-model") await checkRewardModel(gold.model);
  for (const judge of evaluation.judges) if (judge.type === "local") await loadTokenizer(judge.model);
  if (data.kind === "world") return;
  const sources = [...(data.main ? [data.main] : []), ...Object.values(data.files)];
  const files = sources.map((source): ReadFile => ({ file: source.source, read: readingOf(source) }));
  await checkReadable(trained, files);
}

/** A gold scorer's folder: its config is one that is computed, it has a reward head, and its tokenizer is its own. @throws CheckpointError, ConfigError */
async function checkRewardModel(folder: string): Promise<void> {
  await loadTokenizer(folder);
  if (await loadEncoderConfig(folder)) return;
  const { task } = describeModel(await readModelConfig(folder), `${folder}/config.json`);
  if (task !== "reward")
    throw new ConfigError(
      `gold scorer ${folder}: is a language model, expected a *ForSequenceClassification model with one label.`,
    );
}
