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
    const [x, seed, rows, columns] = node.inputs.map((t) => emit.name(t)) as [string, string, string, string];
    const [y, mask] = node.outputs.map((t) => emit.name(t)) as [string, string];
    const site = attribute<number>(node, "site");
    const start = hashed(emit, emit.add("Add", [emit.add("Mul", [seed, emit.int(GOLDEN)]), emit.int(site)]));
    // Two keys per row and per column, well mixed; an element's bits are the product of a xor and a sum of them, so
    // that no bit of it is linear in the row's and the column's. Four cheap passes over the elements.
    const key = (places: string, salt: number, axis: number) => {
      const salted = emit.add("Add", [start, emit.int(salt)]);
      return emit.add("Unsqueeze", [
        hashed(emit, emit.add("Add", [hashed(emit, places), salted])),
        emit.ints([axis]),
      ]);
    };
    const first = emit.add("BitwiseXor", [key(rows, 0x1b56c4e9, 1), key(columns, 0x6a09e667, 0)]);
    const second = emit.add("Add", [key(rows, 0x3c6ef372, 1), key(columns, 0x510e527f, 0)]);
    const bits = emit.add("Mul", [first, second]);
    const rate = attribute<number>(node, "rate");
    // Bits are uniform over int32; those in the lowest `rate` of its range are dropped.
    const dropped = emit.add("Less", [bits, emit.int(Math.round((rate - 0.5) * 2 ** 32))]);
    emit.add("Where", [dropped, emit.scalar(0), emit.scalar(1 / (1 - rate))], { outputs: [mask] });
    emit.add("Mul", [x, mask], { outputs: [y] });
  },
};

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
