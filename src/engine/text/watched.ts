/**
 * A tokenizer whose patterns cannot stop the process. Patterns are judged by their form (`pattern-cost.ts`): with those of published
 * tokenizers a text of usual length is tokenised as it is; a longer one, and every text where a pattern may take for ever, is given a time.
 * Patterns that may take for ever are tried first on texts that bring it out.
 */
import { CheckpointError, ConfigError, show } from "../../base/core/errors.ts";
import { TimeLimitError, withinTime } from "../../base/core/time-limit.ts";
import { harmlessLength, patternCost } from "./pattern-cost.ts";

/** What is used of the tokenizer library, typed here because its own declarations do not resolve under Node's module rules. */
export interface HfTokenizerLike {
  /** An id is undefined where the vocabulary has neither the token nor an unknown token. */
  encode(
    text: string,
    options: { add_special_tokens: boolean },
  ): { ids: (number | undefined)[]; tokens: string[] };
  decode(
    ids: readonly number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
}

/** A pattern, and the part of `tokenizer.json` that it stands in. */
type Pattern = { readonly part: string; readonly text: string };

/** For any text where a pattern may take for ever, and for one of some dozen characters that it is tried on, ms. */
const SUSPECT_MS = 3000;
const TRIED_MS = 1000;
/** For a long text with patterns that take a power of its length: a minute, and what tokenising a character may take, ms. */
const LONG_MS = 60_000;
const CHARACTER_MS = 1;
/** Longest pattern; published ones have up to some thousand characters. */
const MAX_PATTERN = 2 ** 16;
/** Tokens are some characters long: of so many ids more than a text, decoding counts as long. */
const PER_ID = 8;

/**
 * The same tokenizer, watched.
 * @param parts - of `tokenizer.json`, by their names
 * @throws CheckpointError for a pattern that is too long, or one that is tried and stands still
 */
export function watched(
  folder: string,
  hf: HfTokenizerLike,
  parts: Readonly<Record<string, unknown>>,
): HfTokenizerLike {
  const patterns = Object.entries(parts).flatMap(([part, value]) =>
    patternsIn(value).map((text): Pattern => ({ part, text })),
  );
  for (const { part, text } of patterns)
    if (text.length > MAX_PATTERN)
      throw new CheckpointError(
        folder,
        `its tokenizer cannot be used: a pattern of its ${part} has ${text.length} characters, expected at most ${MAX_PATTERN}.`,
      );
  const harmless = patterns.reduce(
    (least, { text }) => Math.min(least, harmlessLength(patternCost(text))),
    Number.POSITIVE_INFINITY,
  );
  if (harmless === Number.POSITIVE_INFINITY) return hf;
  const suspects = patterns.filter(({ text }) => patternCost(text).nested);
  const guard = <T>(length: number, work: () => T, suspectMs = SUSPECT_MS): T => {
    if (length <= harmless) return work();
    const ms = suspects.length > 0 ? suspectMs : LONG_MS + CHARACTER_MS * length;
    try {
      return withinTime(ms, work);
    } catch (error) {
      throw error instanceof TimeLimitError
        ? tooSlow(folder, suspects[0] ?? patterns[0]!, length, ms)
        : error;
    }
  };
  const safe: HfTokenizerLike = {
    encode: (text, options) => guard(text.length, () => hf.encode(text, options)),
    decode: (ids, options) => guard(PER_ID * ids.length, () => hf.decode(ids, options)),
    token_to_id: (token) => hf.token_to_id(token),
    id_to_token: (id) => hf.id_to_token(id),
  };
  tryOut(folder, suspects, (text) => {
    guard(text.length, () => hf.encode(text, { add_special_tokens: false }), TRIED_MS);
  });
  return safe;
}

/** All regular expressions below a part. Those that `exact-parts.ts` puts in for others are ours. */
function patternsIn(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  const own = (part as { type?: unknown }).type === "Strip" ? ["\\s+"] : [];
  return [
    ...own,
    ...Object.entries(part).flatMap(([key, value]) =>
      key === "Regex" && typeof value === "string" ? [value] : patternsIn(value),
    ),
  ];
}

/** Texts in which repetitions that contain each other are tried in every way: many of one character, then one that fits nothing. */
function tryOut(folder: string, suspects: readonly Pattern[], encode: (text: string) => void): void {
  if (suspects.length === 0) return;
  const spelt = suspects.flatMap(({ text }) => [...text].slice(0, 200));
  const characters = new Set([..."aA0 \n.é中", ...spelt]);
  for (const character of [...characters].slice(0, 64))
    for (const end of ["", "!", "\u0000"]) {
      const text = character.repeat(48) + end;
      try {
        encode(text);
      } catch (error) {
        if (error instanceof ConfigError)
          throw new CheckpointError(folder, messageOf(folder, error), { cause: error });
        // What else is wrong with the tokenizer is told where it is used.
        return;
      }
    }
}

const messageOf = (folder: string, error: Error) => error.message.replace(`${folder}: `, "");

function tooSlow(folder: string, { part, text }: Pattern, length: number, ms: number): ConfigError {
  return new ConfigError(
    `${folder}: its tokenizer takes longer than ${ms} ms for ${length} characters, expected less. The pattern ${show(text)} of its ${part} repeats what itself repeats, or repeats in a row what matches the same. Write it in tokenizer.json so that no repetition contains another, or use another tokenizer.`,
  );
}
