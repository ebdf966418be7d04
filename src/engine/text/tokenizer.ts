/**
 * A model folder's tokenizer. Whether the model wants BOS, and which ids begin, end and pad a text, is derived from the
 * folder's own files, never from a table of model names.
 */
import { Tokenizer as HfTokenizer } from "@huggingface/tokenizers";
import { digestOf } from "../../base/core/digest.ts";
import { AlignError, CheckpointError, ConfigError, innerMessage, show } from "../../base/core/errors.ts";
import { keptWhileSame } from "../../base/core/kept-while-same.ts";
import { modelPath } from "../../base/core/model-path.ts";
import { notice } from "../../base/core/notices.ts";
import { type ControlWords, controlWords } from "./control-words.ts";
import { withExactParts } from "./exact-parts.ts";
import { growth, insertions, MAX_GROWTH, MAX_INSERTION } from "./insertions.ts";
import { type ChatTemplate, parseChatTemplate } from "./template.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizer-files.ts";
import { type BeyondToken, embeddingRows, refuseOwnBeyond, tokensBeyond, withinRows } from "./vocabulary.ts";
import { type HfTokenizerLike, watched } from "./watched.ts";
import { withWordSplit } from "./word-split.ts";

/** Text to token ids and back. Sequences for training and scoring are made by `pair.ts` alone. */
export interface Tokenizer {
  /** Token ids of a text, no special tokens added; special tokens spelt out in the text become their ids. */
  encode(text: string): number[];
  /** Text of ids, exactly as the tokens spell it; ids beyond the vocabulary become U+FFFD. `skipSpecial` defaults to false. */
  decode(ids: readonly number[], options?: { skipSpecial?: boolean }): string;
  /** Text that `ids` add after `context`, special tokens skipped; keeps the space that `decode` takes off a text's begin. */
  decodeAfter(context: readonly number[], ids: readonly number[]): string;
  /** One string per id for display, a space shown as a space, a piece of a character as U+FFFD. */
  pieces(ids: readonly number[]): string[];
  /** One more than the largest id. A model's own vocabulary may be larger (padded). */
  readonly vocabSize: number;
  /** Control tokens that the folder's model has no embedding row for; a text that holds one is refused. */
  readonly beyond: readonly BeyondToken[];
  /** The id a text begins with, where the model knows one; put there only if `addBos`. */
  readonly bosId: number | undefined;
  /** The id a response ends with. */
  readonly eosId: number | undefined;
  /** All ids that end generation: `eosId` and those of the generation config (or else the config). */
  readonly eosIds: readonly number[];
  /** The padding id; may equal `eosId`, so padding is told by length, never by id. */
  readonly padId: number | undefined;
  /** True when the model expects `bosId` before a text. */
  readonly addBos: boolean;
  /** SHA-256 of all that decides token ids: `tokenizer.json`, BOS and EOS. The template has a digest of its own. */
  readonly digest: string;
  readonly chatTemplate: ChatTemplate | undefined;
  /** Tokens that end, begin or separate texts and turns: special ones, and role markers that are not called special. */
  readonly control: ControlWords;
}

/** A tokenizer with the special tokens by role that its folder's files name. */
export type OpenTokenizer = {
  readonly tokenizer: Tokenizer;
  readonly specialTokens: TokenizerFiles["specialTokens"];
};

/** Base and student, whole and trimmed. */
const kept = keptWhileSame<OpenTokenizer>(4, (name) => !/\.(safetensors|bin|gguf)$/.test(name));

/**
 * Opens the tokenizer of a model folder: `tokenizer.json`, or `vocab.json` with `merges.txt`, and the files beside it. It is read once for as long
 * as no file of the folder but its weights changes.
 * @throws CheckpointError when there is none, or it is damaged, of an unknown kind or contradicts itself
 */
export const openTokenizer = async (folder: string): Promise<OpenTokenizer> =>
  kept(await modelPath(folder), async () => {
    const files = await readTokenizerFiles(folder);
    return { tokenizer: buildTokenizer(folder, files), specialTokens: files.specialTokens };
  });

/** The tokenizer of a model folder, as `openTokenizer`. @throws CheckpointError as `openTokenizer` */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  return (await openTokenizer(folder)).tokenizer;
}

/** The tokenizer that files describe; `folder` is for messages. @throws CheckpointError as `loadTokenizer` */
export function buildTokenizer(folder: string, files: TokenizerFiles): Tokenizer {
  try {
    return assemble(folder, files);
  } catch (error) {
    if (error instanceof AlignError) throw error;
    throw new CheckpointError(folder, `its tokenizer cannot be used: ${innerMessage(error)}.`, {
      cause: error,
    });
  }
}

function assemble(folder: string, files: TokenizerFiles): Tokenizer {
  refuseWrongParts(folder, files.tokenizer);
  const hf = createTokenizer(folder, files);
  const ids = specialIds(folder, files, hf);
  const { chatTemplate: source } = files;
  const vocabSize = largestId(files) + 1;
  const rows = embeddingRows(files.config);
  const beyond = tokensBeyond(folder, files.tokenizer, rows);
  refuseOwnBeyond(folder, ids, beyond, rows);
  const encode = (text: string) => (text === "" ? [] : encodeChecked(folder, hf, text));
  return {
    encode: beyond.length === 0 ? encode : (text) => withinRows(folder, encode(text), beyond, rows),
    decode: (list, options) => decodeIds(hf, list, options?.skipSpecial ?? false),
    decodeAfter: (context, list) => decodeAfter(hf, context, list),
    pieces: (list) => list.map((id) => pieceOf(hf, id)),
    vocabSize,
    beyond,
    ...ids,
    digest: digestOf({
      tokenizer: files.tokenizer,
      bos: ids.addBos ? ids.bosId : null,
      eos: ids.eosId ?? null,
    }),
    chatTemplate: source === undefined ? undefined : parseChatTemplate(folder, source, files.specialTokens),
    control: controlWords(controlTokens(files, hf, ids)),
  };
}

/** Role markers are spelt so; DeepSeek's and others are not called special, though nothing but a template may write them. */
const MARKER = /^<[|｜].*[|｜]>$/;

/** Control words with their ids: special added tokens, markers, BOS and all that end a text; not what stands for unknown text. */
function controlTokens(files: TokenizerFiles, hf: HfTokenizerLike, ids: SpecialIds): Map<string, number> {
  const added = (files.tokenizer.added_tokens ?? []) as { id: number; content: string; special?: unknown }[];
  const named = [ids.bosId, ...ids.eosIds].flatMap((id) => {
    const content = id === undefined ? undefined : hf.id_to_token(id);
    return content === undefined ? [] : [{ id: id!, content, special: true }];
  });
  const words = [...added, ...named].filter(
    ({ content, special }) => content.trim() !== "" && (special === true || MARKER.test(content)),
  );
  const control = new Map(words.map(({ content, id }) => [content, id]));
  // An unknown character becomes this token without being spelt.
  control.delete(files.specialTokens.unk_token ?? "");
  control.delete(String((files.tokenizer.model as { unk_token?: unknown }).unk_token ?? ""));
  return control;
}

/** The library wants every part of a `tokenizer.json` to be there, null where unused. */
const PARTS = {
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  added_tokens: [],
};

function createTokenizer(folder: string, { tokenizer, tokenizerConfig }: TokenizerFiles): HfTokenizerLike {
  const parts = withExactParts(folder, withWordSplit(tokenizer));
  const complete = { ...PARTS, ...parts, added_tokens: tokenizer.added_tokens ?? [] };
  // tokenizer.json alone decides; the library would also take white space and accents away where these say so.
  const { remove_space: _space, do_lowercase_and_remove_accent: _accent, ...config } = tokenizerConfig;
  const { normalizer, pre_tokenizer, post_processor, decoder } = tokenizer;
  return watched(folder, new HfTokenizer(complete, config), {
    ...{ normalizer, pre_tokenizer, post_processor, decoder },
  });
}

/** What the library takes on trust: ids that are ids, texts that are texts. @throws CheckpointError */
function refuseWrongParts(folder: string, tokenizer: TokenizerFiles["tokenizer"]): void {
  const fail = (what: string, expected: string, got: unknown) =>
    new CheckpointError(
      folder,
      `its tokenizer cannot be used: ${what} is wrong, expected ${expected}, got ${show(got)}.`,
    );
  const { model, added_tokens: added = [] } = tokenizer;
  const parts = [tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder];
  for (const [what, length] of insertions(parts))
    if (length > MAX_INSERTION)
      throw fail(`the ${what} of a normalizer`, `at most ${MAX_INSERTION} characters`, length);
  for (const part of parts) {
    const times = growth(part);
    if (times > MAX_GROWTH)
      throw fail("what its normalizers replace", `a text to grow at most ${MAX_GROWTH} times`, times);
  }
  if (typeof model !== "object" || model === null) throw fail("model", "an object", model);
  const { vocab } = model as { vocab?: unknown };
  if (typeof vocab !== "object" || vocab === null) throw fail("model.vocab", "tokens with their ids", vocab);
  if (!Array.isArray(vocab))
    for (const [token, id] of Object.entries(vocab))
      if (!isId(id)) throw fail(`the id of ${show(token)}`, "a whole number", id);
  if (added !== null && !Array.isArray(added)) throw fail("added_tokens", "a list", added);
  for (const token of (added ?? []) as { id?: unknown; content?: unknown; single_word?: unknown }[]) {
    if (!isId(token?.id) || typeof token.content !== "string")
      throw fail("an added token", "an id and a content", token);
    // The library finds it inside words as well.
    if (token.single_word === true)
      throw fail(`single_word of ${show(token.content)}`, "false (whole words only are not found)", true);
  }
}

/** No vocabulary is larger than what a config may say. */
const isId = (value: unknown) =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 24;

type SpecialIds = Pick<Tokenizer, "bosId" | "eosId" | "eosIds" | "padId" | "addBos">;

/**
 * BOS is wanted if the post-processor puts a token first, whatever `add_bos_token` says: so does transformers 5 (docs/interop.md).
 * EOS is the tokenizer's `eos_token`, or else what the post-processor puts last, or else the model config's.
 */
function specialIds(folder: string, files: TokenizerFiles, hf: HfTokenizerLike): SpecialIds {
  const { tokenizerConfig, specialTokens, config, generationConfig } = files;
  const [prefix, suffix] = postProcessed(folder, hf);
  const named = (role: string) => {
    const content = specialTokens[role];
    return content === undefined ? undefined : hf.token_to_id(content);
  };
  const bosId = prefix ?? named("bos_token") ?? idsIn(config.bos_token_id)[0];
  const addBos = prefix !== undefined;
  if (typeof tokenizerConfig.add_bos_token === "boolean" && tokenizerConfig.add_bos_token !== addBos)
    notice(
      `${folder}: add_bos_token is ${!addBos}, but the post-processor of tokenizer.json ${addBos ? "puts a token before a text" : "puts none before a text"}: that is followed, as transformers 5 does. If texts shall ${addBos ? "not " : ""}begin with BOS, change the post-processor.`,
    );
  const modelEos = idsIn(generationConfig.eos_token_id ?? config.eos_token_id);
  const eosId = named("eos_token") ?? suffix ?? modelEos[0];
  return {
    bosId,
    eosId,
    eosIds: [...new Set([...(eosId === undefined ? [] : [eosId]), ...modelEos])],
    padId: named("pad_token") ?? idsIn(config.pad_token_id)[0],
    addBos,
  };
}

/** The ids the post-processor puts before and after a text, at most one each. */
function postProcessed(folder: string, hf: HfTokenizerLike): [number | undefined, number | undefined] {
  const probe = "a";
  const bare = hf.encode(probe, { add_special_tokens: false }).ids;
  const full = hf.encode(probe, { add_special_tokens: true }).ids;
  const extra = full.length - bare.length;
  const before = Array.from({ length: extra + 1 }, (_, i) => i).find((i) =>
    bare.every((id, k) => full[i + k] === id),
  );
  if (before === undefined || before > 1 || extra - before > 1)
    throw new CheckpointError(
      folder,
      `its post-processor turns ${show(bare)} into ${show(full)}, expected at most one token before and one after.`,
    );
  return [before === 1 ? full[0] : undefined, extra > before ? full.at(-1) : undefined];
}

function idsIn(value: unknown): number[] {
  return (Array.isArray(value) ? value : [value]).filter((id) => Number.isSafeInteger(id) && id >= 0);
}

/** The largest id of the model's vocabulary (an object for BPE, a list for Unigram) and of the added tokens. */
function largestId({ tokenizer }: TokenizerFiles): number {
  const { vocab } = tokenizer.model as { vocab: unknown[] | Record<string, number> };
  const added = (tokenizer.added_tokens ?? []) as readonly { id: number }[];
  let largest = -1;
  if (Array.isArray(vocab)) largest = vocab.length - 1;
  else for (const id of Object.values(vocab)) largest = Math.max(largest, id);
  for (const { id } of added) largest = Math.max(largest, id);
  return largest;
}

/** An unknown token that is itself not in the vocabulary has no id: refuse the text rather than hand on `undefined`. */
function encodeChecked(folder: string, hf: HfTokenizerLike, text: string): number[] {
  const { ids, tokens } = hf.encode(text, { add_special_tokens: false });
  const unknown = ids.indexOf(undefined);
  if (unknown >= 0)
    throw new ConfigError(
      `${folder}: its tokenizer has no id for ${show(tokens[unknown])} in ${show(text)}.`,
    );
  return ids as number[];
}

function decodeIds(hf: HfTokenizerLike, ids: readonly number[], skipSpecial: boolean): string {
  const parts: string[] = [];
  let run: number[] = [];
  const flush = () => {
    if (run.length > 0)
      parts.push(hf.decode(run, { skip_special_tokens: skipSpecial, clean_up_tokenization_spaces: false }));
    run = [];
  };
  for (const id of ids) {
    if (hf.id_to_token(id) !== undefined) run.push(id);
    else {
      flush();
      parts.push("\uFFFD");
    }
  }
  flush();
  return parts.join("");
}

/** How many ids of the context are decoded with the rest: enough for the longest character, of four byte tokens. */
const OVERLAP = 8;

function decodeAfter(hf: HfTokenizerLike, context: readonly number[], ids: readonly number[]): string {
  const tail = context.slice(-OVERLAP);
  // A character begun in the context and ended in `ids` belongs to what they add.
  const before = decodeIds(hf, tail, true).replace(/\uFFFD+$/, "");
  return decodeIds(hf, [...tail, ...ids], true).slice(before.length);
}

function pieceOf(hf: HfTokenizerLike, id: number): string {
  const token = hf.id_to_token(id);
  if (token === undefined) return "\uFFFD";
  // Byte-level and word-piece tokens decode alone; SentencePiece's would lose the space they begin with.
  return token.includes("▁") ? token.replaceAll("▁", " ") : decodeIds(hf, [id], false);
}
