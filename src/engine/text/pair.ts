/**
 * The one place where prompts and responses become token ids: training, labelling, evaluation and generation all use it.
 *
 * Prompt and response are tokenised as ONE text, and the boundary is found in the result. Tokenising them apart gives ids that the
 * model never sees together (huggingface/trl#2209). Where a token straddles the boundary, as " Sure" does after a prompt that
 * ends in a space, that token belongs to the response, and the prompt ends before it: the prompt of a pair is the longest run of
 * tokens that begins the prompt tokenised alone and both full texts. Every response token then has all of the prompt it shares
 * before it, and the two responses of a pair are scored after the very same ids.
 *
 * Conversations go the same way, whatever a template does to them: the prompt alone is rendered with the assistant's turn opened,
 * the whole without, and the prompt ends where their tokens part. So does TRL (`common_prefix_length`, `trl/data_utils.py`, 1.16),
 * and the ids are TRL's, up to an EOS where a template ends the answer without any special token.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { type RenderedTexts, renderedPrompt, renderedTexts } from "./conversation.ts";
import { saidIn } from "./said.ts";
import type { Message } from "./template.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A text, or a conversation to be rendered by the model's chat template. */
export type Text = string | readonly Message[];

/** Token limits: a prompt with one response takes at most `maxLength`, the prompt of it at most `maxPromptLength`. */
export type TokenLimits = { readonly maxLength: number; readonly maxPromptLength: number };

/**
 * What a reader of the row has to know.
 *
 * - `repaired_boundary`: a token straddled the boundary (or the tokens before it changed, or the template opens the answer otherwise
 *   than it writes it, as one does that opens a think block) and went to the response side
 * - `truncated_prompt`: the prompt lost tokens at its begin
 * - `truncated_a`, `truncated_b`, `truncated_response`: the response lost tokens at its end, and with them its EOS
 * - `empty_a`, `empty_b`, `empty_response`: nothing but white space was given as the response
 * - `identical`: both responses are the same ids, after truncation
 * - `empty_prompt`: the prompt has no tokens, so BOS (or EOS, where there is no BOS) stands in for it
 * - `inner_special`: a control word (EOS, a marker of roles, …) is spelt out in the data, beside BOS at the begin and EOS at the end
 *   of plain text; what the template writes is not meant
 * - `dropped_text`: the template left out a part of a response, as some do with the reasoning in it
 *
 * A row with `truncated_a|b`, `empty_a|b` or `identical` is no evidence of a preference: labellers abstain from it.
 */
export type PairFlag =
  | "repaired_boundary"
  | "truncated_prompt"
  | "truncated_a"
  | "truncated_b"
  | "truncated_response"
  | "empty_a"
  | "empty_b"
  | "empty_response"
  | "identical"
  | "empty_prompt"
  | "inner_special"
  | "dropped_text";

/** Ids of a candidate pair: `prompt` (never empty) followed by `a` or by `b` (empty only if blank and the model has no EOS). */
export type EncodedPair = {
  readonly prompt: number[];
  readonly a: number[];
  readonly b: number[];
  readonly flags: PairFlag[];
  /** Same as the flag `repaired_boundary`; counted by every stage that reads rows. */
  readonly repairedBoundary: boolean;
};

/** Ids of a prompt with one response, as in SFT. */
export type EncodedResponse = {
  readonly prompt: number[];
  readonly response: number[];
  readonly flags: PairFlag[];
  readonly repairedBoundary: boolean;
};

/** Ids of a prompt to continue. */
export type EncodedPrompt = { readonly prompt: number[]; readonly flags: PairFlag[] };

/**
 * Ids of a pair. Plain prompts begin with exactly one BOS where the model wants it, plain responses end with exactly one EOS where the
 * model has one; a conversation has what its template writes, and EOS where that ends an answer without a special token. Prompts keep
 * their end, responses their begin.
 * @throws ConfigError for limits that leave no room, messages without a chat template, or messages that it refuses
 */
export function encodePair(
  tokenizer: Tokenizer,
  pair: { prompt: Text; a: Text; b: Text },
  limits: TokenLimits,
): EncodedPair {
  const { prompt, responses, flags } = encodeRow(tokenizer, pair.prompt, { a: pair.a, b: pair.b }, limits);
  const [a, b] = responses as [number[], number[]];
  if (a.length === b.length && a.every((id, i) => id === b[i])) flags.push("identical");
  return { prompt, a, b, flags, repairedBoundary: flags.includes("repaired_boundary") };
}

/** Ids of a prompt with one response. @throws ConfigError as `encodePair` */
export function encodePromptResponse(
  tokenizer: Tokenizer,
  row: { prompt: Text; response: Text },
  limits: TokenLimits,
): EncodedResponse {
  const { prompt, responses, flags } = encodeRow(tokenizer, row.prompt, { response: row.response }, limits);
  return { prompt, response: responses[0]!, flags, repairedBoundary: flags.includes("repaired_boundary") };
}

/**
 * Ids of a prompt to continue, at most `maxPromptLength` of them, as they are without an answer: there is no boundary to repair.
 * @throws ConfigError as `encodePair`
 */
export function encodePrompt(tokenizer: Tokenizer, prompt: Text, maxPromptLength: number): EncodedPrompt {
  checkLimits({ maxLength: maxPromptLength + 1, maxPromptLength });
  const flags: PairFlag[] = [];
  const plain = typeof prompt === "string";
  const { text, spelt } = plain ? { text: prompt, spelt: false } : renderedPrompt(tokenizer, prompt);
  const ids = withBos(tokenizer, tokenizer.encode(text), plain, flags);
  if (plain ? hasControl(tokenizer, ids) : spelt) flags.push("inner_special");
  return { prompt: cutPrompt(tokenizer, ids, maxPromptLength, flags), flags };
}

/** One prompt with its responses by name; the flags of a response end in its name. */
function encodeRow(
  tokenizer: Tokenizer,
  prompt: Text,
  responses: Readonly<Record<string, Text>>,
  limits: TokenLimits,
): { prompt: number[]; responses: number[][]; flags: PairFlag[] } {
  checkLimits(limits);
  const flags: PairFlag[] = [];
  const plain = typeof prompt === "string";
  const given = Object.values(responses);
  const texts = plain ? plainTexts(prompt, given) : renderedTexts(tokenizer, prompt, given);
  const alone = tokenizer.encode(texts.prompt);
  const full = texts.full.map((text) => tokenizer.encode(text));
  const shared = full.reduce((length, ids) => Math.min(length, commonPrefix(alone, ids)), alone.length);
  if (shared < alone.length) flags.push("repaired_boundary");
  if (!plain && shared === 0)
    throw new ConfigError(
      "chat template: the conversation with its answer has no token in common with its prompt alone, expected both to begin alike.",
    );

  const promptIds = withBos(tokenizer, alone.slice(0, shared), plain, flags);
  const cut = cutPrompt(tokenizer, promptIds, limits.maxPromptLength, flags);
  const ended = full.map((ids) => (plain ? withEos : withEnd)(tokenizer, ids.slice(shared)));
  const inner = ended.some((ids) => hasControl(tokenizer, [...promptIds, ...ids]));
  if (plain ? inner : texts.spelt) flags.push("inner_special");
  if (texts.dropped) flags.push("dropped_text");
  const names = Object.keys(responses);
  for (const [name, response] of Object.entries(responses))
    if (isBlank(response)) flags.push(`empty_${name}` as PairFlag);
  return {
    prompt: cut,
    responses: ended.map((ids, i) => {
      const room = limits.maxLength - cut.length;
      // Blanks after the token that ends an answer say nothing.
      if (endOf(tokenizer, ids) > room) flags.push(`truncated_${names[i]}` as PairFlag);
      return ids.length <= room ? ids : ids.slice(0, room);
    }),
    flags,
  };
}

/** Plain texts: a response is written right behind its prompt. */
function plainTexts(prompt: string, responses: readonly Text[]): RenderedTexts {
  const full = responses.map((response) => {
    if (typeof response === "string") return prompt + response;
    throw new ConfigError(
      "pair: the prompt is text and the response a list of messages, expected both to be alike.",
    );
  });
  return { prompt, full, spelt: false, dropped: false };
}

/** What is wrong with limits on a model of so many positions, as the end of a sentence on it; undefined when nothing is. */
export function positionsProblem(positions: number, { maxLength }: TokenLimits): string | undefined {
  if (maxLength <= positions) return undefined;
  return `has ${positions} positions, expected at least max_length of them, got max_length ${maxLength}. Set max_length and max_prompt_length lower (--max-length, --max-prompt-length; in a recipe data.max_length, data.max_prompt_length).`;
}

function checkLimits({ maxLength, maxPromptLength }: TokenLimits): void {
  const whole = Number.isSafeInteger(maxLength) && Number.isSafeInteger(maxPromptLength);
  if (!whole || maxPromptLength < 1 || maxLength <= maxPromptLength)
    throw new ConfigError(
      `token limits: expected whole numbers 1 <= max_prompt_length < max_length, got max_prompt_length ${maxPromptLength}, max_length ${maxLength}. A max_length above the model's positions is cut to these.`,
    );
}

/** Puts BOS first unless the text spells it; a chat template spells what it wants, so only plain text is changed. */
function withBos(tokenizer: Tokenizer, ids: number[], plain: boolean, flags: PairFlag[]): number[] {
  const { bosId, eosId, addBos } = tokenizer;
  const begun = plain && addBos && bosId !== undefined && ids[0] !== bosId ? [bosId, ...ids] : ids;
  if (ids.length > 0) return begun;
  flags.push("empty_prompt");
  if (begun.length > 0) return begun;
  const standIn = bosId ?? eosId;
  if (standIn === undefined)
    throw new ConfigError(
      "pair: the prompt is empty and the tokenizer has neither BOS nor EOS to begin with.",
    );
  return [standIn];
}

/** Ends a response with one EOS: added, or kept where the text or template wrote it, without the blanks after it. */
function withEos(tokenizer: Tokenizer, ids: number[]): number[] {
  const { eosId } = tokenizer;
  if (eosId === undefined) return ids;
  let end = ids.length;
  while (end > 0 && ids[end - 1] !== eosId && tokenizer.decode([ids[end - 1]!]).trim() === "") end--;
  if (ids[end - 1] !== eosId) return [...ids, eosId];
  while (end > 1 && ids[end - 2] === eosId) end--;
  return ids.slice(0, end);
}

/** A conversation's answer as its template writes it; with EOS where that ends in no special token, or a model would never stop. */
function withEnd(tokenizer: Tokenizer, ids: number[]): number[] {
  const { eosId, control } = tokenizer;
  const last = ids[endOf(tokenizer, ids) - 1];
  const closed = last !== undefined && (control.ids.has(last) || tokenizer.eosIds.includes(last));
  return closed || eosId === undefined ? ids : [...ids, eosId];
}

/** Length of a response up to its last token that is more than white space. */
function endOf(tokenizer: Tokenizer, ids: readonly number[]): number {
  let end = ids.length;
  while (end > 0 && isBlankToken(tokenizer, ids[end - 1]!)) end--;
  return end;
}

function isBlankToken({ control, decode }: Tokenizer, id: number): boolean {
  return !control.ids.has(id) && decode([id]).trim() === "";
}

/** Cuts a prompt from the left; a leading BOS stays. */
function cutPrompt(tokenizer: Tokenizer, ids: number[], most: number, flags: PairFlag[]): number[] {
  if (ids.length <= most) return ids;
  flags.push("truncated_prompt");
  const keepsBos = most > 1 && tokenizer.bosId !== undefined && ids[0] === tokenizer.bosId;
  return keepsBos ? [ids[0]!, ...ids.slice(ids.length - most + 1)] : ids.slice(ids.length - most);
}

/** True when ids of plain text hold a control word anywhere but BOS at the begin and EOS at the end. */
function hasControl({ bosId, eosId, control }: Tokenizer, ids: readonly number[]): boolean {
  const from = ids[0] === bosId || ids[0] === eosId ? 1 : 0;
  const to = ids.length - (ids.length > from && ids.at(-1) === eosId ? 1 : 0);
  return ids.slice(from, to).some((id) => control.ids.has(id));
}

function isBlank(response: Text): boolean {
  return typeof response === "string"
    ? response.trim() === ""
    : response.every((message) => saidIn(message).every((said) => said.trim() === ""));
}

function commonPrefix(x: readonly number[], y: readonly number[]): number {
  let length = 0;
  while (length < x.length && length < y.length && x[length] === y[length]) length++;
  return length;
}
