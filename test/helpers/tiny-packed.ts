/** Tiny models in few bits, and the float32 models whose weights are what those bits mean. */
import {
  type PackedBits,
  type PackedWeight,
  packWeight,
  roomForPacked,
} from "../../src/engine/graph/packed.ts";
import { keyOf, type Model, packableOf } from "../../src/engine/model/model.ts";
import type { Runtime } from "../../src/engine/runtime/runtime.ts";

/** Every size that makes a matrix, times 8: multiples of 32 where the models' own are not. */
export const widened = (config: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, WIDTHS.has(key) ? 8 * (value as number) : value]),
  );

const WIDTHS = new Set(["hidden_size", "n_embd", "ffn_dim", "intermediate_size", "word_embed_proj_dim"]);

/** A model in few bits, and a float32 model of exactly its weights. */
export async function packedPair(
  runtime: Runtime,
  model: Model,
  bits: PackedBits,
): Promise<{ readonly packed: Model; readonly rounded: Model; readonly names: readonly string[] }> {
  const how = packableOf(model.decoder, model.task, bits);
  const held = roomForPacked(how);
  const rounded = { ...model, id: `${model.id}/rounded` };
  for (const [name, shape] of model.parameters) {
    const data = await runtime.store.get(keyOf(model, name));
    const into = held.weights.get(name);
    if (into !== undefined) {
      const { inOut } = how.get(name)!;
      packWeight(data, inOut, into);
      unpack(into, inOut, data);
    }
    await runtime.store.set(keyOf(rounded, name), shape, data);
  }
  return { packed: { ...model, packed: { held } }, rounded, names: [...how.keys()] };
}

function unpack({ out, inner, bits, block, data, scales }: PackedWeight, inOut: boolean, to: Float32Array) {
  for (let o = 0; o < out; o++)
    for (let k = 0; k < inner; k++) {
      const at = o * inner + k;
      const stored = bits === 8 ? data[at]! - 128 : ((data[at >> 1]! >> (4 * (k % 2))) & 15) - 8;
      to[inOut ? k * out + o : at] = stored * scales[Math.floor(at / block)]!;
    }
}
