/**
 * A model that is kept as an adapter: a folder with config, tokenizer and a PEFT adapter, and no weights of its own. They are the base's, with
 * W + scale · B·A where the adapter sits (Hu et al. 2021, https://arxiv.org/abs/2106.09685, section 4.1), computed as they are read. PEFT
 * loads such a folder as an adapter on the same base; transformers' own classes look for weights where they find a config, and refuse it.
 */
import { CheckpointError, show } from "../../base/core/errors.ts";
import { type LoraPair, readAdapter } from "./adapter.ts";
import { moduleScale } from "./adapter-config.ts";
import { folderNamed } from "./folder-named.ts";
import type { NamedTensor, TensorSource } from "./safetensors.ts";

/** Where an adapter sits: its factors, their scale, and whether the weight is stored as [in, out]. */
type Place = LoraPair & { readonly scale: number; readonly inOut: boolean };

/**
 * Opens the base's tensors with the adapter folded in, as float32, and those that are kept whole with the adapter.
 * @param openBase - opens a model folder; a base may itself be kept as an adapter
 * @throws CheckpointError when the base is not where the adapter says, has no weights, or the adapter does not fit it
 */
export async function openAdapted(
  path: string,
  openBase: (folder: string) => Promise<TensorSource>,
): Promise<TensorSource> {
  const { config, lora, saved } = await readAdapter(path);
  const folder = config.baseModel === "" ? undefined : await folderNamed(config.baseModel, path);
  if (folder === undefined)
    throw new CheckpointError(
      path,
      `is kept as an adapter, and its base is not where adapter_config.json says, base_model_name_or_path ${show(config.baseModel)}. Put the base there, or write its folder into that file.`,
    );
  const base = await openBase(folder);
  try {
    const places = new Map<string, Place>();
    for (const [projection, pair] of lora)
      places.set(storedIn(path, base, `${projection}.weight`), {
        ...pair,
        scale: moduleScale(config, projection).scale,
        inOut: config.fanInFanOut,
      });
    for (const [name, place] of places) checkPlace(path, base, name, place);
    return sourceOf(path, base, places, saved);
  } catch (error) {
    await base.close();
    throw error;
  }
}

function sourceOf(
  path: string,
  base: TensorSource,
  places: ReadonlyMap<string, Place>,
  saved: ReadonlyMap<string, NamedTensor>,
): TensorSource {
  const read = async (name: string): Promise<Float32Array> => {
    const whole = saved.get(name);
    if (whole !== undefined) return Float32Array.from(whole.data);
    const weights = await base.read(name);
    const place = places.get(name);
    return place === undefined ? weights : folded(weights, place);
  };
  return {
    path,
    names: [...new Set([...base.names, ...saved.keys()])],
    info: (name) => ({ dtype: "F32", shape: saved.get(name)?.shape ?? base.info(name).shape }),
    read,
    async *bytes(name) {
      const { buffer, byteOffset, byteLength } = await read(name);
      yield new Uint8Array(buffer, byteOffset, byteLength);
    },
    close: () => base.close(),
  };
}

/** The base's name of a tensor: files may lack the family's prefix. */
function storedIn(path: string, base: TensorSource, name: string): string {
  const found = base.names.find(
    (own) => own === name || name.endsWith(`.${own}`) || own.endsWith(`.${name}`),
  );
  if (found === undefined)
    throw new CheckpointError(path, `adapts ${name}, which its base ${base.path} does not have.`);
  return found;
}

function checkPlace(path: string, base: TensorSource, name: string, { a, b, inOut }: Place): void {
  const [rows, columns] = inOut ? [a.shape[1], b.shape[0]] : [b.shape[0], a.shape[1]];
  const { shape } = base.info(name);
  if (shape.length !== 2 || shape[0] !== rows || shape[1] !== columns)
    throw new CheckpointError(
      path,
      `adapts ${name} as [${rows}, ${columns}], its base ${base.path} has [${shape.join(", ")}].`,
    );
}

/** W + scale · B·A; `weights` is changed and given back. [out, in] row by row, [in, out] is the transpose. */
function folded(weights: Float32Array, { a, b, scale, inOut }: Place): Float32Array {
  const [rank, width] = a.shape as [number, number];
  const height = b.shape[0]!;
  const row = new Float32Array(width);
  for (let i = 0; i < height; i++) {
    row.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = b.data[i * rank + k]!;
      for (let j = 0; j < width; j++) row[j]! += factor * a.data[k * width + j]!;
    }
    for (let j = 0; j < width; j++) weights[inOut ? j * height + i : i * width + j]! += scale * row[j]!;
  }
  return weights;
}
