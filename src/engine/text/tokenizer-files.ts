/** Reads what a folder says about its tokenizer, whichever of Hugging Face's files say it. */
import { join } from "node:path";
import { CheckpointError, messageOf, show } from "../../base/core/errors.ts";
import { exists, readJson, readText } from "../../base/core/files.ts";
import { modelPath } from "../../base/core/model-path.ts";
import { firstTokenTemplate } from "./first-token.ts";

/** A JSON object from a file. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The tokenizer of a folder, as its files give it. */
export type TokenizerFiles = {
  /** `tokenizer.json`, or the same built from `vocab.json` and `merges.txt`; its post-processor alone says whether a text begins with BOS. */
  readonly tokenizer: JsonObject;
  readonly tokenizerConfig: JsonObject;
  /** Contents of `bos_token`, `eos_token`, `unk_token`, `pad_token`, … */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** `config.json` and `generation_config.json` of the model; empty when absent. */
  readonly config: JsonObject;
  readonly generationConfig: JsonObject;
  /** Source of the default chat template. */
  readonly chatTemplate: string | undefined;
};

/** Large multilingual vocabularies take some 40 MB; this bounds what is parsed. */
const MAX_BYTES = 2 ** 28;
/** Published templates take up to some 20 kB. */
const MAX_TEMPLATE_BYTES = 2 ** 20;

/** Reads all tokenizer files of a model folder, or of the one inside a folder that a command wrote. @throws CheckpointError when there is no tokenizer or a file is damaged */
export async function readTokenizerFiles(given: string): Promise<TokenizerFiles> {
  const folder = await modelPath(given);
  const tokenizerConfig = (await optionalObject(join(folder, "tokenizer_config.json"))) ?? {};
  const specialMap = (await optionalObject(join(folder, "special_tokens_map.json"))) ?? {};
  const specialTokens = specialTokensOf(specialMap, tokenizerConfig);
  return {
    tokenizer:
      (await optionalObject(join(folder, "tokenizer.json"))) ??
      (await fromVocabAndMerges(folder, specialTokens, tokenizerConfig)),
    tokenizerConfig,
    specialTokens,
    config: (await optionalObject(join(folder, "config.json"))) ?? {},
    generationConfig: (await optionalObject(join(folder, "generation_config.json"))) ?? {},
    chatTemplate: await readChatTemplate(folder, tokenizerConfig),
  };
}

/** Special tokens by role; `tokenizer_config.json` wins, as it does in transformers. */
function specialTokensOf(...sources: JsonObject[]): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const source of sources) {
    for (const [key, value] of Object.entries(source)) {
      const content =
        typeof value === "object" && value !== null && "content" in value ? value.content : value;
      if (/^(bos|eos|unk|pad|sep|cls|mask)_token$/.test(key) && typeof content === "string")
        tokens[key] = content;
    }
  }
  return tokens;
}

/** `chat_template.jinja`, else `chat_template.json`, else the key in `tokenizer_config.json` (the one named "default"). */
async function readChatTemplate(folder: string, tokenizerConfig: JsonObject): Promise<string | undefined> {
  const file = join(folder, "chat_template.jinja");
  if (await exists(file)) return readOr(file, () => readText(file, MAX_TEMPLATE_BYTES));
  const json = await optionalObject(join(folder, "chat_template.json"));
  const value = json?.chat_template ?? tokenizerConfig.chat_template;
  if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
  const list: readonly { name?: unknown; template?: unknown }[] = Array.isArray(value) ? value : [];
  const named = list.find((item) => item?.name === "default")?.template;
  if (typeof named === "string") return named;
  throw new CheckpointError(
    folder,
    'chat_template is neither text nor a list with a template named "default".',
  );
}

/** A folder that is no model at all is told so: what it lacks is not the tokenizer alone. */
async function withoutTokenizer(folder: string): Promise<string> {
  const expected = "tokenizer.json (or vocab.json and merges.txt)";
  return (await exists(join(folder, "config.json")))
    ? `holds no tokenizer, expected ${expected}.`
    : `is no model folder, expected config.json, weights and ${expected}.`;
}

/** A byte-level BPE `tokenizer.json` from GPT-2's two files, as OPT is published; `add_bos_token` is said in its post-processor. */
async function fromVocabAndMerges(
  folder: string,
  specialTokens: Readonly<Record<string, string>>,
  tokenizerConfig: JsonObject,
): Promise<JsonObject> {
  const vocab = await optionalObject(join(folder, "vocab.json"));
  const mergesFile = join(folder, "merges.txt");
  if (vocab === undefined || !(await exists(mergesFile)))
    throw new CheckpointError(folder, await withoutTokenizer(folder));
  const merges = (await readOr(mergesFile, () => readText(mergesFile, MAX_BYTES)))
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#version"));
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: tokenizerConfig.add_prefix_space === true,
    trim_offsets: true,
  };
  return {
    version: "1.0",
    added_tokens: [...new Set(Object.values(specialTokens))]
      .filter((content) => typeof vocab[content] === "number")
      .map((content) => ({ id: vocab[content], content, special: true, normalized: false })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor:
      tokenizerConfig.add_bos_token === true ? firstBos(folder, specialTokens, vocab) : byteLevel,
    decoder: byteLevel,
    model: { type: "BPE", unk_token: null, vocab, merges },
  };
}

/** What transformers makes of `add_bos_token` where there is no `tokenizer.json`. @throws CheckpointError where BOS is no token */
function firstBos(folder: string, { bos_token }: Readonly<Record<string, string>>, vocab: JsonObject) {
  const id = bos_token === undefined ? undefined : vocab[bos_token];
  if (typeof id !== "number")
    throw new CheckpointError(
      folder,
      "add_bos_token is true, but no bos_token is named that the vocabulary holds.",
    );
  return firstTokenTemplate({ id, content: bos_token! });
}

async function optionalObject(path: string): Promise<JsonObject | undefined> {
  if (!(await exists(path))) return undefined;
  const value = await readOr(path, () => readJson(path, MAX_BYTES));
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CheckpointError(path, `expected a JSON object, got ${show(value)}.`);
  return value as JsonObject;
}

/** Runs a reader; its errors are the checkpoint's fault, not a data file's. */
async function readOr<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new CheckpointError(path, messageOf(error).replace(`${path}: `, ""), { cause: error });
  }
}
