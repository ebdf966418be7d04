/** What generation is asked for, and whether that is possible. */
import { ConfigError } from "../../base/core/errors.ts";
import type { Model } from "./model.ts";
import { type SamplingOptions, samplingIssues } from "./sampling.ts";

/** Sequences of a group computed at once unless asked otherwise: a step costs much the same for few as for many. */
export const DEFAULT_BATCH = 96;

/** Options of `generate`. */
export type GenerateOptions = SamplingOptions & {
  /** Most tokens to write per prompt, at least 1. Temperature 0 writes the likeliest token each time. */
  readonly maxNewTokens: number;
  /** Tokens that end a text; they are not part of the result. */
  readonly eosIds: readonly number[];
  /** Strings that end a text; the token that completes one is the last of the result. */
  readonly stop?:
    | { readonly strings: readonly string[]; readonly decode: (ids: readonly number[]) => string }
    | undefined;
  readonly seed: number;
  /** Names the random stream of each prompt, default its index. Equal prompts with equal names give equal texts. */
  readonly sequenceIds?: readonly (string | number)[] | undefined;
  /** Sequences of a group computed at once, default 96. */
  readonly batchSize?: number | undefined;
  /** Called for every token written (EOS excluded), with the index of its prompt. */
  readonly onToken?: ((prompt: number, id: number) => void) | undefined;
};

/** What was written after one prompt. */
export type Generated = {
  readonly ids: number[];
  /** Why it ended: an EOS token, a stop string, or `maxNewTokens`. */
  readonly finish: "eos" | "stop" | "length";
};

/** @throws ConfigError for impossible options, or a prompt that with its new tokens exceeds the model's positions */
export function checkGeneration(
  model: Model,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): void {
  const { maxPositions, vocabSize } = model.decoder.config;
  const { maxNewTokens, batchSize = DEFAULT_BATCH, sequenceIds } = options;
  const issues = samplingIssues(options);
  const positive = (name: string, value: number) => {
    if (!Number.isInteger(value) || value < 1)
      issues.push(`${name}: expected a positive integer, got ${value}.`);
  };
  positive("maxNewTokens", maxNewTokens);
  positive("batchSize", batchSize);
  if (model.task !== "language-model")
    issues.push(`${model.folder}: expected a language model, got a ${model.task} model.`);
  if (sequenceIds !== undefined && sequenceIds.length !== prompts.length)
    issues.push(`sequenceIds: expected one per prompt, ${prompts.length}, got ${sequenceIds.length}.`);
  if (options.stop?.strings.includes("")) issues.push("stop: expected strings that are not empty.");
  for (const [index, prompt] of prompts.entries()) {
    const wrong = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
    if (prompt.length === 0) issues.push(`prompt ${index}: expected at least one token, got none.`);
    if (wrong !== undefined)
      issues.push(`prompt ${index}: expected token ids in [0, ${vocabSize}), got ${wrong}.`);
    if (prompt.length + maxNewTokens > maxPositions)
      issues.push(
        `prompt ${index}: ${prompt.length} tokens and ${maxNewTokens} new ones exceed the model's ${maxPositions} positions. ` +
          `Shorten the prompt or lower max_new_tokens.`,
      );
    if (issues.length >= 10) break;
  }
  if (issues.length > 0) throw new ConfigError(issues);
}
