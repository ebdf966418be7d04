import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { evaluate, type Numbers } from "../../../test/helpers/run-loss.ts";
import { add, mul, sigmoid, sub, tanh } from "../../engine/graph/ops/elementwise.ts";
import { input, type Tensor } from "../../engine/graph/tensor.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { cdpoLoss, dpoLoss, rdpoLoss, softDpoLoss } from "./dpo.ts";
import { ipoLoss, ipoSummedLoss } from "./ipo.ts";

const runtime = openRuntime({ threads: 1 });
afterAll(() => runtime.close());

const named = (x: Readonly<Record<string, Tensor>>) => ({
  policy: { chosen: x["pc"]!, rejected: x["pr"]! },
  reference: { chosen: x["rc"]!, rejected: x["rr"]! },
  lengths: { chosen: x["lc"]!, rejected: x["lr"]! },
  p: x["p"]!,
});
type Pair = ReturnType<typeof named>;

/** Values and derivatives of one loss. */
const run = (numbers: Numbers, losses: (pair: Pair) => Tensor) =>
  evaluate(runtime, numbers, (x) => ({ losses: losses(named(x)) }));

/** h = (-2 - -3) - (-4 - -3) = 1 - -1 = 2, so that beta = ½ gives beta h = 1. */
const one = { pc: [-2], pr: [-3], rc: [-4], rr: [-3] };
/** h = ±1760 and 0. */
const extreme = { pc: [-20, -910, -5], pr: [-910, -20, -7], rc: [-900, -30, -5], rr: [-30, -900, -7] };

const nats = fc.double({ min: -200, max: -0.01, noNaN: true });
const pair = fc.record({
  pc: nats,
  pr: nats,
  rc: nats,
  rr: nats,
  p: fc.double({ min: 0, max: 1, noNaN: true }),
});
const pairs = fc
  .array(pair, { minLength: 1, maxLength: 8 })
  .map((rows) =>
    Object.fromEntries(
      (["pc", "pr", "rc", "rr", "p"] as const).map((key) => [key, rows.map((row) => row[key])]),
    ),
  );
const beta = fc.double({ min: 0.01, max: 2, noNaN: true });
// No flips between 0 and 0.001: ONNX Runtime drops a factor within 1e-5 of 1 (1 - flip) as if it were 1.
const flip = fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 0.45, noNaN: true }));
const property = (check: (numbers: Numbers, beta: number, flip: number) => Promise<void>) =>
  fc.assert(fc.asyncProperty(pairs, beta, flip, check), { numRuns: 25 });

const swap = ({ policy, reference }: Pair) => ({
  policy: { chosen: policy.rejected, rejected: policy.chosen },
  reference: { chosen: reference.rejected, rejected: reference.chosen },
});

describe("values by hand", () => {
  test("DPO is -log σ(beta h), and its slope -beta σ(-beta h)", async () => {
    const { values, d } = await run(one, ({ policy, reference }) =>
      dpoLoss(policy, reference, { beta: 0.5 }),
    );
    expect(values.losses[0]).toBeCloseTo(Math.log(1 + Math.exp(-1)), 14); // log(1 + e^-1) = 0.3132616875
    expect(d["pc"]![0]).toBeCloseTo(-0.5 / (1 + Math.E), 14); // -½ · σ(-1)
    expect(d["pr"]![0]).toBeCloseTo(0.5 / (1 + Math.E), 14);
    expect(d["rc"]![0]).toBe(0);
    expect(d["rr"]![0]).toBe(0);
  });

  test("cDPO with a quarter flipped mixes both directions", async () => {
    // -¾ log σ(1) - ¼ log σ(-1) = ¾ · 0.31326168751822 + ¼ · 1.31326168751822 = 0.56326168751822
    const { values } = await run(one, (r) => cdpoLoss(r.policy, r.reference, { beta: 0.5, flip: 0.25 }));
    expect(values.losses[0]).toBeCloseTo(0.56326168751822, 13);
  });

  test("rDPO with a quarter flipped subtracts the other direction and rescales", async () => {
    // (¾ · 0.31326168751822 - ¼ · 1.31326168751822) / ½ = -0.18673831248178
    const { values } = await run(one, (r) => rdpoLoss(r.policy, r.reference, { beta: 0.5, flip: 0.25 }));
    expect(values.losses[0]).toBeCloseTo(-0.18673831248178, 13);
  });

  test("a soft label of 0.75 is cDPO with a quarter flipped", async () => {
    const { values } = await run({ ...one, p: [0.75] }, (r) =>
      softDpoLoss(r.policy, r.reference, r.p, { beta: 0.5 }),
    );
    expect(values.losses[0]).toBeCloseTo(0.56326168751822, 13);
  });

  test("IPO summed is (h - 1/(2 beta))², per token it divides each log-ratio by its length first", async () => {
    // h = 2, beta = ¼: (2 - 2)² = 0; beta = ½: (2 - 1)² = 1
    const flat = await run(one, (r) => ipoSummedLoss(r.policy, r.reference, { beta: 0.25 }));
    expect(flat.values.losses).toEqual([0]);
    const steep = await run(one, (r) => ipoSummedLoss(r.policy, r.reference, { beta: 0.5 }));
    expect(steep.values.losses).toEqual([1]);
    // log-ratios 2 and 0, lengths 4 and 5: h̄ = 2/4 - 0/5 = ½; beta = ½: (½ - 1)² = ¼, slope 2 (½ - 1) / 4 = -¼
    const { values, d } = await run({ ...one, lc: [4], lr: [5] }, (r) =>
      ipoLoss(r.policy, r.reference, r.lengths, { beta: 0.5 }),
    );
    expect(values.losses[0]).toBeCloseTo(0.25, 14);
    expect(d["pc"]![0]).toBeCloseTo(-0.25, 14);
    expect(d["pr"]![0]).toBeCloseTo(0.2, 14); // -2 (½ - 1) / 5
  });
});

describe("identities", () => {
  test("rDPO and cDPO without flips, and soft labels of 1, are DPO", () =>
    property(async (numbers, beta) => {
      const { values } = await evaluate(runtime, numbers, (x) => {
        const { policy, reference, p } = named(x);
        return {
          losses: dpoLoss(policy, reference, { beta }),
          cdpo: cdpoLoss(policy, reference, { beta, flip: 0 }),
          rdpo: rdpoLoss(policy, reference, { beta, flip: 0 }),
          soft: softDpoLoss(policy, reference, add(mul(p, 0), 1), { beta }),
          weighted: dpoLoss(policy, reference, { beta, weights: add(mul(p, 0), 1) }),
        };
      });
      for (const same of [values.cdpo, values.rdpo, values.soft, values.weighted])
        expect(same).toEqual(values.losses);
    }));

  test("soft labels of 1 - flip are cDPO", () =>
    property(async (numbers, beta, flip) => {
      const { values } = await evaluate(runtime, numbers, (x) => {
        const { policy, reference, p } = named(x);
        return {
          losses: softDpoLoss(policy, reference, add(mul(p, 0), 1 - flip), { beta }),
          cdpo: cdpoLoss(policy, reference, { beta, flip }),
        };
      });
      values.cdpo.forEach((value, i) => {
        expect(value).toBeCloseTo(values.losses[i]!, 10);
      });
    }));

  test("rDPO's mean over flipped and kept labels is DPO on the clean ones", () =>
    property(async (numbers, beta, flip) => {
      // (1 - flip) · rDPO(label) + flip · rDPO(swapped label) = DPO: what "unbiased" means.
      const { values } = await evaluate(runtime, numbers, (x) => {
        const r = named(x);
        const kept = rdpoLoss(r.policy, r.reference, { beta, flip });
        const swapped = rdpoLoss(swap(r).policy, swap(r).reference, { beta, flip });
        return {
          losses: dpoLoss(r.policy, r.reference, { beta }),
          mean: add(mul(kept, 1 - flip), mul(swapped, flip)),
        };
      });
      values.mean.forEach((value, i) => {
        expect(Math.abs(value - values.losses[i]!)).toBeLessThan(1e-9 * (1 + Math.abs(values.losses[i]!)));
      });
    }));

  test("swapping the responses and the soft label changes nothing", () =>
    property(async (numbers, beta) => {
      const { values } = await evaluate(runtime, numbers, (x) => {
        const r = named(x);
        return {
          losses: softDpoLoss(r.policy, r.reference, r.p, { beta }),
          swapped: softDpoLoss(swap(r).policy, swap(r).reference, sub(1, r.p), { beta }),
        };
      });
      values.swapped.forEach((value, i) => {
        expect(Math.abs(value - values.losses[i]!)).toBeLessThan(1e-9 * (1 + values.losses[i]!));
      });
    }));

  test("swapping the responses turns -log σ(z) into -log σ(-z) = -log σ(z) + z", () =>
    property(async (numbers, beta) => {
      const { values } = await evaluate(runtime, numbers, (x) => {
        const r = named(x);
        const margin = sub(
          sub(r.policy.chosen, r.policy.rejected),
          sub(r.reference.chosen, r.reference.rejected),
        );
        return {
          losses: dpoLoss(r.policy, r.reference, { beta }),
          swapped: dpoLoss(swap(r).policy, swap(r).reference, { beta }),
          z: mul(margin, beta),
        };
      });
      values.swapped.forEach((value, i) => {
        expect(Math.abs(value - (values.losses[i]! + values.z[i]!))).toBeLessThan(1e-9 * (1 + value));
      });
    }));

  test("CW-PO's weight C = tanh(m/2) is 2(σ(m) - ½)", async () => {
    const { values } = await evaluate(runtime, { m: [0, 0.0322, 1.39, 12, 800] }, ({ m }) => ({
      losses: tanh(mul(m!, 0.5)),
      paper: mul(sub(sigmoid(m!), 0.5), 2),
    }));
    values.losses.forEach((value, i) => {
      expect(value).toBeCloseTo(values.paper[i]!, 14);
    });
    expect(values.losses[4]).toBe(1);
  });
});

describe("extremes", () => {
  test.each(["float64", "float32"] as const)("margins of ±1760 nats stay finite in %s", async (precision) => {
    for (const loss of [
      (r: Pair) => dpoLoss(r.policy, r.reference, { beta: 1 }),
      (r: Pair) => cdpoLoss(r.policy, r.reference, { beta: 1, flip: 0.1 }),
      (r: Pair) => rdpoLoss(r.policy, r.reference, { beta: 1, flip: 0.1 }),
      (r: Pair) => softDpoLoss(r.policy, r.reference, r.p, { beta: 1 }),
    ]) {
      const numbers = { ...extreme, p: [1, 0, 0.5] };
      const { values, d } = await evaluate(runtime, numbers, (x) => ({ losses: loss(named(x)) }), {
        precision,
      });
      for (const value of [...values.losses, ...d["pc"]!, ...d["pr"]!])
        expect(Number.isFinite(value)).toBe(true);
    }
  });

  test("DPO at h = 1760, -1760 and 0 is 0, 1760 and log 2", async () => {
    const { values, d } = await run(extreme, ({ policy, reference }) =>
      dpoLoss(policy, reference, { beta: 1 }),
    );
    expect(values.losses[0]).toBeCloseTo(0, 300);
    expect(values.losses[1]).toBe(1760);
    expect(values.losses[2]).toBeCloseTo(Math.LN2, 15);
    expect(d["pc"]).toEqual([expect.closeTo(0, 300), -1, -0.5]);
  });
});

test("logps of different shapes are refused, by name", () => {
  const [b, c] = [input("b", "float", ["B"]), input("c", "float", ["C"])];
  const fit = { chosen: b, rejected: b };
  expect(() => dpoLoss(fit, { chosen: b, rejected: c }, { beta: 1 })).toThrow(
    "dpo: reference.rejected must have the shape of policy.chosen, [B], got [C].",
  );
  expect(() => dpoLoss(fit, fit, { beta: 1, weights: input("w", "float", []) })).toThrow(
    "dpo: weights must have",
  );
  expect(() => softDpoLoss(fit, fit, c, { beta: 1 })).toThrow("soft: pChosen must have");
});
