/**
 * Attention with a key-value cache, for decoding. A layer's cache is `[B, K, S, D]` flat as rows `[B·K·S, D]`: B
 * sequences, K key-value heads, room for S positions. A program takes it as an input and gives it back with new rows
 * as an output; both are bound to one array of the store, so that rows are written in place and nothing is copied.
 */
import { type Dim, dimProduct } from "../graph/dims.ts";
import { add, and, equal, less, lessEqual, mul, scalar, sub, where } from "../graph/ops/elementwise.ts";
import { iota, setRows } from "../graph/ops/gather.ts";
import { reshape, sum } from "../graph/ops/layout.ts";
import { matmul, rowDot } from "../graph/ops/matmul.ts";
import { softCap, softmax } from "../graph/ops/nn.ts";
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

/** An attention that leaves updated caches behind; `written` is complete once the trunk is built. */
export type CachedAttention = {
  readonly attention: Attention;
  readonly written: Readonly<Record<string, Tensor>>;
};

/**
 * Prefill: `inner` attends as usual, and every token's key and value go into the cache.
 * Program inputs: "cacheRows" ints `[N]`, row of each token's first head; "cacheStride", S as an int.
 */
export function fillingAttention(inner: Attention): CachedAttention {
  const written: Record<string, Tensor> = {};
  const rowsOf = cacheRows();
  const attention: Attention = (q, k, v, options) => {
    // C, the number of sequences with a place in the cache, is not needed and so never known.
    writeRows(written, rowsOf, k, v, options, "C");
    return inner(q, k, v, options);
  };
  return { attention, written };
}

/**
 * One decoding step: token n is the next of sequence n, and sees what its cache holds before its own position, and
 * itself. It reads the cache as it was and joins its own key and value beside it: the cache with the new rows is then
 * an output and nothing else, which is what lets it be written in place.
 * Program inputs: those of `fillingAttention`, and "span" ints `[S]`, 0 … S - 1.
 * @param positions - `[N]`
 */
export function steppingAttention(positions: Tensor): CachedAttention {
  const written: Record<string, Tensor> = {};
  const rowsOf = cacheRows();
  const query = reshape(positions, ["N", 1, 1, 1]);
  const key = reshape(input("span", "int", ["S"]), [1, 1, 1, "S"]);
  const own = equal(key, query); // [N, 1, 1, S]: the place of the new token
  const masks = new Map<number, Tensor>();
  const attention: Attention = (q, k, v, options) => {
    const { heads, kvHeads, headDim, scale, window = 0, softCap: cap } = options;
    const before = writeRows(written, rowsOf, k, v, options, "N");
    const [keys, values] = before.map((cache) => reshape(cache, ["N", kvHeads, "S", headDim])) as [
      Tensor,
      Tensor,
    ];
    const [newKey, newValue] = [k, v].map((x) => reshape(x, ["N", kvHeads, 1, headDim])) as [Tensor, Tensor];
    if (!masks.has(window)) masks.set(window, stepMask(query, key, window));
    const queries = reshape(q, ["N", kvHeads, heads / kvHeads, headDim]);
    const products = where(
      own,
      mul(rowDot(queries, newKey), scale),
      matmul(queries, keys, { transB: true, alpha: scale }),
    ); // [N, K, H/K, S]
    const p = softmax(add(cap === undefined ? products : softCap(products, cap), masks.get(window)!));
    const past = matmul(where(own, scalar(0), p), values);
    const itself = mul(sum(where(own, p, scalar(0)), [-1], { keep: true }), newValue);
    return reshape(add(past, itself), ["N", heads * headDim]);
  };
  return { attention, written };
}

type CacheRows = (kvHeads: number) => Tensor;

/** Cache rows of tokens, head by head: `[N·K]`. */
function cacheRows(): CacheRows {
  const first = input("cacheRows", "int", ["N"]);
  const stride = input("cacheStride", "int", []);
  const known = new Map<number, Tensor>();
  const make = (kvHeads: number) => {
    const heads = mul(reshape(iota(kvHeads), [1, kvHeads]), stride);
    return reshape(add(reshape(first, ["N", 1]), heads), [-1]);
  };
  return (kvHeads) => {
    if (!known.has(kvHeads)) known.set(kvHeads, make(kvHeads));
    return known.get(kvHeads)!;
  };
}

/** Puts k and v `[N, K·D]` into the layer's caches; gives the caches as they were before. */
function writeRows(
  written: Record<string, Tensor>,
  rows: CacheRows,
  k: Tensor,
  v: Tensor,
  { layer, kvHeads, headDim }: AttentionOptions,
  sequences: Dim,
): Tensor[] {
  const parts = { keys: k, values: v };
  return Object.entries(parts).map(([part, x]) => {
    const name = `cache.${part}.${layer}`;
    const cache = input(name, "float", [dimProduct([kvHeads, sequences, "S"]), headDim]);
    written[name] = setRows(cache, rows(kvHeads), reshape(x, [-1, headDim]));
    return cache;
  });
}

/** 0 where a query may look, -1e30 elsewhere: query `[N, 1, 1, 1]`, key `[1, 1, 1, S]` → `[N, 1, 1, S]`. */
function stepMask(query: Tensor, key: Tensor, window: number): Tensor {
  const past = lessEqual(key, query);
  const seen = window > 0 ? and(past, less(sub(query, key), window)) : past;
  return where(seen, scalar(0), scalar(-1e30));
}
