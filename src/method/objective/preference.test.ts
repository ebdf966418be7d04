import { afterAll, describe, expect, test } from "vitest";
import { evaluate, type Numbers } from "../../../test/helpers/run-loss.ts";
import { mul } from "../../engine/graph/ops/elementwise.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { LOSS_TYPES, type LossSpecInput, type LossType, parseLossSpec, resolveFlip } from "./loss-spec.ts";
import { batchLoss, globalNormaliser } from "./normalise.ts";
import { type LossInput, lossInputs, type PreferenceInputs, preferenceLoss } from "./preference.ts";

const runtime = openRuntime({ threads: 1 });
afterAll(() => runtime.close());

/** Two pairs; log-ratios chosen 2 and -1, rejected 1 and 1; chosen has 2 and 1 tokens, rejected 1 and 2. */
const numbers = {
  pc: [-2, -5],
  pr: [-3, -1],
  rc: [-4, -4],
  rr: [-4, -2],
  lc: [2, 1],
  lr: [1, 2],
  p: [1, 0.25],
  w: [0.5, 2],
  z: 0.5,
  // Tokens in packed order: chosen 0 (2), rejected 0 (1), chosen 1 (1), rejected 1 (2), then padding.
  tp: [-1.5, -0.5, -3, -5, -0.5, -0.5, 0, 0],
  tr: [-2, -2, -4, -4, -1, -1, 0, 0],
  tw: [0.1, 0.2, 9, -0.2, 9, 9, 0, 0],
  owners: [0, 0, 1, 2, 3, 3, 0, 0],
} satisfies Numbers;
const options = { ints: ["owners"], axes: { tp: "N", tr: "N", tw: "N", owners: "N" } };

const inputsOf = (x: Readonly<Record<string, Tensor>>): Required<PreferenceInputs> => ({
  policy: { chosen: x["pc"]!, rejected: x["pr"]! },
  reference: { chosen: x["rc"]!, rejected: x["rr"]! },
  lengths: { chosen: x["lc"]!, rejected: x["lr"]! },
  pChosen: x["p"]!,
  weights: x["w"]!,
  klEstimate: x["z"]!,
  tokens: { policy: x["tp"]!, reference: x["tr"]!, teacherLogratios: x["tw"]!, owners: x["owners"]! },
});

const specOf = (spec: LossSpecInput) => resolveFlip(parseLossSpec(spec));

/** The loss with only the inputs that `lossInputs` names. */
function run(spec: LossSpecInput) {
  const resolved = specOf(spec);
  return evaluate(
    runtime,
    numbers,
    (x) => {
      const all = inputsOf(x);
      const named = [...lossInputs(resolved)].map((name) => [name, all[name]]);
      return { ...preferenceLoss(resolved, { policy: all.policy, ...Object.fromEntries(named) }) };
    },
    options,
  );
}

const softplus = (x: number) => Math.log1p(Math.exp(x));
const sigma = (x: number) => 1 / (1 + Math.exp(-x));
const logOdds = (a: number) => a - Math.log(-Math.expm1(a));

/** By hand: h = (2 - 1, -1 - 1) = (1, -2); per token log-ratios chosen (1, -1), rejected (1, ½): h̄ = (0, -1½). */
const expected: Record<
  LossType,
  { spec: LossSpecInput; losses: number[]; chosen: number[]; rejected: number[] }
> = {
  sigmoid: {
    spec: { type: "sigmoid", beta: 0.5 },
    losses: [softplus(-0.5), softplus(1)],
    chosen: [1, -0.5],
    rejected: [0.5, 0.5],
  },
  cdpo: {
    spec: { type: "cdpo", beta: 0.5, flip: 0.1 },
    losses: [0.9 * softplus(-0.5) + 0.1 * softplus(0.5), 0.9 * softplus(1) + 0.1 * softplus(-1)],
    chosen: [1, -0.5],
    rejected: [0.5, 0.5],
  },
  rdpo: {
    spec: { type: "rdpo", beta: 0.5, flip: 0.1 },
    losses: [
      (0.9 * softplus(-0.5) - 0.1 * softplus(0.5)) / 0.8,
      (0.9 * softplus(1) - 0.1 * softplus(-1)) / 0.8,
    ],
    chosen: [1, -0.5],
    rejected: [0.5, 0.5],
  },
  soft: {
    spec: { type: "soft", beta: 0.5 },
    losses: [softplus(-0.5), 0.25 * softplus(1) + 0.75 * softplus(-1)],
    chosen: [1, -0.5],
    rejected: [0.5, 0.5],
  },
  ipo: {
    spec: { type: "ipo", beta: 0.5 },
    losses: [1, 6.25], // (0 - 1)², (-1½ - 1)²
    // TRL 1.16's rewards are not per token, the loss is
    chosen: [1, -0.5],
    rejected: [0.5, 0.5],
  },
  "ipo-summed": {
    spec: { type: "ipo-summed", beta: 0.5 },
    losses: [0, 9], // (1 - 1)², (-2 - 1)²
    chosen: [1, -0.5],
    rejected: [0.5, 0.5],
  },
  hinge: {
    spec: { type: "hinge", beta: 0.5 },
    losses: [0.5, 2], // 1 - ½, 1 + 1
    chosen: [1, -0.5],
    rejected: [0.5, 0.5],
  },
  "apo-zero": {
    spec: { type: "apo-zero", beta: 0.5 },
    losses: [1 - sigma(1) + sigma(0.5), 1 - sigma(-0.5) + sigma(0.5)], // log-ratios (2, 1) and (-1, 1)
    chosen: [1, -0.5],
    rejected: [0.5, 0.5],
  },
  slic: {
    spec: { type: "slic", delta: 1 },
    losses: [0, 5], // max(0, 1 + 2 - 3), 1 + 5 - 1
    chosen: [-2, -5],
    rejected: [-3, -1],
  },
  simpo: {
    spec: { type: "simpo", beta: 2, gamma: 0.5 },
    // means chosen -1, -5; rejected -3, -½: 2 · 2 - ½ = 3½, 2 · -4½ - ½ = -9½
    losses: [softplus(-3.5), softplus(9.5)],
    chosen: [-2, -10],
    rejected: [-6, -1],
  },
  orpo: {
    spec: { type: "orpo", lambda: 0.5 },
    losses: [
      1 + 0.5 * softplus(-(logOdds(-1) - logOdds(-3))),
      5 + 0.5 * softplus(-(logOdds(-5) - logOdds(-0.5))),
    ],
    chosen: [-0.5, -2.5],
    rejected: [-1.5, -0.25],
  },
  kto: {
    spec: { type: "kto", beta: 0.5, lambdaDesirable: 2, lambdaUndesirable: 3 },
    // z = ½. chosen: 1 - σ(½ (2 - ½)), 1 - σ(½ (-1 - ½)); rejected: 1 - σ(½ (½ - 1)) twice
    losses: [2 * (1 - sigma(0.75)) + 3 * (1 - sigma(-0.25)), 2 * (1 - sigma(-0.75)) + 3 * (1 - sigma(-0.25))],
    chosen: [1, -0.5],
    rejected: [0.5, 0.5],
  },
  wspo: {
    spec: { type: "wspo", gamma: 0.1 },
    // pair 0: log-ratios ½ and 1½ → (0.05 - 0.1)² + (0.15 - 0.2)² = 0.005, over 2 tokens; pair 1: (-0.1 + 0.2)² = 0.01
    losses: [0.0025, 0.01],
    chosen: [0.2, -0.1],
    rejected: [0.1, 0.1],
  },
};

const closeTo = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 12));

describe("every type", () => {
  test.each(LOSS_TYPES)("%s has the losses and rewards worked by hand", async (type) => {
    const { spec, losses, chosen, rejected } = expected[type];
    const { values, d } = await run(spec);
    expect(values.losses).toEqual(closeTo(losses));
    for (const constant of ["rc", "rr", "p"]) expect(d[constant]).toEqual([0, 0]);
    expect(values.chosenRewards).toEqual(closeTo(chosen));
    expect(values.rejectedRewards).toEqual(closeTo(rejected));
  });

  test.each(LOSS_TYPES)("%s multiplies weights into values and derivatives", async (type) => {
    const base = await run(expected[type].spec);
    const weighted = await run({ ...expected[type].spec, weighted: true } as LossSpecInput);
    const times = (values: readonly number[]) => closeTo([0.5 * values[0]!, 2 * values[1]!]);
    expect(weighted.values.losses).toEqual(times(base.values.losses));
    expect(weighted.d["pc"]).toEqual(times(base.d["pc"]!));
    expect(weighted.d["pr"]).toEqual(times(base.d["pr"]!));
    expect(weighted.d["w"]).toEqual([0, 0]);
    expect(weighted.values.chosenRewards).toEqual(base.values.chosenRewards);
  });

  test.each(LOSS_TYPES.filter((type) => type !== "orpo"))("%s adds the weighted SFT term", async (type) => {
    const base = await run({ ...expected[type].spec, weighted: true } as LossSpecInput);
    const spec = { ...expected[type].spec, weighted: true, sftCoefficient: 0.25 } as LossSpecInput;
    const both = await run(spec);
    // NLL per token of chosen: 2/2 = 1 and 5/1 = 5; times ¼, times weights ½ and 2
    expect(both.values.losses).toEqual(
      closeTo([base.values.losses[0]! + 0.125, base.values.losses[1]! + 2.5]),
    );
    expect(both.d["pc"]).toEqual(closeTo([base.d["pc"]![0]! - 0.0625, base.d["pc"]![1]! - 0.5]));
    expect(both.d["pr"]).toEqual(closeTo(base.d["pr"]!));
  });

  test.each(LOSS_TYPES)("%s misses each input that lossInputs names", async (type) => {
    const spec = specOf({ ...expected[type].spec, weighted: true } as LossSpecInput);
    for (const name of lossInputs(spec))
      await expect(
        evaluate(
          runtime,
          numbers,
          (x) => ({ ...preferenceLoss(spec, { ...inputsOf(x), [name]: undefined }) }),
          options,
        ),
      ).rejects.toThrow(`internal: loss "${type}" needs ${name}`);
  });
});

test("only the inputs with an effect are asked for", () => {
  const asked = (spec: LossSpecInput): LossInput[] => [...lossInputs(specOf(spec))];
  expect(asked({ type: "sigmoid" })).toEqual(["reference"]);
  expect(asked({ type: "sigmoid", sftCoefficient: 1 })).toEqual(["reference", "lengths"]);
  expect(asked({ type: "slic", weighted: true })).toEqual(["weights"]);
  expect(asked({ type: "soft", weighted: true })).toEqual(["reference", "pChosen", "weights"]);
});

test("rewards carry no gradient", async () => {
  for (const type of LOSS_TYPES) {
    const spec = specOf(expected[type].spec);
    const { d } = await evaluate(
      runtime,
      numbers,
      (x) => {
        const { chosenRewards, rejectedRewards } = preferenceLoss(spec, inputsOf(x));
        return { losses: mul(chosenRewards, rejectedRewards) };
      },
      options,
    );
    expect(d["pc"]).toEqual([0, 0]);
  }
});

test.each(["pairs", "weights"] as const)(
  "two micro-batches accumulate to the batch's loss and derivatives when normalised by %s",
  async (normalise) => {
    const spec = specOf({ type: "sigmoid", weighted: true, normalise });
    const normaliser = globalNormaliser(normalise, numbers.w);
    const build = (x: Readonly<Record<string, Tensor>>) => ({
      losses: batchLoss(preferenceLoss(spec, inputsOf(x)).losses, x["normaliser"]!),
    });
    const whole = await evaluate(runtime, { ...numbers, normaliser }, build, options);
    const parts = [0, 1].map((row) => {
      const rowOf = Object.entries(numbers).map(([name, value]) => [
        name,
        typeof value === "number" || name in options.axes ? value : [value[row]!],
      ]);
      return evaluate(
        runtime,
        { ...(Object.fromEntries(rowOf) as typeof numbers), normaliser },
        build,
        options,
      );
    });
    const [first, second] = await Promise.all(parts);
    expect(first!.values.losses[0]! + second!.values.losses[0]!).toBeCloseTo(whole.values.losses[0]!, 14);
    expect([...first!.d["pc"]!, ...second!.d["pc"]!]).toEqual(closeTo(whole.d["pc"]!));
    // The weights of 1-pair micro-batches have not cancelled: ½ and 2.
    expect(normaliser).toBe(normalise === "pairs" ? 2 : 2.5);
  },
);
