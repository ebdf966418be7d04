/**
 * Imports a GGUF file (llama.cpp, Ollama, LM Studio) as a Hugging Face folder: weights decoded to float32 (or rounded to a half
 * format), names and orders of transformers, tokenizer and chat template out of the file's metadata.
 *
 * A quantised file holds other numbers than the model it was made from; the folder holds what the file means.
 */
import type { WeightDtype } from "../dtypes.ts";
import type { NamedTensor } from "../safetensors.ts";
import { writeModelFolder } from "../write-model.ts";
import {
  type Architecture,
  architectureOf,
  type CommonConfig,
  checkComplete,
  configOf,
  tensorName,
} from "./architectures.ts";
import { TYPE_NAMES } from "./dequantize.ts";
import { type GgufFile, openGguf } from "./gguf-file.ts";
import { ROPE_TENSORS } from "./rope.ts";
import { readVocabulary, tokenizerJson, type Vocabulary } from "./tokenizer.ts";

/** What an import was. */
export type GgufImport = {
  readonly architecture: string;
  /** Storage types of the file with the tensors stored so. */
  readonly types: Readonly<Record<string, number>>;
  readonly chatTemplate: boolean;
};

/**
 * Writes a GGUF model as a Hugging Face folder.
 * @param path - the file
 * @param out - the folder to write; replaced if it exists
 * @param dtype - how weights are stored, default float32; a half format rounds what the file means
 * @throws CheckpointError naming the file and the key or tensor that cannot be read, before anything is written
 */
export async function importGguf(
  path: string,
  out: string,
  dtype: WeightDtype = "float32",
): Promise<GgufImport> {
  const gguf = await openGguf(path);
  try {
    const { arch, architecture } = architectureOf(gguf);
    const config = await configOf(gguf);
    checkComplete(gguf, architecture, config.num_hidden_layers);
    const names = weightNames(gguf, architecture);
    const vocabulary = readVocabulary(gguf.metadata, config.vocab_size);
    const tokenizer = tokenizerJson(gguf.metadata, vocabulary, arch);
    const ids = tokenIds(vocabulary);
    await writeModelFolder(out, {
      config: { ...config, ...ids.config },
      generationConfig: { _from_model_config: true, ...ids.generation },
      tensors: weights(gguf, architecture, config, names),
      dtype,
      files: {
        "tokenizer.json": JSON.stringify(tokenizer),
        "tokenizer_config.json": `${JSON.stringify(tokenizerConfig(vocabulary, config), null, 2)}\n`,
        "special_tokens_map.json": `${JSON.stringify(specialTokens(vocabulary), null, 2)}\n`,
        ...(vocabulary.chatTemplate === undefined ? {} : { "chat_template.jinja": vocabulary.chatTemplate }),
      },
      modelCard: cardOf(gguf, arch),
    });
    return {
      architecture: arch,
      types: typeCounts(gguf),
      chatTemplate: vocabulary.chatTemplate !== undefined,
    };
  } finally {
    await gguf.close();
  }
}

/** GGUF's names with Hugging Face's, all known before the first is read. */
function weightNames(gguf: GgufFile, architecture: Architecture): (readonly [from: string, to: string])[] {
  const weights = [...gguf.tensors.keys()].filter((name) => !ROPE_TENSORS.includes(name));
  return weights.map((name) => [name, tensorName(gguf, architecture, name)] as const);
}

async function* weights(
  gguf: GgufFile,
  { undo }: Architecture,
  config: CommonConfig,
  names: readonly (readonly [string, string])[],
): AsyncGenerator<NamedTensor> {
  for (const [from, name] of names) {
    const tensor = gguf.tensors.get(from)!;
    const stored = await gguf.read(from);
    yield { name, shape: tensor.shape, data: undo === undefined ? stored : undo(tensor, stored, config) };
  }
}

function tokenIds({ bos, eos, pad, ends }: Vocabulary) {
  const ids = { bos_token_id: bos ?? null, pad_token_id: pad ?? null };
  const all = [...new Set([...(eos === undefined ? [] : [eos]), ...ends])];
  return {
    config: { ...ids, eos_token_id: eos ?? null },
    generation: { ...ids, eos_token_id: all.length > 1 ? all : (all[0] ?? null) },
  };
}

function specialTokens({ tokens, bos, eos, unk, pad }: Vocabulary): Record<string, string> {
  const roles = { bos_token: bos, eos_token: eos, unk_token: unk, pad_token: pad };
  return Object.fromEntries(
    Object.entries(roles).flatMap(([role, id]) => (id === undefined ? [] : [[role, tokens[id]!]])),
  );
}

function tokenizerConfig(vocabulary: Vocabulary, config: CommonConfig): Record<string, unknown> {
  return {
    // The class that takes tokenizer.json as it is; a family's own would rebuild parts of it.
    tokenizer_class: "PreTrainedTokenizerFast",
    ...specialTokens(vocabulary),
    add_bos_token: vocabulary.addBos && vocabulary.bos !== undefined,
    model_max_length: config.max_position_embeddings,
    clean_up_tokenization_spaces: false,
  };
}

function typeCounts(gguf: GgufFile): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of gguf.tensors.values()) {
    const name = TYPE_NAMES[type]!;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function cardOf({ metadata, tensors }: GgufFile, arch: string): string {
  const name = metadata.text("general.name") ?? arch;
  const license = metadata.text("general.license");
  return `---
library_name: transformers
tags: [${arch}, text-generation]
model_name: ${JSON.stringify(name)}${license === undefined ? "" : `\nlicense: ${JSON.stringify(license)}`}
---

# ${name.replaceAll(/[\r\n]+/g, " ")}

Imported by weak-teacher from a GGUF file (${tensors.size} tensors). Weights are what the file's quantised numbers mean,
not those of the model it was made from.
`;
}
