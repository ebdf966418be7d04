/** Digests that name a run: a checkpoint continues only the run that made it. */
import { createHash } from "node:crypto";
import { keyOf, type Model } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenRow } from "../data/packing.ts";

/** Values hashed of each parameter: enough to tell two models apart without reading gigabytes twice. */
const HASHED_VALUES = 65536;

/** Digest of token rows. */
export function digestRows(rows: readonly TokenRow[]): string {
  const hash = createHash("sha256");
  for (const { prompt, responses } of rows)
    for (const ids of [prompt, ...responses]) {
      hash.update(Int32Array.of(ids.length, responses.length));
      hash.update(Int32Array.from(ids));
    }
  return hash.digest("hex");
}

/** Digest of lists of numbers, exact to the last bit. */
export function digestNumbers(...lists: (ArrayLike<number> | undefined)[]): string {
  const hash = createHash("sha256");
  for (const list of lists) {
    hash.update(Float64Array.of(list?.length ?? -1));
    if (list !== undefined) hash.update(Float64Array.from(list));
  }
  return hash.digest("hex");
}

/** Digest of a model's starting weights: names, sizes and the first 65,536 values of every parameter. */
export async function digestModel(runtime: Runtime, model: Model): Promise<string> {
  const hash = createHash("sha256");
  for (const [name, shape] of model.parameters) {
    hash.update(`${name}:${shape.join(",")};`);
    hash.update((await runtime.store.get(keyOf(model, name))).subarray(0, HASHED_VALUES));
  }
  return hash.digest("hex");
}
