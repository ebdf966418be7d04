/**
 * Writes model folders as `transformers` saves and loads them: the folder appears whole or not at all, weights stream
 * through one tensor at a time, shards split as Hugging Face splits them.
 */
import { copyFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../../base/core/errors.ts";
import { exists, writeDirAtomic, writeFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import { DTYPE_BYTES, storedDtype, type WeightDtype } from "./dtypes.ts";
import { createSafetensorsWriter, type NamedTensor, type SafetensorsWriter } from "./safetensors.ts";
import { elementCount, type TensorLayout } from "./safetensors-header.ts";

/** What goes into a model folder. */
export type ModelFolderContents = {
  /** Becomes `config.json`, with `torch_dtype` set to the dtype written. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Becomes `generation_config.json`; left out when absent. */
  readonly generationConfig?: Readonly<Record<string, unknown>> | undefined;
  /** The weights in storing order, each name once; tied copies are left out by the caller. */
  readonly tensors: Iterable<NamedTensor> | AsyncIterable<NamedTensor>;
  /** Names and sizes of these tensors, in their order, where they are known before: every byte is then written once. */
  readonly layout?: readonly TensorLayout[] | undefined;
  /** A folder whose tokenizer files are carried along. */
  readonly tokenizerFrom?: string | undefined;
  /** Further text files by name, such as a tokenizer that is in no folder yet. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** Text of the model card, `README.md`. */
  readonly modelCard?: string | undefined;
  /** How weights are stored, default float32. */
  readonly dtype?: WeightDtype | undefined;
  /** A shard holds at most this many bytes of tensors, unless a single tensor is larger; default 5e9. */
  readonly maxShardBytes?: number | undefined;
};

/** The files that make up a tokenizer; those a folder has are carried along with its model. */
export const TOKENIZER_FILES: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "chat_template.json",
  "vocab.json",
  "merges.txt",
  "vocab.txt",
  "tokenizer.model",
  "spiece.model",
  "spm.model",
];

/**
 * Writes a model folder, replacing what is at `path`.
 * @throws CheckpointError when tensors are given twice, do not fit their shape or the dtype, or `tokenizerFrom` has no tokenizer
 */
export async function writeModelFolder(path: string, contents: ModelFolderContents): Promise<void> {
  const dtype = contents.dtype ?? "float32";
  await writeDirAtomic(path, async (folder) => {
    // transformers 5 writes the same setting as "dtype".
    const config = {
      ...contents.config,
      torch_dtype: dtype,
      ...("dtype" in contents.config ? { dtype } : {}),
    };
    await writeFileAtomic(join(folder, "config.json"), configText(config));
    if (contents.generationConfig !== undefined)
      await writeJsonAtomic(join(folder, "generation_config.json"), contents.generationConfig);
    await writeShards(folder, contents, dtype, contents.maxShardBytes ?? 5e9);
    if (contents.tokenizerFrom !== undefined) await carryTokenizer(contents.tokenizerFrom, folder);
    for (const [name, text] of Object.entries(contents.files ?? {}))
      await writeFileAtomic(join(folder, name), text);
    if (contents.modelCard !== undefined)
      await writeFileAtomic(join(folder, "README.md"), contents.modelCard);
  });
}

/** Keys that transformers 5 takes as floats only: 30 in their place is refused, 30.0 is not. */
const FLOAT_KEYS = new Set([
  "attn_logit_softcapping",
  "final_logit_softcapping",
  "init_std",
  "initializer_range",
  "layer_norm_eps",
  "layer_norm_epsilon",
  "rms_norm_eps",
]);

/** A config as JSON text in which those floats are spelt as floats. */
export function configText(config: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(config, null, 2);
  const line = /^( *"(\w+)": -?\d+)(,?)$/gm;
  return `${text.replace(line, (all, start: string, key: string, end: string) => (FLOAT_KEYS.has(key) ? `${start}.0${end}` : all))}\n`;
}

/** Copies the tokenizer files of one folder into another. @throws CheckpointError when there are none */
export async function carryTokenizer(from: string, to: string): Promise<void> {
  let copied = 0;
  for (const name of TOKENIZER_FILES) {
    if (!(await exists(join(from, name)))) continue;
    await copyFile(join(from, name), join(to, name));
    copied++;
  }
  if (copied === 0)
    throw new CheckpointError(
      from,
      `holds no tokenizer to carry along, expected ${TOKENIZER_FILES[0]}, got none.`,
    );
}

/** Writes shards under provisional names, since their number is known last, then names them and writes the index. */
async function writeShards(
  folder: string,
  { tensors, layout }: Pick<ModelFolderContents, "tensors" | "layout">,
  dtype: WeightDtype,
  maxBytes: number,
): Promise<void> {
  const layouts = layout && shardLayouts(layout, dtype, maxBytes);
  const shardNames: string[][] = [];
  const seen = new Set<string>();
  const provisional = (index: number) => join(folder, `shard-${index}`);
  let writer: SafetensorsWriter | undefined;
  let shardBytes = 0;
  let totalBytes = 0;
  try {
    for await (const tensor of tensors) {
      const bytes = bytesOf(tensor, dtype);
      if (seen.has(tensor.name)) throw new CheckpointError(folder, `tensor "${tensor.name}": given twice.`);
      if (writer === undefined || (shardBytes > 0 && shardBytes + bytes > maxBytes)) {
        await writer?.finish();
        const index = shardNames.length;
        writer = await createSafetensorsWriter(provisional(index), dtype, layouts?.[index]);
        shardNames.push([]);
        shardBytes = 0;
      }
      await writer.add(tensor);
      seen.add(tensor.name);
      shardNames.at(-1)!.push(tensor.name);
      shardBytes += bytes;
      totalBytes += bytes;
    }
    if (writer === undefined) throw new CheckpointError(folder, "no tensors were given to write.");
    await writer.finish();
  } catch (error) {
    await writer?.abort();
    throw error;
  }
  await nameShards(folder, provisional, shardNames, totalBytes);
}

const bytesOf = ({ shape }: TensorLayout, dtype: WeightDtype): number =>
  elementCount(shape) * DTYPE_BYTES[storedDtype(dtype)];

/** The tensors of each shard, as `writeShards` fills them. */
function shardLayouts(
  layout: readonly TensorLayout[],
  dtype: WeightDtype,
  maxBytes: number,
): TensorLayout[][] {
  const shards: TensorLayout[][] = [];
  let shardBytes = 0;
  for (const tensor of layout) {
    const bytes = bytesOf(tensor, dtype);
    if (shards.length === 0 || (shardBytes > 0 && shardBytes + bytes > maxBytes)) {
      shards.push([]);
      shardBytes = 0;
    }
    shards.at(-1)!.push(tensor);
    shardBytes += bytes;
  }
  return shards;
}

async function nameShards(
  folder: string,
  provisional: (index: number) => string,
  shardNames: readonly string[][],
  totalBytes: number,
): Promise<void> {
  const count = shardNames.length;
  if (count === 1) return rename(provisional(0), join(folder, "model.safetensors"));
  const weightMap: Record<string, string> = {};
  for (const [index, names] of shardNames.entries()) {
    const file = `model-${String(index + 1).padStart(5, "0")}-of-${String(count).padStart(5, "0")}.safetensors`;
    await rename(provisional(index), join(folder, file));
    for (const name of names) weightMap[name] = file;
  }
  const sorted = Object.fromEntries(Object.entries(weightMap).sort(([a], [b]) => (a < b ? -1 : 1)));
  const index = { metadata: { total_size: totalBytes }, weight_map: sorted };
  await writeJsonAtomic(join(folder, "model.safetensors.index.json"), index);
}
