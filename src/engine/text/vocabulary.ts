/**
 * Token ids against the rows of the model's embedding. A tokenizer with fewer ids than rows is usual (rows are padded). One with more is
 * either another model's, or holds control tokens that this model never reads (Gemma 3's text models and their image token).
 */
import { CheckpointError, ConfigError, show } from "../../base/core/errors.ts";

/** A token whose id has no row in the embedding. */
export type BeyondToken = { readonly id: number; readonly content: string };

type Json = Readonly<Record<string, unknown>>;

/** Rows of the embedding as `config.json` says; no limit where a folder holds a tokenizer alone. */
export function embeddingRows(config: Json): number {
  const text = config.text_config;
  const sizes = [
    config.vocab_size,
    (typeof text === "object" && text !== null ? (text as Json) : {}).vocab_size,
  ];
  return (sizes.find((size) => typeof size === "number") as number | undefined) ?? Number.POSITIVE_INFINITY;
}

/**
 * The control tokens beyond the embedding, by id.
 * @throws CheckpointError when a token of ordinary text is beyond it
 */
export function tokensBeyond(folder: string, tokenizer: Json, rows: number): BeyondToken[] {
  const beyond = new Map<number, BeyondToken & { readonly control: boolean }>();
  for (const token of entries(tokenizer)) if (token.id >= rows) beyond.set(token.id, token);
  const ordinary = [...beyond.values()].filter(({ control }) => !control);
  if (ordinary.length > 0) throw mismatch(folder, ordinary, rows);
  return [...beyond.values()].map(({ id, content }) => ({ id, content })).sort((a, b) => a.id - b.id);
}

/** @throws CheckpointError when BOS or EOS, which are put to every text, have no row */
export function refuseOwnBeyond(
  folder: string,
  { bosId, eosId, addBos }: { bosId: number | undefined; eosId: number | undefined; addBos: boolean },
  beyond: readonly BeyondToken[],
  rows: number,
): void {
  const own = beyond.filter(({ id }) => id === eosId || (addBos && id === bosId));
  if (own.length > 0) throw mismatch(folder, own, rows);
}

/** Ids as they are. @throws ConfigError naming the first that has no row */
export function withinRows(
  folder: string,
  ids: number[],
  beyond: readonly BeyondToken[],
  rows: number,
): number[] {
  const wrong = ids.find((id) => id >= rows);
  if (wrong === undefined) return ids;
  const content = beyond.find(({ id }) => id === wrong)?.content;
  throw new ConfigError(
    `${folder}: the text holds the token ${show(content)} (id ${wrong}), expected ids below ${rows}, the rows of the model's embedding. ${ADVICE}`,
  );
}

const ADVICE =
  "Give the model rows for its added tokens (resize_token_embeddings), or take the tokenizer that belongs to it.";

function mismatch(folder: string, tokens: readonly BeyondToken[], rows: number): CheckpointError {
  const named = tokens.slice(0, 3).map(({ content, id }) => `${show(content)} (id ${id})`);
  return new CheckpointError(
    folder,
    `its tokenizer has ${tokens.length} token${tokens.length === 1 ? "" : "s"} that the model has no embedding row for: ${named.join(", ")}` +
      `${tokens.length > 3 ? ", …" : ""}; expected ids below ${rows}, the vocab_size of config.json. ${ADVICE}`,
  );
}

/** All tokens with their ids: of the vocabulary (an object for BPE, a list for Unigram), and added ones, of which some are for control. */
function* entries(tokenizer: Json): Generator<BeyondToken & { readonly control: boolean }> {
  const { vocab } = tokenizer.model as {
    vocab: readonly [string, number][] | Readonly<Record<string, number>>;
  };
  const added = (tokenizer.added_tokens ?? []) as readonly (BeyondToken & { special?: boolean })[];
  const control = new Set(added.filter(({ special }) => special === true).map(({ content }) => content));
  if (Array.isArray(vocab))
    for (const [id, [content]] of vocab.entries()) yield { id, content, control: control.has(content) };
  else
    for (const [content, id] of Object.entries(vocab)) yield { id, content, control: control.has(content) };
  for (const { id, content } of added) yield { id, content, control: control.has(content) };
}
