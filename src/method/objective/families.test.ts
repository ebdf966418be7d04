/** What the tables of `preference.test.ts` leave out of hinge, SimPO, ORPO, KTO, WSPO and of picking pairs. */
import { afterAll, describe, expect, test } from "vitest";
import { evaluate, type Numbers } from "../../../test/helpers/run-loss.ts";
import { add, mul } from "../../engine/graph/ops/elementwise.ts";
import { input, type Tensor } from "../../engine/graph/tensor.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { hingeLoss, slicLoss } from "./hinge.ts";
import { type KtoOptions, ktoLoss, ktoResponseLoss, mismatchedKl } from "./kto.ts";
import { splitPairs } from "./pairs.ts";
import { orpoTerm, simpoLoss } from "./reference-free.ts";
import { wspoLoss } from "./wspo.ts";

const runtime = openRuntime({ threads: 1 });
afterAll(() => runtime.close());

const named = (x: Readonly<Record<string, Tensor>>) => ({
  policy: { chosen: x["pc"]!, rejected: x["pr"]! },
  reference: { chosen: x["rc"]!, rejected: x["rr"]! },
  lengths: { chosen: x["lc"]!, rejected: x["lr"]! },
});

describe("pairs of a batch", () => {
  test("are its responses in turn, and derivatives find their way back", async () => {
    const { values, d } = await evaluate(
      runtime,
      { logps: [1, 2, 3, 4, 5, 6] },
      (x) => {
        const { chosen, rejected } = splitPairs(x["logps"]!);
        return { losses: add(chosen, mul(rejected, 10)), chosen, rejected };
      },
      { axes: { logps: "2*P" } },
    );
    expect(values.chosen).toEqual([1, 3, 5]);
    expect(values.rejected).toEqual([2, 4, 6]);
    expect(d["logps"]).toEqual([1, 10, 1, 10, 1, 10]);
  });

  test("an odd number of responses is refused", () => {
    expect(() => splitPairs(input("x", "float", [3]))).toThrow("cannot make");
  });
});

describe("hinge", () => {
  const numbers = { pc: [0, 0, 0], pr: [-3, -2, 2], rc: [0, 0, 0], rr: [0, 0, 0] };

  test("has no slope beyond the margin", async () => {
    // h = 3, 2, -2; beta = ½: 1 - 1½ < 0, 1 - 1 = 0, 1 + 1 = 2
    const { values, d } = await evaluate(runtime, numbers, (x) => ({
      losses: hingeLoss(named(x).policy, named(x).reference, { beta: 0.5 }),
    }));
    expect(values.losses).toEqual([0, 0, 2]);
    expect(d["pc"]!.map(Math.abs)).toEqual([0, 0, 0.5]);
    expect(d["pc"]![2]).toBe(-0.5);
  });

  test("SLiC asks for delta nats", async () => {
    const { values } = await evaluate(runtime, numbers, (x) => ({
      losses: slicLoss(named(x).policy, { delta: 2.5 }),
    }));
    expect(values.losses).toEqual([0, 0.5, 4.5]); // 2.5 - 3, 2.5 - 2, 2.5 + 2
  });
});

describe("reference-free losses", () => {
  test.each(["float64", "float32"] as const)(
    "ORPO is finite for p near 0 and near 1 in %s",
    async (precision) => {
      const numbers = { pc: [-1760, -1e-6, -1e-6], pr: [-1e-6, -1760, -2e-6], lc: [1, 1, 1], lr: [1, 1, 1] };
      const { values, d } = await evaluate(
        runtime,
        numbers,
        (x) => ({ losses: orpoTerm(named(x).policy, named(x).lengths) }),
        { precision },
      );
      for (const value of [...values.losses, ...d["pc"]!, ...d["pr"]!])
        expect(Number.isFinite(value)).toBe(true);
      // odds near 1 are 1/(1 - p): the third pair's log odds ratio is log 2, -log σ(log 2) = log 3/2
      expect(values.losses[2]).toBeCloseTo(Math.log(1.5), 5);
    },
  );

  test("SimPO does not see that a response is repeated: length cancels", async () => {
    const { values } = await evaluate(
      runtime,
      { pc: [-4, -8], pr: [-9, -3], lc: [2, 4], lr: [3, 1] },
      (x) => ({ losses: simpoLoss(named(x).policy, named(x).lengths, { beta: 2, gamma: 0 }) }),
    );
    expect(values.losses[0]).toBe(values.losses[1]);
    expect(values.losses[0]).toBeCloseTo(Math.log1p(Math.exp(-2)), 14); // 2 (-2 + 3) = 2
  });
});

describe("KTO", () => {
  const options = (klEstimate: Tensor): KtoOptions => ({
    beta: 1,
    klEstimate,
    lambdaDesirable: 1,
    lambdaUndesirable: 1,
  });
  const pairs = { pc: [-1], pr: [-2], rc: [-2], rr: [-1] }; // log-ratios 1 and -1

  test("clamps a negative KL estimate at 0 and gives it no gradient", async () => {
    const run = (z: number) =>
      evaluate(runtime, { ...pairs, z }, (x) => ({
        losses: ktoLoss(named(x).policy, named(x).reference, options(x["z"]!)),
      }));
    const [negative, zero, positive] = await Promise.all([run(-3), run(0), run(2)]);
    expect(negative!.values.losses).toEqual(zero!.values.losses);
    expect(zero!.values.losses[0]).toBeCloseTo(2 / (1 + Math.E), 14); // 2 (1 - σ(1))
    // z = 2: 1 - σ(1 - 2) + 1 - σ(2 + 1)
    expect(positive!.values.losses[0]).toBeCloseTo(1 / (1 + Math.exp(-1)) + 1 / (1 + Math.exp(3)), 14);
    expect(positive!.d["z"]).toEqual([0]);
  });

  test("of a pair is that of its two responses", async () => {
    const { values } = await evaluate(runtime, { ...pairs, z: 0.25, yes: [1], no: [0] }, (x) => {
      const { policy, reference } = named(x);
      const kto = options(x["z"]!);
      return {
        losses: ktoLoss(policy, reference, kto),
        apart: add(
          ktoResponseLoss(policy.chosen, reference.chosen, x["yes"]!, kto),
          ktoResponseLoss(policy.rejected, reference.rejected, x["no"]!, kto),
        ),
      };
    });
    expect(values.apart).toEqual(values.losses);
  });

  test("the KL estimate is the mean log-ratio of mismatched responses", () => {
    expect(mismatchedKl([-1, -5], [-2, -2])).toBe(-1); // (1 - 3) / 2
    expect(() => mismatchedKl([], [])).toThrow("got 0 and 0");
    expect(() => mismatchedKl([1], [1, 2])).toThrow("got 1 and 2");
  });

  test("a KL estimate per pair is refused", () => {
    const b = input("b", "float", ["B"]);
    const pair = { chosen: b, rejected: b };
    expect(() => ktoLoss(pair, pair, options(b))).toThrow("klEstimate must be a scalar, got [B]");
  });
});

describe("WSPO", () => {
  const numbers = {
    policy: [-1, -3, -7, 0],
    reference: [-2, -2, -1, 0],
    teacher: [0.1, 0.1, 5, 0],
    owners: [0, 0, 1, 0],
    lengths: [2],
  } satisfies Numbers;
  const run = (gamma: number, change: Partial<typeof numbers> = {}) =>
    evaluate(
      runtime,
      { ...numbers, ...change },
      (x) => ({
        losses: wspoLoss(
          {
            policy: x["policy"]!,
            reference: x["reference"]!,
            teacherLogratios: x["teacher"]!,
            owners: x["owners"]!,
          },
          x["lengths"]!,
          { gamma },
        ),
      }),
      { ints: ["owners"], axes: { policy: "N", reference: "N", teacher: "N", owners: "N", lengths: "P" } },
    );

  test("pulls each token of the chosen response towards the teacher's log-ratio; rejected and padding stay out", async () => {
    // log-ratios 1 and -1, gamma 0.1: gaps 0.1 - 0.1 = 0 and -0.1 - 0.1 = -0.2; 0.04 / 2 tokens = 0.02
    const { values, d } = await run(0.1);
    expect(values.losses).toEqual([expect.closeTo(0.02, 14)]);
    // slope of token 1: 2 · -0.2 · 0.1 / 2 = -0.02
    expect(d["policy"]).toEqual([0, -0.02, 0, 0].map((slope) => expect.closeTo(slope, 14)));
    for (const constant of ["reference", "teacher"]) expect(d[constant]).toEqual([0, 0, 0, 0]);
  });

  test("is zero where gamma times the student's log-ratio is the teacher's", async () => {
    const { values } = await run(0.5, { teacher: [0.5, -0.5, 9, 0] });
    expect(values.losses).toEqual([0]);
  });
});
