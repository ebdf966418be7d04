/**
 * Attention over packed rows. Tokens of all rows lie one after another, `[N, …]` without padding, so that
 * linear layers waste nothing; only here are they spread over a padded grid `[B, T]`, head by head.
 */
import {
  add,
  and,
  div,
  equal,
  less,
  lessEqual,
  mul,
  or,
  scalar,
  sub,
  where,
} from "../graph/ops/elementwise.ts";
import { gatherRows, iota, permuteRows, sizeOf } from "../graph/ops/gather.ts";
import { expand, reshape, sum } from "../graph/ops/layout.ts";
import { matmul } from "../graph/ops/matmul.ts";
import { attend, softCap } from "../graph/ops/nn.ts";
import { input, type Tensor } from "../graph/tensor.ts";

/** What differs between families and layers. */
export type AttentionOptions = {
  readonly layer: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Factor on the scores, usually headDim^-1/2. */
  readonly scale: number;
  /** Keys further back than this are not seen: query i sees keys i - window < j <= i. */
  readonly window?: number | undefined;
  /** Gemma 2: scores are capped before the mask. */
  readonly softCap?: number | undefined;
};

/** Query, key and value of every token → the mixed values: q `[N, H·D]`, k and v `[N, K·D]` → `[N, H·D]`. */
export type Attention = (q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions) => Tensor;

/** A score that softmax turns into exactly 0. */
const MASKED = -1e30;

/** The inputs of a packed batch; see `method/data/packing.ts` for how they are made. */
export type PackedInputs = {
  /** Token ids `[N]`. */
  readonly ids: Tensor;
  /** Position of each token in its own sequence `[N]`. */
  readonly positions: Tensor;
  /** Token at each place of the grid `[B, T]`; padding names token 0. */
  readonly slots: Tensor;
  /** Place b·T + t of each token `[N]`. */
  readonly places: Tensor;
  /** `[B, T]`: 0 prompt, 1 response a, 2 response b, -1 padding. A response sees the prompt and itself. */
  readonly segments: Tensor;
  /** Made of them, not fed: above 0 for the tokens of rows that have a token at `position` or later, `[N, 1]`. */
  readonly reaches: (position: number) => Tensor;
};

/** Declares the inputs of a packed batch. */
export function packedInputs(): PackedInputs {
  const positions = input("positions", "int", ["N"]);
  const slots = input("slots", "int", ["B", "T"]);
  const places = input("places", "int", ["N"]);
  const reaches = memo((position) => {
    const late = where(lessEqual(position, gatherRows(positions, slots)), scalar(1), scalar(0)); // [B, T]
    return gatherRows(sum(late, [1], { keep: true }), div(places, sizeOf("T")));
  });
  const segments = input("segments", "int", ["B", "T"]);
  return { ids: input("ids", "int", ["N"]), positions, slots, places, segments, reaches };
}

/** Attention within packed rows; masks and index maps are made once and shared by all layers. */
export function packedAttention({ positions, slots, places, segments }: PackedInputs): Attention {
  const rowPositions = gatherRows(positions, slots); // [B, T]
  const masks = memo((window: number) => rowMask(rowPositions, segments, window));
  const spread = memo((heads: number) => headIndex(slots, places, heads));
  const toGrid = (x: Tensor, heads: number, headDim: number) => {
    const { index, inverse } = spread(heads);
    const grid = permuteRows(reshape(x, [-1, headDim]), index, inverse);
    return reshape(grid, ["B", heads, "T", headDim]);
  };
  return (q, k, v, { heads, kvHeads, headDim, scale, window = 0, softCap: cap }) => {
    const group = heads / kvHeads;
    // Query heads that share a key head become rows of one product: no key is repeated in memory.
    const queries = reshape(toGrid(q, heads, headDim), [
      "B",
      kvHeads,
      group === 1 ? "T" : `${group}*T`,
      headDim,
    ]);
    const products = matmul(queries, toGrid(k, kvHeads, headDim), { transB: true, alpha: scale });
    const capped = cap === undefined ? products : softCap(products, cap);
    const scores = add(reshape(capped, ["B", heads, "T", "T"]), masks(window));
    const mixed = attend(reshape(scores, products.shape), toGrid(v, kvHeads, headDim)); // [B, K, group·T, D]
    const { index, inverse } = spread(heads);
    return reshape(permuteRows(reshape(mixed, [-1, headDim]), inverse, index), ["N", heads * headDim]);
  };
}

/** 0 where a query may look, -1e30 elsewhere: `[B, 1, T, T]`. */
function rowMask(positions: Tensor, segments: Tensor, window: number): Tensor {
  const query = (x: Tensor) => reshape(x, ["B", "T", 1]);
  const key = (x: Tensor) => reshape(x, ["B", 1, "T"]);
  // Padding sees only padding: in the backward pass its places hold copies of adjoints, which must reach no token.
  const promptOfText = and(equal(key(segments), 0), lessEqual(0, query(segments)));
  const sameText = or(equal(key(segments), query(segments)), promptOfText);
  const past = lessEqual(key(positions), query(positions));
  const seen = and(sameText, past);
  const near = window > 0 ? and(seen, less(sub(query(positions), key(positions)), window)) : seen;
  return reshape(where(near, scalar(0), scalar(MASKED)), ["B", 1, "T", "T"]);
}

/** Rows of `[N·H, D]` in grid order `[B, H, T]`, and back. */
function headIndex(slots: Tensor, places: Tensor, heads: number): { index: Tensor; inverse: Tensor } {
  const head = iota(heads);
  const slot = mul(reshape(slots, ["B", 1, "T"]), heads);
  const index = add(expand(slot, ["B", heads, "T"]), reshape(head, [1, heads, 1]));
  const width = sizeOf("T");
  const row = div(places, width);
  const column = sub(places, mul(row, width));
  // (row·H + head)·T + column
  const start = mul(add(mul(reshape(row, ["N", 1]), heads), reshape(head, [1, heads])), width);
  const inverse = add(start, reshape(column, ["N", 1]));
  return { index: reshape(index, [-1]), inverse: reshape(inverse, [-1]) };
}

function memo<T>(make: (key: number) => T): (key: number) => T {
  const known = new Map<number, T>();
  return (key) => {
    if (!known.has(key)) known.set(key, make(key));
    return known.get(key)!;
  };
}
