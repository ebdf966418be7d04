/**
 * Two texts as an encoder reads them: `[CLS] first [SEP] second [SEP]`, as `tokenizer(first, second)` gives them in transformers.
 * Each text is tokenised alone: the encoder was trained on texts apart, so here there is no boundary to repair (unlike `pair.ts`).
 */
import { CheckpointError } from "../../base/core/errors.ts";
import type { TokenLimits } from "./pair.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Ids of a text pair; `types` are 0 up to and with the first [SEP] and 1 after it. */
export type EncodedTextPair = {
  readonly ids: number[];
  readonly types: number[];
  /** `truncated_prompt`: the first text lost tokens at its begin; `truncated_response`: the second at its end. */
  readonly flags: ("truncated_prompt" | "truncated_response")[];
};

/** Tokens around the two texts: [CLS] and two [SEP]. */
export const ENCODER_SPECIALS = 3;

/**
 * Ids of a prompt and a response for an encoder.
 * @param limits - `maxLength` counts the three special tokens, `maxPromptLength` does not
 * @throws CheckpointError when the tokenizer puts no token before and after a text
 */
export function encodeTextPair(
  tokenizer: Tokenizer,
  { prompt, response }: { readonly prompt: string; readonly response: string },
  limits: TokenLimits,
): EncodedTextPair {
  const { bosId: cls, eosId: sep } = tokenizer;
  if (cls === undefined || sep === undefined)
    throw new CheckpointError(
      "tokenizer",
      "names no token that begins and none that parts texts, expected [CLS] and [SEP] of an encoder.",
    );
  const flags: EncodedTextPair["flags"] = [];
  const first = tokenizer.encode(prompt);
  const kept = Math.min(first.length, limits.maxPromptLength);
  if (kept < first.length) flags.push("truncated_prompt");
  const head = [cls, ...first.slice(first.length - kept), sep];
  const second = tokenizer.encode(response);
  const room = Math.max(0, limits.maxLength - ENCODER_SPECIALS - kept);
  if (room < second.length) flags.push("truncated_response");
  const tail = [...second.slice(0, room), sep];
  return { ids: [...head, ...tail], types: [...head.map(() => 0), ...tail.map(() => 1)], flags };
}
