/** What completions and chats have in common: how a text is asked for, and what a written text becomes. */
import { z } from "zod";
import type { Generated } from "../../engine/model/generate.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import { freshSeed, type Writing } from "./engine.ts";
import type { ServeLimits } from "./limits.ts";
import type { ServedModel } from "./models.ts";
import { Problem, wrongField } from "./problem.ts";

/** Fields of both endpoints, named as on the wire. */
export const samplingShape = {
  model: z.string().nullish(),
  temperature: z.number().min(0).max(100).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.number().int().min(-1).nullish(),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).nullish(),
  stop: z
    .union([z.string().min(1).max(1000), z.array(z.string().min(1).max(1000)).max(16)], {
      error: "expected a string or up to 16 of them, none empty.",
    })
    .nullish(),
  ignore_eos: z.boolean().nullish(),
  return_token_ids: z.boolean().nullish(),
};

const schema = z.object(samplingShape);

/** Tokens of a prompt, those asked for and those written otherwise; `field` is what an error about the prompt names. */
type Size = {
  readonly field: string;
  readonly prompt: number;
  readonly asked: number | undefined;
  readonly otherwise: number;
};

/** How a request's texts are written. @throws Problem 400 when prompt and new tokens do not fit the model */
export function writingOf(
  request: z.output<typeof schema>,
  model: ServedModel,
  limits: ServeLimits,
  size: Size,
): Omit<Writing, "stream"> {
  const temperature = request.temperature ?? 1;
  const greedy = temperature === 0;
  const { top_k: topK, top_p: topP } = request;
  return {
    maxNewTokens: newTokens(model, limits, size),
    temperature,
    // Greedy texts do not look at these; 0 and -1 are vLLM's words for no limit.
    topP: greedy ? undefined : (topP ?? undefined),
    topK: greedy || !topK || topK < 1 ? undefined : topK,
    eosIds: request.ignore_eos === true ? [] : model.tokenizer.eosIds,
    stop: typeof request.stop === "string" ? [request.stop] : (request.stop ?? []),
    seed: greedy ? 0 : (request.seed ?? freshSeed()),
  };
}

function newTokens(
  { model }: ServedModel,
  { maxNewTokens }: ServeLimits,
  { field, prompt, asked, otherwise }: Size,
): number {
  const { maxPositions } = model.decoder.config;
  const room = maxPositions - prompt;
  if (room < Math.min(asked ?? 1, 1) || (asked ?? 0) > room)
    throw new Problem(
      400,
      `${field}: is too long, expected at most ${maxPositions} tokens with the new ones, got ${prompt} and ${asked ?? 1} new ones.`,
      { param: field, code: "context_length_exceeded" },
    );
  if (asked !== undefined && asked > maxNewTokens)
    throw wrongField("max_tokens", `expected at most ${maxNewTokens} on this server, got ${asked}.`);
  return asked ?? Math.min(otherwise, maxNewTokens, room);
}

/** A written text as both endpoints tell it: cut before a stop string, as OpenAI's is. */
export function writtenText(
  tokenizer: Tokenizer,
  prompt: readonly number[],
  { ids, finish }: Generated,
  stop: readonly string[],
): { readonly text: string; readonly finish_reason: "stop" | "length"; readonly stop_reason: string | null } {
  const whole = tokenizer.decodeAfter(prompt, ids);
  if (finish !== "stop")
    return { text: whole, finish_reason: finish === "eos" ? "stop" : "length", stop_reason: null };
  const found = stop
    .map((string) => ({ string, at: whole.indexOf(string) }))
    .filter(({ at }) => at >= 0)
    .sort((x, y) => x.at - y.at);
  const [first] = found;
  return {
    text: first === undefined ? whole : whole.slice(0, first.at),
    finish_reason: "stop",
    stop_reason: first?.string ?? null,
  };
}

/** Tokens of a request: those read, and those written, the EOS that ended a text included. */
export function usageOf(prompts: readonly (readonly number[])[], texts: readonly (Generated | undefined)[]) {
  const prompt_tokens = prompts.reduce((total, ids) => total + ids.length, 0);
  const completion_tokens = texts.reduce(
    (total, text) => total + (text === undefined ? 0 : text.ids.length + (text.finish === "eos" ? 1 : 0)),
    0,
  );
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

/**
 * Checks that ids are the model's own. @throws Problem 400 that names the first that is not
 */
export function checkIds({ model }: ServedModel, ids: readonly number[], field: string): void {
  const { vocabSize } = model.decoder.config;
  const wrong = ids.findIndex((id) => id >= vocabSize);
  if (wrong >= 0)
    throw wrongField(`${field}.${wrong}`, `expected a token id in [0, ${vocabSize}), got ${ids[wrong]}.`);
}

/** @throws Problem 400 for a reward model, which has no words */
export function checkWrites({ model, name }: ServedModel): void {
  if (model.task !== "language-model")
    throw wrongField("model", `expected a language model, got the reward model ${name}. Ask /v1/score.`);
}

/**
 * Refuses a text that cannot fit before it is tokenised, which takes time: tokens that average this many characters do not occur.
 * @throws Problem 400
 */
export function checkLength({ model }: ServedModel, characters: number, field: string): void {
  const most = 64 * model.decoder.config.maxPositions;
  if (characters > most)
    throw new Problem(400, `${field}: is too long, expected at most ${most} characters, got ${characters}.`, {
      param: field,
      code: "context_length_exceeded",
    });
}
