/**
 * Rows that a model cannot take, found while they are read, so that one policy for bad rows holds from reading to encoding: a chat template
 * that refuses a conversation is told with file and line, and `skip` leaves the row out before anything is split, scored or trained.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { encodePair, type TokenLimits } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import { type ParsedPair, RowProblem } from "./adapters/adapter.ts";

/** Refuses a pair with a RowProblem. */
export type PairCheck = (pair: ParsedPair) => void;

/** Roomy enough to cut nothing: whether a row can be encoded does not depend on limits. */
const LIMITS: TokenLimits = { maxLength: 2 ** 31, maxPromptLength: 2 ** 30 };

/**
 * The check that all of these tokenizers, and the templates beside them, take a pair.
 * @returns undefined without any
 * @throws (the check) ConfigError for conversations where a model has no template: that is the model's want, not a row's
 */
export function encodableCheck(tokenizers: readonly Tokenizer[]): PairCheck | undefined {
  const keyOf = ({ digest, chatTemplate }: Tokenizer) => `${digest} ${chatTemplate?.digest ?? ""}`;
  const different = [...new Map(tokenizers.map((tokenizer) => [keyOf(tokenizer), tokenizer])).values()];
  if (different.length === 0) return undefined;
  return ({ prompt, first, second }) => {
    for (const tokenizer of different)
      try {
        encodePair(tokenizer, { prompt, a: first, b: second }, LIMITS);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        if (typeof prompt !== "string" && tokenizer.chatTemplate === undefined) throw error;
        throw new RowProblem("", `cannot be encoded: ${error.message.replace(/\.$/, "")}`, "");
      }
  };
}
