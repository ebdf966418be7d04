/**
 * Turns a llama2.c `tokenizer.bin` (a SentencePiece BPE vocabulary with scores) into a `tokenizer.json`.
 *
 * llama2.c always merges the neighbours whose merged piece has the highest score. A `tokenizer.json` lists merges in order of
 * priority instead, so every split of every piece into two pieces becomes a merge, ordered by the score of the merged piece.
 * Format: https://github.com/karpathy/llama2.c/blob/master/tokenizer.py (`export`).
 */
import { CheckpointError } from "../../base/core/errors.ts";
import { addedToken, byteFallbackJson, type TokenizerJson } from "./gguf/tokenizer-json.ts";

/** A piece of the vocabulary: its text with spaces as "▁", and the score by which merges are ordered. */
export type ScoredPiece = { readonly piece: string; readonly score: number };

/** Ids 0, 1 and 2 of every llama2.c vocabulary. */
const SPECIAL = ["<unk>", "<s>", "</s>"] as const;
/** Ids 3 to 258 stand for the bytes 0 to 255. */
const FIRST_BYTE = SPECIAL.length;
const FIRST_PIECE = FIRST_BYTE + 256;
const SPACE = "▁";

/**
 * Parses `tokenizer.bin`: int32 longest piece, then per id float32 score, int32 length, UTF-8 bytes.
 *
 * @param vocabSize - how many pieces the model has
 * @throws CheckpointError when the file does not hold exactly that many, or a piece is not UTF-8
 */
export function parseTokenizerBin(file: string, bytes: Uint8Array, vocabSize: number): ScoredPiece[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: ScoredPiece[] = [];
  let at = 4;
  while (at < bytes.length) {
    const id = pieces.length;
    if (id >= vocabSize)
      throw new CheckpointError(
        file,
        `holds more than the ${vocabSize} pieces of the model: they do not belong together.`,
      );
    const length = at + 8 <= bytes.length ? view.getInt32(at + 4, true) : -1;
    if (length < 0 || length > bytes.length - at - 8)
      throw new CheckpointError(
        file,
        `piece ${id} at byte ${at} has length ${length}, beyond the end. The file is damaged.`,
      );
    pieces.push({
      piece: pieceText(file, id, bytes.subarray(at + 8, at + 8 + length)),
      score: view.getFloat32(at, true),
    });
    at += 8 + length;
  }
  if (pieces.length !== vocabSize)
    throw new CheckpointError(
      file,
      `expected ${vocabSize} pieces, as many as the model has, got ${pieces.length}.`,
    );
  if (pieces.length < FIRST_PIECE)
    throw new CheckpointError(
      file,
      `expected at least ${FIRST_PIECE} pieces (3 special, 256 bytes), got ${pieces.length}.`,
    );
  return pieces;
}

/** The text of a piece; special and byte pieces by their id, because exports spell them in several ways. */
function pieceText(file: string, id: number, bytes: Uint8Array): string {
  if (id < FIRST_BYTE) return SPECIAL[id]!;
  if (id < FIRST_PIECE) return bytePiece(id - FIRST_BYTE);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).replaceAll(" ", SPACE);
  } catch (error) {
    throw new CheckpointError(file, `piece ${id} is not UTF-8. The file is damaged.`, { cause: error });
  }
}

/** SentencePiece's name of a byte, as in `<0x0A>`. */
function bytePiece(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** The merges of a vocabulary, best first: by score of the merged piece, then by its id, then by the ids of its parts. */
export function deriveMerges(pieces: readonly ScoredPiece[]): [string, string][] {
  const idOf = new Map(pieces.map(({ piece }, id) => [piece, id]));
  const merges: { score: number; id: number; left: number; right: number }[] = [];
  for (let id = FIRST_PIECE; id < pieces.length; id++) {
    const { piece, score } = pieces[id]!;
    if (idOf.get(piece) !== id) continue;
    const characters = Array.from(piece);
    for (let cut = 1; cut < characters.length; cut++) {
      const left = idOf.get(characters.slice(0, cut).join(""));
      const right = idOf.get(characters.slice(cut).join(""));
      if (left !== undefined && right !== undefined && left >= FIRST_PIECE && right >= FIRST_PIECE)
        merges.push({ score, id, left, right });
    }
  }
  merges.sort((x, y) => y.score - x.score || x.id - y.id || x.left - y.left || x.right - y.right);
  return merges.map(({ left, right }) => [pieces[left]!.piece, pieces[right]!.piece]);
}

/**
 * A `tokenizer.json` for the vocabulary, as Llama 2's is built: a space goes before the text, spaces become "▁", characters that
 * are no piece fall back to their bytes, and BOS comes first.
 */
export function tokenizerJson(pieces: readonly ScoredPiece[]): TokenizerJson {
  const vocab: Record<string, number> = {};
  for (const [id, { piece }] of pieces.entries()) if (!Object.hasOwn(vocab, piece)) vocab[piece] = id;
  return byteFallbackJson({
    vocab,
    merges: deriveMerges(pieces),
    added: SPECIAL.map((content, id) => addedToken(id, content, true)),
    prefixSpace: true,
    unk: SPECIAL[0],
    bos: { id: 1, content: SPECIAL[1] },
  });
}
