/**
 * `POST /v1/completions`: OpenAI's contract with vLLM's additions that make it a scorer of given text: `prompt_logprobs`, prompts as
 * token ids, `return_token_ids`; and OpenAI's own way, `echo` with `logprobs`.
 */
import { z } from "zod";
import { inParallel } from "../../base/core/parallel.ts";
import type { Generated } from "../../engine/model/generate.ts";
import { encodePrompt } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { TokenScore } from "../../method/objective/alternatives.ts";
import { checked, type GivenPrompt, promptsOf } from "./body.ts";
import type { Engine, Writing } from "./engine.ts";
import { MAX_LOGPROBS, type ServeLimits } from "./limits.ts";
import { modelNamed, type ServedModel } from "./models.ts";
import { wrongField } from "./problem.ts";
import {
  checkIds,
  checkLength,
  checkWrites,
  samplingShape,
  usageOf,
  writingOf,
  writtenText,
} from "./sampling-request.ts";
import { refuseEffects } from "./tolerance.ts";

/** What endpoints answer with. */
export type Serving = {
  readonly engine: Engine;
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly limits: ServeLimits;
};

const logprobs = z.number().int().min(0).max(MAX_LOGPROBS).nullish();
const schema = z.object({
  ...samplingShape,
  prompt: z.unknown(),
  max_tokens: z.number().int().min(0).nullish(),
  echo: z.boolean().nullish(),
  logprobs,
  prompt_logprobs: logprobs,
  add_special_tokens: z.boolean().nullish(),
  return_tokens_as_token_ids: z.boolean().nullish(),
});
type Completion = z.output<typeof schema>;

/** OpenAI's default. */
const DEFAULT_TOKENS = 16;

/** Answers a completion. @throws Problem 400 or 404 for a request that is wrong */
export async function completions(
  { engine, models, limits }: Serving,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<object> {
  refuseEffects(body);
  const request = checked(schema, body);
  const model = modelNamed(models, request.model);
  checkWrites(model);
  if (request.max_tokens === 0 && request.echo !== true && request.prompt_logprobs == null)
    throw wrongField("max_tokens", "expected at least 1, or echo or prompt_logprobs with it, got 0.");
  const prompts = promptsOf(request.prompt, "prompt", limits.maxItems);
  const plans = prompts.map((prompt, index) => planOf(request, model, limits, prompt, index));
  const done = await inParallel(
    plans,
    plans.length,
    (plan, stop) => complete(engine, request, model, plan, stop),
    signal,
  );
  return {
    id: `cmpl-${crypto.randomUUID()}`,
    object: "text_completion",
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    choices: done.map(({ choice }) => choice),
    usage: usageOf(
      plans.map(({ ids }) => ids),
      done.map(({ text }) => text),
    ),
  };
}

type Plan = {
  readonly index: number;
  readonly given: string | number[];
  readonly ids: readonly number[];
  readonly how: Writing;
};

function planOf(
  request: Completion,
  model: ServedModel,
  limits: ServeLimits,
  { given, field }: GivenPrompt,
  index: number,
): Plan {
  const ids = typeof given === "string" ? textIds(request, model, given, field) : given;
  checkIds(model, ids, field);
  const asked = request.max_tokens ?? undefined;
  const how = writingOf(request, model, limits, {
    field,
    prompt: ids.length,
    asked,
    otherwise: DEFAULT_TOKENS,
  });
  return { index, given, ids, how: { ...how, stream: index } };
}

/** A text's ids as everywhere in this project: one BOS where the model wants it, unless the text spells it. */
export function textIds(
  request: Pick<Completion, "add_special_tokens">,
  model: ServedModel,
  text: string,
  field: string,
): readonly number[] {
  checkLength(model, text.length, field);
  if (request.add_special_tokens !== false) return encodePrompt(model.tokenizer, text, LONGEST).prompt;
  const ids = model.tokenizer.encode(text);
  if (ids.length === 0) throw wrongField(field, "expected at least one token, got none.");
  return ids;
}

/** No limit: a prompt that is too long is refused, not cut. */
const LONGEST = 2 ** 31;

async function complete(
  engine: Engine,
  request: Completion,
  model: ServedModel,
  plan: Plan,
  signal: AbortSignal,
): Promise<{ choice: object; text: Generated | undefined }> {
  const { index, ids, how } = plan;
  const { tokenizer } = model;
  const text = how.maxNewTokens === 0 ? undefined : await engine.write(model, ids, how, signal);
  const scores = await scoresOf(engine, request, model, ids, text?.ids ?? [], signal);
  const written =
    text === undefined
      ? { text: "", finish_reason: "length", stop_reason: null }
      : writtenText(tokenizer, ids, text, how.stop);
  const choice = {
    index,
    text: (request.echo === true ? promptText(tokenizer, plan) : "") + written.text,
    finish_reason: written.finish_reason,
    stop_reason: written.stop_reason,
    logprobs: request.logprobs == null ? null : logprobsOf(request, tokenizer, ids, scores),
    prompt_logprobs:
      request.prompt_logprobs == null
        ? null
        : promptLogprobs(tokenizer, request.prompt_logprobs, scores.prompt),
    ...(request.return_token_ids === true ? { token_ids: text?.ids ?? [], prompt_token_ids: ids } : {}),
  };
  return { choice, text };
}

const promptText = (tokenizer: Tokenizer, { given, ids }: Plan): string =>
  typeof given === "string" ? given : tokenizer.decode(ids);

/** Scores of the prompt's tokens after the first, and of the written ones; empty where nobody asked. */
type Scores = { readonly prompt: readonly TokenScore[]; readonly written: readonly TokenScore[] };

/** One row gives both: prompt and text are scored as they stand, by the program that scores pairs token by token. */
async function scoresOf(
  engine: Engine,
  { echo, logprobs: k, prompt_logprobs: promptK }: Completion,
  model: ServedModel,
  prompt: readonly number[],
  written: readonly number[],
  signal: AbortSignal,
): Promise<Scores> {
  const ofPrompt = promptK != null || (echo === true && k != null);
  const ofWritten = k != null ? written : [];
  const context = ofPrompt ? prompt.slice(0, 1) : prompt;
  const response = [...prompt.slice(context.length), ...ofWritten];
  if (response.length === 0) return { prompt: [], written: [] };
  const most = Math.max(k ?? 0, promptK ?? 0);
  const [scores] = await engine.scoreTokens(model, { prompt: context, responses: [response] }, most, signal);
  const split = response.length - ofWritten.length;
  return { prompt: scores!.slice(0, split), written: scores!.slice(split) };
}

/** vLLM's form: null for the first token, then by id the token that is there and the likeliest `k`. */
function promptLogprobs(tokenizer: Tokenizer, k: number, scores: readonly TokenScore[]): (object | null)[] {
  const entry = (id: number, logprob: number, rank: number) => {
    return [String(id), { logprob, rank, decoded_token: tokenizer.pieces([id])[0]! }] as const;
  };
  const entries = scores.map(({ id, logp, rank, top }) =>
    Object.fromEntries([
      ...top.slice(0, k).map((other, i) => entry(other.id, other.logp, i + 1)),
      entry(id, logp, rank),
    ]),
  );
  return [null, ...entries];
}

/** OpenAI's form; with `echo` it begins with the prompt, whose first token has no log-probability. */
function logprobsOf(
  request: Completion,
  tokenizer: Tokenizer,
  prompt: readonly number[],
  scores: Scores,
): object {
  const named = (id: number) =>
    request.return_tokens_as_token_ids === true ? `token_id:${id}` : tokenizer.pieces([id])[0]!;
  const scored = request.echo === true ? [...scores.prompt, ...scores.written] : scores.written;
  const first = request.echo === true ? prompt.slice(0, 1) : [];
  const tokens = [...first, ...scored.map(({ id }) => id)].map(named);
  const top = scored.map(({ id, logp, top: best }) =>
    Object.fromEntries([
      ...best.slice(0, request.logprobs ?? 0).map((other) => [named(other.id), other.logp] as const),
      [named(id), logp] as const,
    ]),
  );
  let offset = 0;
  return {
    tokens,
    token_logprobs: [...first.map(() => null), ...scored.map(({ logp }) => logp)],
    top_logprobs: [...first.map(() => null), ...top],
    text_offset: tokens.map((token) => {
      const at = offset;
      offset += token.length;
      return at;
    }),
  };
}
