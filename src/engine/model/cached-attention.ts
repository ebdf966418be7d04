/**
 * Attention with a key-value cache, for decoding. A layer's cache lies time first, `[R, B, K, D]`: R slots of one token
 * of each of B sequences, K key-value heads. A step fills one slot, which is one piece of memory: the new keys and
 * values are the program's outputs, bound to that piece of the store's array. (The cache itself is no output of a step:
 * onnxruntime-node hands every output back as a copy, also where it was given the array to write to.)
 */
import { dimProduct } from "../graph/dims.ts";
import { add, and, equal, less, lessEqual, mul, scalar, sub, where } from "../graph/ops/elementwise.ts";
import { iota, setRows } from "../graph/ops/gather.ts";
import { reshape, sum } from "../graph/ops/layout.ts";
import { rowDot } from "../graph/ops/matmul.ts";
import { softCap, softmax } from "../graph/ops/nn.ts";
import { timeMajorMatmul } from "../graph/ops/time-major.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { Attention, AttentionOptions } from "./attention.ts";

/** Sizes of a cache that do not change while it is used. */
export type CacheShape = { readonly layers: number; readonly kvHeads: number; readonly headDim: number };

/** Names of a cache's arrays, as program inputs and outputs. */
export function cacheNames({ layers }: Pick<CacheShape, "layers">): string[] {
  return Array.from({ length: layers }, (_, layer) => [
    `cache.keys.${layer}`,
    `cache.values.${layer}`,
  ]).flat();
}

/** Slot position of a token that is not there: later than every query, so never seen. */
export const NOTHING = 2 ** 30;

/** An attention that leaves keys and values behind; `written` is complete once the trunk is built. */
export type CachedAttention = {
  readonly attention: Attention;
  readonly written: Readonly<Record<string, Tensor>>;
};

/**
 * Prefill: `inner` attends as usual, and every token's key and value go into the cache, which is given back whole.
 * Program inputs: "cacheRows" ints `[N]`, row of each token's first head in the cache as rows `[R·B·K, D]`.
 */
export function fillingAttention(inner: Attention): CachedAttention {
  const written: Record<string, Tensor> = {};
  const first = reshape(input("cacheRows", "int", ["N"]), ["N", 1]);
  let rows: Tensor | undefined;
  const attention: Attention = (q, k, v, options) => {
    const { layer, kvHeads, headDim } = options;
    rows ??= reshape(add(first, reshape(iota(kvHeads), [1, kvHeads])), [-1]);
    for (const [part, x] of Object.entries({ keys: k, values: v })) {
      const name = `cache.${part}.${layer}`;
      const cache = input(name, "float", [dimProduct([kvHeads, "C"]), headDim]);
      written[name] = setRows(cache, rows, reshape(x, [-1, headDim]));
    }
    return inner(q, k, v, options);
  };
  return { attention, written };
}

/**
 * One decoding step: token n is the next of sequence n, and sees itself and what the cache holds of its sequence. Its
 * own key and value are joined beside the cache, whose last slot may hold anything: it is the one being written.
 * Program inputs: "slotPositions" ints `[N, T]`, position of each slot's token in its sequence or `NOTHING`, the last
 * being the new tokens'; the first T slots of the caches.
 * @param positions - `[N]`
 */
export function steppingAttention(positions: Tensor): CachedAttention {
  const written: Record<string, Tensor> = {};
  const query = reshape(positions, ["N", 1, 1, 1]);
  const key = reshape(input("slotPositions", "int", ["N", "T"]), ["N", 1, 1, "T"]);
  const own = equal(key, query);
  const masks = new Map<number, Tensor>();
  const attention: Attention = (q, k, v, options) => {
    const { layer, heads, kvHeads, headDim, scale, window = 0, softCap: cap } = options;
    const group = heads / kvHeads;
    const [scoresShape, flatShape] = [
      ["N", kvHeads, group, "T"],
      [dimProduct(["N", kvHeads]), group, "T"],
    ];
    written[`cache.keys.${layer}`] = reshape(k, [-1]);
    written[`cache.values.${layer}`] = reshape(v, [-1]);
    const [newKey, newValue] = [k, v].map((x) => reshape(x, ["N", kvHeads, 1, headDim])) as [Tensor, Tensor];
    if (!masks.has(window)) masks.set(window, stepMask(query, key, window));

    const flat = reshape(q, [dimProduct(["N", kvHeads]), group, headDim]);
    const past = timeMajorMatmul(flat, slots("keys", options), { transB: true, alpha: scale });
    const itself = mul(rowDot(reshape(q, ["N", kvHeads, group, headDim]), newKey), scale);
    const products = where(own, itself, reshape(past, scoresShape)); // [N, K, H/K, T]
    const p = softmax(add(cap === undefined ? products : softCap(products, cap), masks.get(window)!));
    const mixed = timeMajorMatmul(reshape(where(own, scalar(0), p), flatShape), slots("values", options));
    const ownShare = sum(where(own, p, scalar(0)), [-1], { keep: true });
    const all = add(reshape(mixed, ["N", kvHeads, group, headDim]), mul(ownShare, newValue));
    return reshape(all, ["N", heads * headDim]);
  };
  return { attention, written };
}

/** A layer's cache `[T, N·K, D]`. */
function slots(part: "keys" | "values", { layer, kvHeads, headDim }: AttentionOptions): Tensor {
  const cache = input(`cache.${part}.${layer}`, "float", [dimProduct(["N", "T", kvHeads * headDim])]);
  return reshape(cache, ["T", dimProduct(["N", kvHeads]), headDim]);
}

/** 0 where a query may look, -1e30 elsewhere: query `[N, 1, 1, 1]`, key `[N, 1, 1, T]` → `[N, 1, 1, T]`. */
function stepMask(query: Tensor, key: Tensor, window: number): Tensor {
  const past = lessEqual(key, query);
  const seen = window > 0 ? and(past, less(sub(query, key), window)) : past;
  return where(seen, scalar(0), scalar(-1e30));
}
