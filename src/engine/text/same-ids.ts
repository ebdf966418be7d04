/**
 * Whether two tokenizers give the same ids for the same text, from what their files say and not from their bytes: transformers writes
 * `tokenizer.json` anew when it saves, with defaults spelt out, members in another order and the template's parts elsewhere.
 */
import { show } from "../../base/core/errors.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";
import { type JsonObject, readTokenizerFiles } from "./tokenizer-files.ts";

/**
 * The first thing that decides ids in which a folder's tokenizer differs from another's, as the end of a sentence ("the id of … is …,
 * expected …"); undefined where there is none. Compared are vocabulary, merges, added tokens, normalizer, pre-tokenizer and decoder, and
 * which ids begin and end a text. Truncation, padding and post-processing are not: sequences are cut and joined here.
 * @throws CheckpointError when either folder's tokenizer cannot be used
 */
export async function idsDifference(folder: string, expected: string): Promise<string | undefined> {
  const [a, b] = [await readTokenizerFiles(folder), await readTokenizerFiles(expected)];
  return (
    jsonDifference(a.tokenizer, b.tokenizer) ??
    endsDifference(await loadTokenizer(folder), await loadTokenizer(expected))
  );
}

/** Differences of two `tokenizer.json`, the plainest first. */
function jsonDifference(a: JsonObject, b: JsonObject): string | undefined {
  const models = [a["model"], b["model"]] as [JsonObject, JsonObject];
  const [{ vocab: va, merges: ma, ...ra }, { vocab: vb, merges: mb, ...rb }] = models;
  return (
    entryDifference("the id of", idsOf(va), idsOf(vb)) ??
    listDifference("merge", mergesOf(ma), mergesOf(mb)) ??
    entryDifference("the added token", addedOf(a), addedOf(b)) ??
    partDifference("model", ra, rb) ??
    partDifference("normalizer", a["normalizer"], b["normalizer"]) ??
    partDifference("pre_tokenizer", a["pre_tokenizer"], b["pre_tokenizer"]) ??
    partDifference("decoder", a["decoder"], b["decoder"])
  );
}

function endsDifference(a: Tokenizer, b: Tokenizer): string | undefined {
  const begin = ({ addBos, bosId }: Tokenizer) => (addBos ? bosId : undefined);
  if (begin(a) !== begin(b))
    return `a text begins with ${name(begin(a))}, expected ${name(begin(b))} (the post-processor)`;
  return a.eosId === b.eosId
    ? undefined
    : `a text ends with ${name(a.eosId)}, expected ${name(b.eosId)} (eos_token)`;
}

const name = (id: number | undefined) => (id === undefined ? "no token" : `id ${id}`);

/** What stands under each name; a Unigram's list has its tokens' places and scores. */
function idsOf(vocab: unknown): Map<string, string> {
  const entries = Array.isArray(vocab)
    ? (vocab as [string, number][]).map(([token, score], id) => [token, `${id} (score ${score})`] as const)
    : Object.entries(vocab as Record<string, number>).map(([token, id]) => [token, `${id}`] as const);
  return new Map(entries);
}

/** Merges as pairs: newer files have lists, older ones texts. */
function mergesOf(merges: unknown): string[] {
  return ((merges ?? []) as (string | string[])[]).map((one) => (Array.isArray(one) ? one.join(" ") : one));
}

const FLAGS = ["special", "single_word", "lstrip", "rstrip"] as const;

/** Added tokens by content: id and every flag, absent ones as off; `normalized` is on by default where a token is not special. */
function addedOf(json: JsonObject): Map<string, string> {
  const tokens = (json["added_tokens"] ?? []) as (JsonObject & { id: number; content: string })[];
  return new Map(
    tokens.map(({ id, content, ...flags }) => {
      const on = FLAGS.filter((flag) => flags[flag] === true);
      const normalized = flags["normalized"] ?? flags["special"] !== true;
      return [content, [id, ...on, ...(normalized === true ? ["normalized"] : [])].join(" ")];
    }),
  );
}

function entryDifference(what: string, a: Map<string, string>, b: Map<string, string>): string | undefined {
  for (const [key, expected] of b)
    if (a.get(key) !== expected)
      return `${what} ${show(key)} is ${a.get(key) ?? "missing"}, expected ${expected}`;
  const more = [...a.keys()].find((key) => !b.has(key));
  return more === undefined ? undefined : `${what} ${show(more)} is ${a.get(more)}, expected none`;
}

function listDifference(what: string, a: readonly string[], b: readonly string[]): string | undefined {
  const at = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).find((i) => a[i] !== b[i]);
  return at === undefined
    ? undefined
    : `${what} ${at + 1} is ${show(a[at])}, expected ${show(b[at])}`.replaceAll("nothing", "none");
}

/** Members that a reader fills in, by the type of the part; the members of no type are BPE's own. */
const DEFAULTS: Readonly<Record<string, JsonObject>> = {
  BPE: { fuse_unk: false, byte_fallback: false, ignore_merges: false },
  ByteLevel: { add_prefix_space: true, use_regex: true },
  Metaspace: { prepend_scheme: "always", split: true },
  Split: { invert: false },
  Punctuation: { behavior: "Isolated" },
};
/** What says nothing of ids, or nothing at all. */
const SILENT = new Set(["trim_offsets"]);
const EMPTY: ReadonlySet<unknown> = new Set([null, undefined, ""]);
/** Members in which an empty text means none. */
const AFFIXES = new Set(["continuing_subword_prefix", "end_of_word_suffix"]);

function partDifference(what: string, a: unknown, b: unknown): string | undefined {
  const [x, y] = [plain(a), plain(b)];
  return JSON.stringify(x) === JSON.stringify(y) ? undefined : `${what} is ${show(x)}, expected ${show(y)}`;
}

/** A part without what its reader would fill in, members in one order. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value ?? null;
  const part = value as JsonObject;
  const defaults = DEFAULTS[String(part["type"])] ?? {};
  const said = Object.keys(part).filter((key) => {
    if (SILENT.has(key) || part[key] === null) return false;
    return AFFIXES.has(key) ? !EMPTY.has(part[key]) : part[key] !== defaults[key];
  });
  return Object.fromEntries(said.sort().map((key) => [key, plain(part[key])]));
}
