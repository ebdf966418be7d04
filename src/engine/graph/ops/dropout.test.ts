import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { floats, ints, openRuntime, type Runtime } from "../../../../test/helpers/lab.ts";
import { gradients } from "../gradients.ts";
import { writeProgram } from "../onnx/write.ts";
import { input } from "../tensor.ts";
import { dropout, siteNumber } from "./dropout.ts";
import { mul } from "./elementwise.ts";
import { sum } from "./layout.ts";

let runtime: Runtime;
beforeAll(() => {
  runtime = openRuntime({ threads: 1 });
});
afterAll(() => runtime.close());

const [ROWS, COLUMNS] = [400, 250];

/** Which of 400 × 250 elements survive, with the outputs of one run on ones. */
async function run(rate: number, seed: number, site: number) {
  const x = input("x", "float", ["N", COLUMNS]);
  const y = dropout(x, rate, input("seed", "int", []), site);
  const [dx] = gradients(sum(mul(y, 3)), [x]);
  const program = await runtime.compile(writeProgram({ y, dx: dx! }, runtime.dialect));
  const ones = new Float32Array(ROWS * COLUMNS).fill(1);
  const outputs = await program.run({ x: floats(ones, [ROWS, COLUMNS]), seed: ints([seed], []) });
  const [values, slopes] = [outputs["y"]!.data as Float32Array, outputs["dx"]!.data as Float32Array];
  return { values, slopes, kept: Uint8Array.from(values, (value) => (value === 0 ? 0 : 1)) };
}

const count = (kept: ArrayLike<number>): number => Array.from(kept).reduce((a, b) => a + b, 0);

/** Three standard deviations of the sum of n draws of probability p. */
const threeSigma = (n: number, p: number): number => 3 * Math.sqrt(n * p * (1 - p));

/** Share of equal elements expected of two independent masks. */
const agreement = (p: number): number => p * p + (1 - p) * (1 - p);

function agreeing(a: Uint8Array, b: Uint8Array): number {
  let same = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) same++;
  return same;
}

describe("dropout", () => {
  const n = ROWS * COLUMNS;

  it.each([0.05, 0.1, 0.5, 0.9])("drops a share of %f and keeps the mean", async (rate) => {
    const { values, kept } = await run(rate, 7, 1);
    const share = count(kept);
    expect(Math.abs(share - n * (1 - rate))).toBeLessThan(threeSigma(n, rate));
    // Survivors are 1/(1 - rate), nothing else occurs; so the mean is 1 to within the share's error.
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]));
    const mean = values.reduce((a, b) => a + b, 0) / n;
    expect(Math.abs(mean - 1)).toBeLessThan(threeSigma(n, rate) / n / (1 - rate) + 1e-6);
  });

  it("has the mask as its gradient", async () => {
    const { values, slopes } = await run(0.3, 3, 2);
    // y = x ∘ m with x = 1, loss = 3 Σ y: dloss/dx = 3 m = 3 y.
    expect(slopes).toEqual(values.map((value) => 3 * value));
  });

  it("repeats for one seed and site and changes with either, also to neighbouring ones", async () => {
    const rate = 0.3;
    const base = await run(rate, 11, 5);
    expect((await run(rate, 11, 5)).kept).toEqual(base.kept);
    for (const [seed, site] of [
      [12, 5],
      [11, 6],
      [12, 4],
      [-11, 5],
      [2 ** 31 - 1, 5],
    ] as const) {
      const same = agreeing(base.kept, (await run(rate, seed, site)).kept);
      expect(Math.abs(same - n * agreement(1 - rate))).toBeLessThan(threeSigma(n, agreement(1 - rate)) * 1.4);
    }
  });

  it("shows no rows, columns, diagonals or rectangles", async () => {
    const rate = 0.5;
    const { kept } = await run(rate, 21, siteNumber("model.layers.0.self_attn.q_proj"));
    const at = (row: number, column: number) => kept[row * COLUMNS + column]!;
    // χ² of row and column sums, each about its number of degrees of freedom ± 4 sqrt(2 df).
    const chiSquare = (sums: number[], size: number) =>
      sums.reduce((total, s) => total + (s - size / 2) ** 2 / (size / 4), 0);
    const rows = Array.from({ length: ROWS }, (_, r) => count(kept.subarray(r * COLUMNS, (r + 1) * COLUMNS)));
    const columns = Array.from({ length: COLUMNS }, (_, c) =>
      count(Array.from({ length: ROWS }, (_, r) => at(r, c))),
    );
    expect(Math.abs(chiSquare(rows, COLUMNS) - ROWS)).toBeLessThan(4 * Math.sqrt(2 * ROWS));
    expect(Math.abs(chiSquare(columns, ROWS) - COLUMNS)).toBeLessThan(4 * Math.sqrt(2 * COLUMNS));
    // Elements a step apart agree half the time; the four corners of a rectangle have even parity half the time,
    // which fails for any mask that is a xor of a row's and a column's bits.
    for (const [dr, dc] of [
      [0, 1],
      [1, 0],
      [1, 1],
      [1, -1],
      [0, 16],
      [64, 0],
    ] as const) {
      let [same, even, total] = [0, 0, 0];
      for (let r = 0; r + dr < ROWS; r++)
        for (let c = Math.max(0, -dc); c + Math.max(dc, 0) < COLUMNS; c++) {
          total++;
          if (at(r, c) === at(r + dr, c + dc)) same++;
          if ((at(r, c) + at(r + dr, c) + at(r, c + dc) + at(r + dr, c + dc)) % 2 === 0) even++;
        }
      expect(Math.abs(same - total / 2), `shift ${dr},${dc}`).toBeLessThan(1.4 * threeSigma(total, 0.5));
      // With no row or no column step the four corners are two elements twice: always even.
      if (dr !== 0 && dc !== 0) expect(Math.abs(even - total / 2)).toBeLessThan(1.4 * threeSigma(total, 0.5));
    }
  });

  it("is nothing at rate 0 and refuses rates outside [0, 1)", () => {
    const x = input("x", "float", ["N", 4]);
    const seed = input("seed", "int", []);
    expect(dropout(x, 0, seed, 1)).toBe(x);
    for (const rate of [1, -0.1, Number.NaN])
      expect(() => dropout(x, rate, seed, 1)).toThrow("expected a rate in [0, 1)");
  });

  it("names sites by FNV-1a", () => {
    // Published test vectors: "" is 811c9dc5, "a" is e40c292c.
    expect(siteNumber("") >>> 0).toBe(0x811c9dc5);
    expect(siteNumber("a") >>> 0).toBe(0xe40c292c);
  });
});
