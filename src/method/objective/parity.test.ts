/** Every loss against PyTorch: values and derivatives of `fixtures/parity/losses.json`, in float64 and float32. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { evaluate, firstDifference, type Numbers } from "../../../test/helpers/run-loss.ts";
import { mul, tanh } from "../../engine/graph/ops/elementwise.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { cdpoLoss, dpoLoss, rdpoLoss, softDpoLoss } from "./dpo.ts";
import { hingeLoss, slicLoss } from "./hinge.ts";
import { ipoLoss, ipoSummedLoss } from "./ipo.ts";
import { ktoLoss, ktoResponseLoss } from "./kto.ts";
import { orpoLoss, orpoTerm, simpoLoss } from "./reference-free.ts";
import { bradleyTerryLoss } from "./reward-model.ts";

type Loss = {
  readonly params: Readonly<Record<string, number>>;
  readonly loss: readonly number[];
  readonly d_policy_chosen: readonly number[];
  readonly d_policy_rejected: readonly number[];
  readonly mean: number;
};
type Fixture = {
  readonly rows: Readonly<Record<string, number[]>>;
  readonly losses: Readonly<Record<string, Loss>>;
};

const file = new URL("../../../../shared/fixtures/parity/losses.json", import.meta.url);
const fixture = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Fixture) : undefined;

type Rows = ReturnType<typeof named>;

function named(x: Readonly<Record<string, Tensor>>) {
  return {
    policy: { chosen: x["policy_chosen"]!, rejected: x["policy_rejected"]! },
    reference: { chosen: x["reference_chosen"]!, rejected: x["reference_rejected"]! },
    lengths: { chosen: x["len_chosen"]!, rejected: x["len_rejected"]! },
    softLabel: x["soft_label"]!,
    margin: x["margin"]!,
    weight: x["weight"]!,
    klEstimate: x["z0"]!,
    ones: x["ones"]!,
    zeros: x["zeros"]!,
  };
}

/** By the first part of the fixture's name: what each is called with us. */
const losses: Readonly<Record<string, (rows: Rows, params: Loss["params"]) => Tensor>> = {
  dpo_sigmoid: (r, p) => dpoLoss(r.policy, r.reference, { beta: p["beta"]! }),
  cdpo: (r, p) => cdpoLoss(r.policy, r.reference, { beta: p["beta"]!, flip: p["eps"]! }),
  rdpo: (r, p) => rdpoLoss(r.policy, r.reference, { beta: p["beta"]!, flip: p["eps"]! }),
  ipo_sum: (r, p) => ipoSummedLoss(r.policy, r.reference, { beta: p["beta"]! }),
  ipo_avg: (r, p) => ipoLoss(r.policy, r.reference, r.lengths, { beta: p["beta"]! }),
  hinge: (r, p) => hingeLoss(r.policy, r.reference, { beta: p["beta"]! }),
  soft_label_dpo: (r, p) => softDpoLoss(r.policy, r.reference, r.softLabel, { beta: p["beta"]! }),
  cwdpo: (r, p) => dpoLoss(r.policy, r.reference, { beta: p["beta"]!, weights: tanh(mul(r.margin, 0.5)) }),
  weighted_dpo: (r, p) => dpoLoss(r.policy, r.reference, { beta: p["beta"]!, weights: r.weight }),
  slic_ref_free: (r, p) => slicLoss(r.policy, { delta: p["delta"]! }),
  simpo: (r, p) => simpoLoss(r.policy, r.lengths, { beta: p["beta"]!, gamma: p["gamma"]! }),
  orpo_term: (r) => orpoTerm(r.policy, r.lengths),
  orpo_total: (r, p) => orpoLoss(r.policy, r.lengths, { lambda: p["lambda"]! }),
  kto_desirable: (r, p) => kto(r, p, "chosen"),
  kto_undesirable: (r, p) => kto(r, p, "rejected"),
  kto_pair: (r, p) =>
    ktoLoss(r.policy, r.reference, {
      beta: p["beta"]!,
      klEstimate: r.klEstimate,
      lambdaDesirable: p["lambda_D"]!,
      lambdaUndesirable: p["lambda_U"]!,
    }),
  bt_reward: (r, p) =>
    bradleyTerryLoss({
      chosen: mul(r.policy.chosen, p["scale"]!),
      rejected: mul(r.policy.rejected, p["scale"]!),
    }),
};

/** One side of KTO, as the loss of single responses with a verdict. */
function kto(rows: Rows, params: Loss["params"], side: "chosen" | "rejected"): Tensor {
  const desirable = side === "chosen" ? rows.ones : rows.zeros;
  return ktoResponseLoss(rows.policy[side], rows.reference[side], desirable, {
    beta: params["beta"]!,
    klEstimate: rows.klEstimate,
    lambdaDesirable: params["lambda_D"] ?? 1,
    lambdaUndesirable: params["lambda_U"] ?? 1,
  });
}

describe.skipIf(fixture === undefined)("losses.json (needs ../shared)", () => {
  const runtime = openRuntime({ threads: 1 });
  afterAll(() => runtime.close());
  const cases = Object.entries(fixture?.losses ?? {});

  test("covers every loss of the fixture", () => {
    expect(cases).toHaveLength(30);
  });

  // float64: the fixture's 14 digits. float32: 24 bits through sums of up to 2,000 nats.
  const limits = [
    ["float64", 1e-9, 1e-12],
    ["float32", 1e-4, 1e-5],
  ] as const;
  for (const [precision, relative, absolute] of limits)
    test.each(cases)(
      `%s has the values and derivatives of PyTorch in ${precision}`,
      async (name, expected) => {
        const build = losses[Object.keys(losses).find((key) => name === key || name.startsWith(`${key}_`))!]!;
        const ones = expected.loss.map(() => 1);
        const zeros = expected.loss.map(() => 0);
        const numbers: Numbers = { ...fixture!.rows, ones, zeros, z0: expected.params["z0"] ?? 0 };
        const { values, d } = await evaluate(
          runtime,
          numbers,
          (x) => ({ losses: build(named(x), expected.params) }),
          { precision },
        );
        expect(firstDifference(values.losses, expected.loss, relative, absolute)).toBeUndefined();
        expect(
          firstDifference(d["policy_chosen"]!, expected.d_policy_chosen, relative, absolute),
        ).toBeUndefined();
        expect(
          firstDifference(d["policy_rejected"]!, expected.d_policy_rejected, relative, absolute),
        ).toBeUndefined();
        const mean = values.losses.reduce((total, value) => total + value, 0) / values.losses.length;
        expect(firstDifference([mean], [expected.mean], relative, absolute)).toBeUndefined();
        for (const constant of [
          "reference_chosen",
          "reference_rejected",
          "margin",
          "weight",
          "soft_label",
          "z0",
        ])
          expect(d[constant]!.every((slope) => slope === 0)).toBe(true);
      },
    );
});
