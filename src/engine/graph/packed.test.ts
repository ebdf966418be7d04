import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { openRuntime } from "../runtime/runtime.ts";
import { floats, ints } from "../runtime/values.ts";
import { writeProgram } from "./onnx/write.ts";
import { gatherRows } from "./ops/gather.ts";
import { linear } from "./ops/matmul.ts";
import { type PackHow, packWeight, roomForPacked } from "./packed.ts";
import { input, parameter } from "./tensor.ts";

const pack = (weight: Float32Array, options: PackHow) => {
  const room = roomForPacked(new Map([["w", options]]));
  const packed = room.weights.get("w")!;
  packWeight(weight, options.inOut, packed);
  return packed;
};

/** A block of 32 numbers: those given, then zeros. */
const block = (...numbers: number[]) => Object.assign(new Float32Array(32), numbers);

test("8 bits: the largest becomes 127, zero 128, halves go up", () => {
  const {
    data,
    scales,
    block: size,
  } = pack(block(254, -254, 3, -3, 1), {
    ...{ out: 1, inner: 32, bits: 8, inOut: false },
  });
  expect(size).toBe(32);
  expect([...scales]).toEqual([2]);
  // 254/2, -254/2, 1.5 → 2, -1.5 → -1, 0.5 → 1, 0 …
  expect([...data.subarray(0, 6)]).toEqual([255, 1, 130, 127, 129, 128]);
});

test("4 bits: two in a byte, the first below; the largest becomes 7, zero 8", () => {
  const { data, scales } = pack(block(3.5, -3.5, 1, -0.5), {
    ...{ out: 1, inner: 32, bits: 4, inOut: false },
  });
  expect([...scales]).toEqual([0.5]);
  // 7 → 15 and -7 → 1; 2 → 10 and -1 → 7; zeros are 8 and 8.
  expect([...data.subarray(0, 3)]).toEqual([0x1f, 0x7a, 0x88]);
});

test("a block of zeros has scale 0 and middles, and does not divide by it", () => {
  const { data, scales } = pack(block(), { ...{ out: 1, inner: 32, bits: 8, inOut: false } });
  expect([...scales]).toEqual([0]);
  expect(new Set(data)).toEqual(new Set([128]));
});

test("blocks are the largest that divide the inputs, and each has a scale of its own", () => {
  const sizes = [32, 64, 96, 128, 192, 256].map(
    (inner) => pack(new Float32Array(inner), { out: 1, inner, bits: 8, inOut: false }).block,
  );
  expect(sizes).toEqual([32, 64, 32, 128, 64, 128]);
  expect(pack(new Float32Array(256), { out: 1, inner: 256, bits: 4, inOut: false }).block).toBe(32);
  const { scales } = pack(Float32Array.from([...block(127), ...block(0, 254)]), {
    ...{ out: 2, inner: 32, bits: 8, inOut: false },
  });
  expect([...scales]).toEqual([1, 2]);
});

test.each([
  [8, false],
  [8, true],
  [4, false],
  [4, true],
] as const)(
  "%i bits, in before out %s: no number is off by more than half its block's scale",
  (bits, inOut) => {
    const [out, inner] = [5, 192];
    const rng = createRng(bits);
    const weight = new Float32Array(out * inner).map(() => rng.normal());
    const { data, scales, block: size } = pack(weight, { out, inner, bits, inOut });
    let [worst, seen] = [0, 0];
    for (let o = 0; o < out; o++)
      for (let k = 0; k < inner; k++) {
        const at = o * inner + k;
        const scale = scales[Math.floor(at / size)]!;
        const stored = bits === 8 ? data[at]! - 128 : ((data[at >> 1]! >> (k % 2 === 0 ? 0 : 4)) & 15) - 8;
        const number = weight[inOut ? k * out + o : at]!;
        worst = Math.max(worst, Math.abs(stored * scale - number) / scale);
        seen += Math.abs(stored);
      }
    expect(worst).toBeLessThanOrEqual(0.5 + 1e-4);
    expect(worst).toBeGreaterThan(0.4);
    expect(seen).toBeGreaterThan(0);
  },
);

test("a tied table in 8 bits: rows as gathered and products, by hand", async () => {
  const row = (...numbers: number[]) => [...numbers, ...new Array<number>(64 - numbers.length).fill(0)];
  const room = roomForPacked(new Map([["w", { out: 3, inner: 64, bits: 8, inOut: false }]]));
  const weight = Float32Array.from([...row(254, -254, 3, 1), ...row(127, -1), ...row(0)]);
  packWeight(weight, false, room.weights.get("w")!);
  const table = parameter("w", [3, 64]);
  const rows = gatherRows(table, input("at", "int", ["N"]));
  const products = linear(input("x", "float", ["M", 64]), table);
  const runtime = openRuntime({ threads: 1 });
  try {
    const compiled = await runtime.compile(writeProgram({ rows, products }, runtime.dialect, room));
    // The largest of each x is 127, so that rounding it to 8 bits changes nothing.
    const x = floats([...row(127, 1, 1, 3), ...row(-1, 127)], [2, 64]);
    const out = await compiled.run({ at: ints([1, 0, 2, 1]), x });
    // Of scale 2: 3 becomes 2 · 2 and 1 becomes 2 · 1.
    const first = row(254, -254, 4, 2);
    expect([...out["rows"]!.data]).toEqual([row(127, -1), first, row(0), row(127, -1)].flat());
    // 127 · 254 − 254 + 4 + 3 · 2, 127² − 1, 0; −254 − 127 · 254, −127 − 127, 0.
    expect([...out["products"]!.data]).toEqual([32_014, 16_128, 0, -32_512, -254, 0]);
  } finally {
    await runtime.close();
  }
});
