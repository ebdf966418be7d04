import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { type PackHow, packWeight, roomForPacked } from "./packed.ts";

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
