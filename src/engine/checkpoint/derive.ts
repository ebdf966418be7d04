/**
 * Models made from a model without training: its first layers (a weaker model), and the same model with a smaller
 * vocabulary (a faster one). Tensors are copied one at a time.
 */
import { join } from "node:path";
import { CheckpointError, ConfigError } from "../../base/core/errors.ts";
import { exists, readText } from "../../base/core/files.ts";
import { describeModel, type ModelDescription } from "../model/families/index.ts";
import { parameterShapes } from "../model/model.ts";
import { buildTokenizer } from "../text/tokenizer.ts";
import { readTokenizerFiles, type TokenizerFiles } from "../text/tokenizer-files.ts";
import { isFloatDtype, type WeightDtype, weightDtype } from "./dtypes.ts";
import { readJsonObject } from "./json-object.ts";
import { type ModelFolder, openModelFolder } from "./model-folder.ts";
import type { NamedTensor } from "./safetensors.ts";
import { storedNames } from "./stored-names.ts";
import { refuseOwnHead } from "./tied-head.ts";
import { closeOverMerges, trimTokenizerJson } from "./trim-tokenizer.ts";
import { writeModelFolder } from "./write-model.ts";

type Json = Readonly<Record<string, unknown>>;

/** Keys under which families keep their number of layers. */
const LAYER_KEYS = ["num_hidden_layers", "n_layer", "num_layers"];

/**
 * Writes a model of the first `layers` layers of another; embeddings, final norm and head are kept as they are. What comes
 * out speaks worse than a model of that depth would after training: fine-tune it.
 * @throws ConfigError unless 1 <= layers < the model's; CheckpointError when the folder is no model of a known family
 */
export async function keepFirstLayers(from: string, to: string, layers: number): Promise<void> {
  const folder = await openModelFolder(from);
  try {
    const whole = describeModel(folder.config, join(from, "config.json"));
    await refuseOwnHead(folder, whole);
    const had = whole.decoder.config.layers;
    if (!(Number.isInteger(layers) && layers >= 1 && layers < had))
      throw new ConfigError(`${from}: expected a number of layers from 1 to ${had - 1}, got ${layers}.`);
    const config = shallowConfig(whole.config, layers);
    const described = describeModel(config, join(to, "config.json"));
    await writeModelFolder(to, {
      config,
      generationConfig: folder.generationConfig,
      tensors: tensorsOf(folder, storedParameters(folder, { ...described, container: whole.container })),
      tokenizerFrom: folder.path,
      dtype: commonDtype(folder),
    });
  } finally {
    await folder.close();
  }
}

/** The config of fewer layers; lists with one entry per layer are cut. */
function shallowConfig(config: Json, layers: number): Json {
  const key = LAYER_KEYS.find((name) => typeof config[name] === "number") ?? LAYER_KEYS[0]!;
  const changed: Record<string, unknown> = { ...config, [key]: layers };
  for (const list of ["layer_types", "attention_layers", "no_rope_layers"]) {
    const kinds = config[list];
    if (Array.isArray(kinds)) changed[list] = kinds.slice(0, layers);
  }
  // GPT-Neo's run-length form of attention_layers.
  if (Array.isArray(config.attention_types))
    changed.attention_types = [[unrolled(config.attention_types).slice(0, layers), 1]];
  return changed;
}

function unrolled(runs: readonly unknown[]): unknown[] {
  return (runs as [unknown[], number][]).flatMap(([kinds, times]) =>
    Array.from({ length: Math.min(times, 2 ** 12) }, () => kinds).flat(),
  );
}

/** What a vocabulary must still hold. */
export type KeptVocabulary = {
  /** Texts that must keep their tokens, each as it will be tokenised: a prompt, a prompt with its response. */
  readonly texts: readonly string[];
  /** Further ids to keep, such as those a model sampled. */
  readonly ids?: Iterable<number>;
};

/** What became of a vocabulary; also written to `vocabulary_map.json`. */
export type VocabularyMap = {
  readonly originalVocabSize: number;
  /** Old id of each new id, ascending. */
  readonly kept: readonly number[];
};

/** Name of the file that says which old id each new id was. */
export const VOCABULARY_MAP_FILE = "vocabulary_map.json";

/** Tokenizer files that hold no ids and go along unchanged. */
const CARRIED_FILES = ["special_tokens_map.json", "chat_template.jinja", "chat_template.json"];

/**
 * Writes the same model with only the tokens that occur in the texts, beside special tokens, bytes and the pieces that the
 * kept tokens are merged from. The texts keep their tokens under new ids (checked on every one), and the logits of kept
 * tokens after them are the original's; any other text can still be spelt, in smaller pieces. Probabilities are not the
 * original's: what the lost tokens had is shared out among the kept ones.
 * @throws CheckpointError when the tokenizer is no BPE with bytes, when a text would be tokenised differently, or when the
 *   generation config names tokens in a way that is not known here
 */
export async function trimVocabulary(from: string, to: string, keep: KeptVocabulary): Promise<VocabularyMap> {
  const folder = await openModelFolder(from);
  try {
    const described = describeModel(folder.config, join(from, "config.json"));
    await refuseOwnHead(folder, described);
    const files = await readTokenizerFiles(from);
    const { kept, newIds, trimmed } = trimmedFiles(from, files, folder, keep);
    const config = { ...renumberIds(from, described.config, newIds), vocab_size: kept.length };
    const map: VocabularyMap = { originalVocabSize: described.decoder.config.vocabSize, kept };
    await writeModelFolder(to, {
      config,
      generationConfig: folder.generationConfig && renumberIds(from, folder.generationConfig, newIds),
      tensors: trimmedTensors(folder, described, kept),
      files: {
        "tokenizer.json": JSON.stringify(trimmed.tokenizer),
        "tokenizer_config.json": `${JSON.stringify(trimmed.tokenizerConfig, null, 2)}\n`,
        ...(await carriedFiles(folder.path)),
        [VOCABULARY_MAP_FILE]: `${JSON.stringify(map)}\n`,
      },
      dtype: commonDtype(folder),
    });
    return map;
  } finally {
    await folder.close();
  }
}

/** Chooses the ids, rewrites the tokenizer's files and checks that every text keeps its tokens. */
function trimmedFiles(from: string, files: TokenizerFiles, folder: ModelFolder, keep: KeptVocabulary) {
  const original = buildTokenizer(from, files);
  const encoded = keep.texts.map((text) => original.encode(text));
  const wanted = new Set([...(keep.ids ?? []), ...encoded.flat(), ...original.eosIds, ...configIds(folder)]);
  for (const id of [original.bosId, original.padId]) if (id !== undefined) wanted.add(id);
  const stranger = [...wanted].find((id) => !Number.isInteger(id) || id < 0 || id >= original.vocabSize);
  if (stranger !== undefined)
    throw new CheckpointError(
      from,
      `token ${stranger} is to be kept, expected ids from 0 to ${original.vocabSize - 1}.`,
    );
  const kept = closeOverMerges(from, files.tokenizer, wanted);
  const newIds = new Map(kept.map((id, index) => [id, index]));
  const trimmed: TokenizerFiles = {
    ...files,
    tokenizer: trimTokenizerJson(from, files.tokenizer, newIds),
    tokenizerConfig: renumberConfig(files.tokenizerConfig, newIds),
    config: renumberIds(from, files.config, newIds),
    generationConfig: renumberIds(from, files.generationConfig, newIds),
  };
  const rebuilt = buildTokenizer(from, trimmed);
  keep.texts.forEach((text, i) => {
    const ids = rebuilt.encode(text);
    if (ids.length !== encoded[i]!.length || ids.some((id, k) => kept[id] !== encoded[i]![k]))
      throw new CheckpointError(
        from,
        `the trimmed tokenizer splits ${JSON.stringify(text.slice(0, 60))} differently: this kind of tokenizer cannot be trimmed.`,
      );
  });
  return { kept, newIds, trimmed };
}

/** Special ids a model's config and generation config name. */
function configIds({ config, generationConfig }: ModelFolder): number[] {
  return [config, generationConfig ?? {}].flatMap((json) =>
    Object.entries(json).flatMap(([key, value]) => {
      if (!key.endsWith("_token_id")) return [];
      return (Array.isArray(value) ? value : [value]).filter((id) => Number.isInteger(id) && id >= 0);
    }),
  );
}

/** Keys of a generation config that hold token ids in other shapes. */
const OTHER_ID_KEYS = [
  "suppress_tokens",
  "begin_suppress_tokens",
  "bad_words_ids",
  "force_words_ids",
  "forced_decoder_ids",
  "sequence_bias",
];

/** A config with its `*_token_id` entries under their new ids. */
function renumberIds(from: string, json: Json, newIds: ReadonlyMap<number, number>): Json {
  const unknown = OTHER_ID_KEYS.find((key) => json[key] !== undefined && json[key] !== null);
  if (unknown !== undefined)
    throw new CheckpointError(
      from,
      `"${unknown}" holds token ids, which trimVocabulary does not renumber. Remove it.`,
    );
  const renumber = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(renumber)
      : typeof value === "number"
        ? (newIds.get(value) ?? value)
        : value;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [key, key.endsWith("_token_id") ? renumber(value) : value]),
  );
}

/** `tokenizer_config.json` repeats the added tokens by id. */
function renumberConfig(json: Json, newIds: ReadonlyMap<number, number>): Json {
  const added = json.added_tokens_decoder;
  if (added === null || typeof added !== "object") return json;
  const entries = Object.entries(added).flatMap(([id, token]) =>
    newIds.has(Number(id)) ? [[String(newIds.get(Number(id))), token] as const] : [],
  );
  return { ...json, added_tokens_decoder: Object.fromEntries(entries) };
}

async function carriedFiles(from: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of CARRIED_FILES) {
    const path = join(from, name);
    if (!(await exists(path))) continue;
    files[name] = name.endsWith(".json")
      ? `${JSON.stringify(await readJsonObject(path), null, 2)}\n`
      : await readText(path);
  }
  return files;
}

async function* trimmedTensors(
  folder: ModelFolder,
  described: ModelDescription,
  kept: readonly number[],
): AsyncGenerator<NamedTensor> {
  const { embeddingName, headName } = described.decoder;
  const vocabulary = [embeddingName, headName].flatMap((name) => storedNames(name, described.family));
  for await (const tensor of tensorsOf(folder, storedParameters(folder, described)))
    yield vocabulary.includes(tensor.name) ? keepRows(tensor, kept) : tensor;
}

/** `[V, E]` → `[kept, E]` */
function keepRows({ name, shape, data }: NamedTensor, kept: readonly number[]): NamedTensor {
  const width = shape[1]!;
  const rows = new Float32Array(kept.length * width);
  kept.forEach((id, row) => {
    rows.set(data.subarray(id * width, (id + 1) * width), row * width);
  });
  return { name, shape: [kept.length, width], data: rows };
}

/** A model's parameters as they are stored, and the names to write them under. */
type StoredNames = readonly { readonly stored: string; readonly name: string }[];

/**
 * In the file's order; buffers, tied copies of the head and the rest of a multimodal checkpoint are left behind. Names stay,
 * but the text model of such a checkpoint gets its own.
 */
function storedParameters(
  folder: ModelFolder,
  { family, decoder, task, container }: ModelDescription,
): StoredNames {
  const names = new Map(
    [...parameterShapes(decoder, task).keys()].flatMap((name) =>
      storedNames(name, family).map((stored) => [stored, name] as const),
    ),
  );
  return folder.names.flatMap((stored) => {
    const name = names.get(stored);
    return name === undefined ? [] : [{ stored, name: container === undefined ? stored : name }];
  });
}

async function* tensorsOf(folder: ModelFolder, names: StoredNames): AsyncGenerator<NamedTensor> {
  for (const { stored, name } of names)
    yield { name, shape: folder.info(stored).shape, data: await folder.read(stored) };
}

/** The dtype all weights have, or float32 where they differ. */
function commonDtype(folder: ModelFolder): WeightDtype {
  const dtypes = new Set(folder.names.map((name) => folder.info(name).dtype).filter(isFloatDtype));
  const [only] = dtypes;
  return dtypes.size === 1 && only !== undefined ? weightDtype(only) : "float32";
}
