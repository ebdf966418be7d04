/**
 * Takes pieces out of a BPE `tokenizer.json` so that given texts keep their tokens.
 *
 * BPE applies the best-ranked merge that is possible until none is. A trimmed tokenizer that keeps every merge of a text's
 * own derivation, in the same order, takes the same steps: what is possible there is a part of what was possible before, and
 * it holds the step that was taken. A token's derivation does not depend on its neighbours, because no merge crosses a token's
 * bounds; so it is enough to derive each kept token from its own characters.
 */
import { CheckpointError } from "../../base/core/errors.ts";
import type { JsonObject } from "../text/tokenizer-files.ts";

/** What is used of a BPE model. */
type BpeModel = {
  readonly vocab: Readonly<Record<string, number>>;
  /** In order of rank. */
  readonly merges: readonly (readonly [string, string])[];
  readonly unkToken: string | undefined;
};

const SPACE = "▁";
/** A `<0xNN>` token of byte fallback. */
const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/;

/**
 * The ids that a trimmed tokenizer needs beside `ids`: special and other added tokens, the unknown token, bytes (of byte
 * fallback or of the byte-level alphabet), and the pieces from which the kept tokens are merged.
 * @returns ascending ids
 * @throws CheckpointError when the tokenizer is no BPE, or has no bytes to spell other texts with
 */
export function closeOverMerges(file: string, tokenizer: JsonObject, ids: Iterable<number>): number[] {
  const model = readBpe(file, tokenizer);
  const kept = new Set([...ids, ...addedTokens(tokenizer).map(({ id }) => id)]);
  if (model.unkToken !== undefined) kept.add(model.vocab[model.unkToken]!);
  // SentencePiece's space: spelt in bytes it would come back as "▁".
  if (Object.hasOwn(model.vocab, SPACE)) kept.add(model.vocab[SPACE]!);
  for (const id of bytePieces(file, tokenizer, model)) kept.add(id);
  const added = new Set(addedTokens(tokenizer).map(({ id }) => id));
  const rank = ranksOf(model);
  for (const [piece, id] of Object.entries(model.vocab)) {
    if (!kept.has(id) || added.has(id) || BYTE_TOKEN.test(piece)) continue;
    for (const part of derivation(piece, rank)) {
      const partId = model.vocab[part];
      if (partId !== undefined) kept.add(partId);
    }
  }
  return [...kept].sort((a, b) => a - b);
}

/**
 * The ids of single bytes. Byte fallback needs all 256: what it cannot spell becomes unknown. A byte-level vocabulary may lack bytes
 * that no piece of it holds (SmolLM2's lacks 21: some are no UTF-8, some are control characters): the whole tokenizer leaves
 * them out of a text, and so does the trimmed one.
 */
function bytePieces(file: string, tokenizer: JsonObject, model: BpeModel): number[] {
  const alphabet = byteAlphabet(tokenizer);
  const bytes = Object.keys(model.vocab).filter((piece) => BYTE_TOKEN.test(piece) || alphabet.has(piece));
  const added = new Set(addedTokens(tokenizer).map(({ content }) => content));
  const used = new Set(Object.keys(model.vocab).flatMap((piece) => (added.has(piece) ? [] : [...piece])));
  const lacking = [...alphabet].filter((byte) => used.has(byte) && !Object.hasOwn(model.vocab, byte));
  if (bytes.length === 0 || lacking.length > 0 || (alphabet.size === 0 && bytes.length < 256))
    throw new CheckpointError(
      file,
      `spells ${bytes.length} of the 256 bytes, expected ${alphabet.size > 0 ? "each that its pieces hold" : "all of them"}: a trimmed vocabulary could not write other texts.`,
    );
  return bytes.map((piece) => model.vocab[piece]!);
}

/**
 * The tokenizer with only the pieces of `newIds` (old id → new id) and the merges among them.
 * @throws CheckpointError when the tokenizer is no BPE or its post-processor names a token that is not kept
 */
export function trimTokenizerJson(
  file: string,
  tokenizer: JsonObject,
  newIds: ReadonlyMap<number, number>,
): JsonObject {
  const { vocab, merges } = readBpe(file, tokenizer);
  const kept = Object.entries(vocab).flatMap(([piece, id]) =>
    newIds.has(id) ? [[piece, newIds.get(id)!] as const] : [],
  );
  const pieces = new Set(kept.map(([piece]) => piece));
  const survives = ([left, right]: readonly [string, string]) =>
    pieces.has(left) && pieces.has(right) && pieces.has(left + right);
  return {
    ...tokenizer,
    added_tokens: addedTokens(tokenizer).map((token) => ({ ...token, id: newIds.get(token.id)! })),
    post_processor: renumber(file, tokenizer.post_processor ?? null, newIds),
    model: {
      ...(tokenizer.model as JsonObject),
      vocab: Object.fromEntries(kept.sort(([, a], [, b]) => a - b)),
      merges: merges.filter(survives),
    },
  };
}

function readBpe(file: string, tokenizer: JsonObject): BpeModel {
  const model = (tokenizer.model ?? {}) as JsonObject;
  const { vocab, merges } = model;
  const isBpe = (model.type ?? "BPE") === "BPE" && Array.isArray(merges);
  if (!isBpe || vocab === null || typeof vocab !== "object" || Array.isArray(vocab))
    throw new CheckpointError(file, `cannot be trimmed, expected a BPE model, got ${String(model.type)}.`);
  const unk = model.unk_token;
  return {
    vocab: vocab as Record<string, number>,
    merges: (merges as (string | [string, string])[]).map((merge) =>
      typeof merge === "string" ? splitMerge(merge) : merge,
    ),
    unkToken: typeof unk === "string" && Object.hasOwn(vocab, unk) ? unk : undefined,
  };
}

/** "a b" → ["a", "b"]; a piece has no space of its own in this older form. */
function splitMerge(merge: string): [string, string] {
  const space = merge.indexOf(" ", 1);
  return [merge.slice(0, space), merge.slice(space + 1)];
}

type AddedToken = { readonly id: number; readonly content: string };

function addedTokens(tokenizer: JsonObject): readonly AddedToken[] {
  return (tokenizer.added_tokens ?? []) as readonly AddedToken[];
}

/** GPT-2's printable characters for the 256 bytes, where the tokenizer is byte-level; else nothing. */
function byteAlphabet(tokenizer: JsonObject): ReadonlySet<string> {
  const usesBytes = JSON.stringify([tokenizer.pre_tokenizer, tokenizer.decoder]).includes('"ByteLevel"');
  if (!usesBytes) return new Set();
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return new Set(
    Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++)),
  );
}

function ranksOf({ merges }: BpeModel): ReadonlyMap<string, number> {
  return new Map(merges.map(([left, right], rank) => [mergeKey(left, right), rank]));
}

/** A key that no two pairs share; no piece holds a line feed (byte-level spells it, SentencePiece has `<0x0A>`). */
const mergeKey = (left: string, right: string) => `${left}\n${right}`;

/** Every piece that arises while a token is merged from its characters, the characters included. */
function derivation(piece: string, rank: ReadonlyMap<string, number>): string[] {
  let parts = Array.from(piece);
  const seen = [...parts];
  for (;;) {
    let best = Number.POSITIVE_INFINITY;
    let at = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const candidate = rank.get(mergeKey(parts[i]!, parts[i + 1]!));
      if (candidate !== undefined && candidate < best) [best, at] = [candidate, i];
    }
    if (at < 0) return seen;
    const merged = parts[at]! + parts[at + 1]!;
    parts = [...parts.slice(0, at), merged, ...parts.slice(at + 2)];
    seen.push(merged);
  }
}

/** Replaces ids in a post-processor: `ids: [1]` of a template, `sep: ["</s>", 2]` of BERT's and RoBERTa's. */
function renumber(file: string, value: unknown, newIds: ReadonlyMap<number, number>): unknown {
  const idOf = (old: number) => {
    const id = newIds.get(old);
    if (id === undefined)
      throw new CheckpointError(file, `its post-processor adds token ${old}, which is no added token.`);
    return id;
  };
  const visit = (node: unknown, key: string): unknown => {
    if (Array.isArray(node)) {
      if (key === "ids") return node.map(idOf);
      if ((key === "sep" || key === "cls") && typeof node[1] === "number") return [node[0], idOf(node[1])];
      return node.map((item) => visit(item, ""));
    }
    if (node === null || typeof node !== "object") return node;
    return Object.fromEntries(Object.entries(node).map(([name, member]) => [name, visit(member, name)]));
  };
  return visit(value, "");
}
