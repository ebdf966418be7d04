/** Reward models beside the test prompts, before anything is trained: a run must not find out at its end that texts do not fit its gold model. */

import { ConfigError } from "../../base/core/errors.ts";
import { loadEncoderConfig } from "../../engine/checkpoint/load-encoder.ts";
import { readModelConfig } from "../../engine/checkpoint/model-folder.ts";
import { describeModel } from "../../engine/model/families/index.ts";
import { ENCODER_SPECIALS } from "../../engine/text/text-pair.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import type { Text } from "../../method/data/rows.ts";
import { promptTokens, type RewardModelSpec, rewardLimits } from "../../method/evaluate/gold-reward-model.ts";
import type { RewardServerSpec } from "../../method/evaluate/gold-served.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { Artefact } from "../stages/stage.ts";
import { readPrompts } from "./data-files.ts";

/**
 * Whether each test prompt, with the longest response that may be sampled, fits each reward model. Responses are counted in the student's tokens,
 * which may be a few more or less in the reward model's own.
 * @throws ConfigError naming each model, how many prompts do not fit and the longest
 */
export async function checkGoldRoom({ evaluation }: MainJob, data: Artefact): Promise<void> {
  // In a plan the data may not be there yet.
  if (data.digest === undefined) return;
  const issues: string[] = [];
  for (const spec of evaluation.gold)
    if ((spec.type === "reward-model" || spec.type === "reward-server") && spec.tooLong !== "truncate")
      issues.push(...(await problems(spec, await readPrompts(data), evaluation.generation.maxNewTokens)));
  if (issues.length > 0) throw new ConfigError(issues);
}

const decoderPositions = async (folder: string): Promise<number> =>
  describeModel(await readModelConfig(folder), `${folder}/config.json`).decoder.config.maxPositions;

async function problems(
  spec: RewardModelSpec | RewardServerSpec,
  prompts: readonly Text[],
  maxNewTokens: number,
): Promise<string[]> {
  const served = spec.type === "reward-server";
  const tokenizer = await loadTokenizer(served ? spec.tokenizer : spec.model);
  const encoder = served ? undefined : await loadEncoderConfig(spec.model);
  const positions = served ? spec.maxLength : (encoder?.maxPositions ?? (await decoderPositions(spec.model)));
  const { maxLength, maxPromptLength } = rewardLimits(spec, positions);
  const where = `gold scorer ${spec.name ?? spec.model}`;
  if (spec.tooLong === "cut-prompt")
    return maxNewTokens < maxLength
      ? []
      : [
          `${where}: takes ${maxLength} tokens, expected room for a prompt beside responses of eval.max_new_tokens ${maxNewTokens}. Lower that.`,
        ];
  const lengths = prompts.map((prompt) => promptTokens(tokenizer, spec, prompt, encoder !== undefined));
  const around = encoder === undefined ? 0 : ENCODER_SPECIALS;
  const long = lengths.filter(
    (length) => length - around > maxPromptLength || length + maxNewTokens > maxLength,
  );
  return long.length === 0
    ? []
    : [
        `${where}: takes ${maxLength} tokens, ${maxPromptLength} of them a prompt's, expected all of ${lengths.length} test prompts to fit with responses of up to ${maxNewTokens} tokens, got ${long.length} that do not (the longest has ${long.reduce((most, length) => Math.max(most, length), 0)}). Lower eval.max_new_tokens, raise max_length or max_prompt_length of the scorer, or set its too_long to cut-prompt (keep the response, cut the prompt) or truncate.`,
      ];
}
