/**
 * Dropout whose mask is a function of a seed, a site and an element's place, not of a generator's state: the same step
 * gives the same mask after a resume, and nothing has to be stored for it.
 */
import { ShapeError } from "../../../base/core/errors.ts";
import {
  applyAll,
  attribute,
  type Emitter,
  expectDType,
  expectRank,
  type Node,
  type Op,
  type Tensor,
} from "../tensor.ts";
import { mul } from "./elementwise.ts";
import { iota } from "./gather.ts";

const dropoutOp: Op = {
  name: "dropout",
  infer: ([x]) => [
    { dtype: "float", shape: x!.shape },
    { dtype: "float", shape: x!.shape },
  ],
  gradient: (node, [dy]) => [dy && mul(dy, node.outputs[1]!)],
  emit: (node, emit) => {
    const x = emit.name(node.inputs[0]!);
    const [y, mask] = node.outputs.map((t) => emit.name(t)) as [string, string];
    // Two keys per row and per column, well mixed; an element's bits are the product of a xor and a sum of them, so
    // that no bit of it is linear in the row's and the column's. Four cheap passes over the elements.
    const sites = sitesBeside(node, emit);
    const key = (axis: 0 | 1, salt: number) => keyOf(node, emit, sites, axis, salt);
    const first = emit.add("BitwiseXor", [key(0, 0x1b56c4e9), key(1, 0x6a09e667)]);
    const second = emit.add("Add", [key(0, 0x3c6ef372), key(1, 0x510e527f)]);
    const bits = emit.add("Mul", [first, second]);
    const rate = attribute<number>(node, "rate");
    // Bits are uniform over int32; those in the lowest `rate` of its range are dropped.
    const dropped = emit.add("Less", [bits, emit.int(Math.round((rate - 0.5) * 2 ** 32))]);
    emit.add("Where", [dropped, emit.scalar(0), emit.scalar(1 / (1 - rate))], { outputs: [mask] });
    emit.add("Mul", [x, mask], { outputs: [y] });
  },
};

/**
 * Keys of a site's rows, `[N, 1]`, or columns, `[1, C]`. Those of all sites that share a seed and a length are mixed together, in
 * `[sites, N, 1]`: site by site they were most of the nodes of a deep model with adapters.
 */
function keyOf(node: Node, emit: Emitter, sites: readonly number[], axis: 0 | 1, salt: number): string {
  const seed = emit.name(node.inputs[1]!);
  const places = node.inputs[2 + axis]!;
  const keys = emit.once(`dropout ${seed} ${places.shape[0]} ${salt}`, () => {
    const salted = emit.add("Add", [startsOf(emit, seed, sites), emit.int(salt)]);
    const place = emit.once(`dropout places ${places.shape[0]}`, () => hashed(emit, emit.name(places)));
    const mixed = hashed(emit, emit.add("Add", [place, salted]));
    return emit.add("Unsqueeze", [mixed, emit.ints([axis === 0 ? 2 : 1])]);
  });
  return emit.add("Gather", [keys, emit.int(sites.indexOf(siteOf(node)))]);
}

/** The sites that share a node's seed, its own among them. */
function sitesBeside(node: Node, emit: Emitter): number[] {
  const seed = emit.name(node.inputs[1]!);
  const nodes = emit.nodesOf(dropoutOp).filter((other) => emit.name(other.inputs[1]!) === seed);
  return [...new Set(nodes.map(siteOf))];
}

/** A number for each site under a seed, `[sites, 1]`. */
function startsOf(emit: Emitter, seed: string, sites: readonly number[]): string {
  return emit.once(`dropout starts ${seed}`, () => {
    const numbers = emit.add("Cast", [emit.ints(sites)], { attributes: { to: INT32 } });
    const starts = hashed(emit, emit.add("Add", [emit.add("Mul", [seed, emit.int(GOLDEN)]), numbers]));
    return emit.add("Unsqueeze", [starts, emit.ints([1])]);
  });
}

const siteOf = (node: Node): number => attribute<number>(node, "site");

/** 2^32 / golden ratio, odd, as int32. */
const GOLDEN = 0x9e3779b9 | 0;

/** MurmurHash3's 32-bit finaliser: every bit of the result depends on every bit of `x` (ints). */
function hashed(emit: Emitter, x: string): string {
  const shifted = (value: string, bits: number) => {
    // Shifts exist for unsigned, products for signed elements; casts between them keep the bits.
    const unsigned = emit.add("Cast", [value], { attributes: { to: UINT32 } });
    const places = emit.add("Cast", [emit.int(bits)], { attributes: { to: UINT32 } });
    const right = emit.add("BitShift", [unsigned, places], { attributes: { direction: "RIGHT" } });
    return emit.add("BitwiseXor", [value, emit.add("Cast", [right], { attributes: { to: INT32 } })]);
  };
  const times = (value: string, factor: number) => emit.add("Mul", [value, emit.int(factor)]);
  const once = times(shifted(x, 16), 0x85ebca6b | 0);
  return shifted(times(shifted(once, 13), 0xc2b2ae35 | 0), 16);
}

const [INT32, UINT32] = [6, 12];

/**
 * Zeroes a share `rate` of x and scales the rest by 1 / (1 - rate). Srivastava et al. 2014,
 * https://jmlr.org/papers/v15/srivastava14a.html.
 * @param x - `[N, C]`
 * @param rate - in [0, 1)
 * @param seed - int of rank 0, another at every step and microbatch
 * @param site - int32, another at every use in a program; `siteNumber` makes one of a name
 */
export function dropout(x: Tensor, rate: number, seed: Tensor, site: number): Tensor {
  expectRank("dropout", x, 2);
  expectRank("dropout", seed, 0);
  expectDType("dropout", seed, "int");
  if (!(rate >= 0 && rate < 1)) throw new ShapeError("dropout", `expected a rate in [0, 1), got ${rate}.`);
  if (rate === 0) return x;
  return applyAll(dropoutOp, [x, seed, iota(x.shape[0]!), iota(x.shape[1]!)], { rate, site: site | 0 })[0]!;
}

/** A number for a site's name (FNV-1a, 32 bits, as int32). */
export function siteNumber(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash | 0;
}
