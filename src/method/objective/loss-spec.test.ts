import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { LOSS_TYPES, lossSchema, parseLossSpec, resolveFlip } from "./loss-spec.ts";

/** The messages of the error that parsing throws. */
function issues(value: unknown): readonly string[] {
  try {
    parseLossSpec(value, "student.loss");
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
}

test("a type alone is a complete loss with documented defaults", () => {
  const plain = { weighted: false, normalise: "pairs" };
  expect(parseLossSpec({ type: "sigmoid" })).toEqual({
    type: "sigmoid",
    beta: 0.1,
    sftCoefficient: 0,
    ...plain,
  });
  expect(parseLossSpec({ type: "rdpo" })).toEqual({
    type: "rdpo",
    beta: 0.1,
    flip: 0.1,
    sftCoefficient: 0,
    ...plain,
  });
  expect(parseLossSpec({ type: "simpo" })).toEqual({
    type: "simpo",
    beta: 2,
    gamma: 0.5,
    sftCoefficient: 0,
    ...plain,
  });
  expect(parseLossSpec({ type: "orpo" })).toEqual({ type: "orpo", lambda: 0.1, ...plain });
  for (const type of LOSS_TYPES) expect(parseLossSpec({ type }).type).toBe(type);
});

describe("an option without effect is an error that names type and option", () => {
  test("flip on plain DPO, TRL's silent trap", () => {
    expect(issues({ type: "sigmoid", flip: 0.1 })).toEqual([
      'student.loss: "flip" has no effect on type "sigmoid", it belongs to cdpo, rdpo; "sigmoid" takes beta, sftCoefficient, weighted, normalise.',
    ]);
  });

  test("every option of every type stands or is refused", () => {
    const values = {
      beta: 1,
      flip: 0.2,
      gamma: 1,
      lambda: 1,
      delta: 1,
      lambdaDesirable: 1,
      lambdaUndesirable: 1,
      sftCoefficient: 1,
    };
    const taken = Object.fromEntries(
      LOSS_TYPES.map((type) => [
        type,
        Object.entries(values).flatMap(([key, value]) =>
          issues({ type, [key]: value }).length === 0 ? [key] : [],
        ),
      ]),
    );
    expect(taken).toEqual({
      sigmoid: ["beta", "sftCoefficient"],
      cdpo: ["beta", "flip", "sftCoefficient"],
      rdpo: ["beta", "flip", "sftCoefficient"],
      soft: ["beta", "sftCoefficient"],
      ipo: ["beta", "sftCoefficient"],
      "ipo-summed": ["beta", "sftCoefficient"],
      hinge: ["beta", "sftCoefficient"],
      "apo-zero": ["beta", "sftCoefficient"],
      slic: ["delta", "sftCoefficient"],
      simpo: ["beta", "gamma", "sftCoefficient"],
      orpo: ["lambda"],
      kto: ["beta", "lambdaDesirable", "lambdaUndesirable", "sftCoefficient"],
      wspo: ["gamma", "sftCoefficient"],
    });
  });

  test("a second supervised term on ORPO", () => {
    expect(issues({ type: "orpo", sftCoefficient: 1 })[0]).toMatch(
      /"sftCoefficient" cannot stand with type "orpo"/,
    );
  });

  test("normalising by weights that are not used", () => {
    expect(issues({ type: "sigmoid", normalise: "weights" })).toEqual([
      'student.loss.normalise: normalise: "weights" has no effect without weighted: true.',
    ]);
    expect(issues({ type: "sigmoid", normalise: "weights", weighted: true })).toEqual([]);
  });
});

test("misspelt types and options get a suggestion, and all issues are reported together", () => {
  expect(issues({ type: "sigmiod" })[0]).toMatch(
    /type must be one of sigmoid, .*got "sigmiod"; did you mean "sigmoid"\?/,
  );
  expect(issues({})[0]).toMatch(/got nothing/);
  expect(issues({ type: "sigmoid", bta: 1, sftCoeficient: 1 })).toHaveLength(2);
  expect(issues({ type: "sigmoid", sftCoeficient: 1 })[0]).toMatch(/did you mean "sftCoefficient"/);
});

test.each([
  [{ type: "sigmoid", beta: 0 }, "beta"],
  [{ type: "sigmoid", beta: Number.NaN }, "beta"],
  [{ type: "sigmoid", beta: "0.1" }, "beta"],
  [{ type: "cdpo", flip: 0.5 }, "flip"],
  [{ type: "cdpo", flip: -0.1 }, "flip"],
  [{ type: "cdpo", flip: "automatic" }, "flip"],
  [{ type: "simpo", gamma: -1 }, "gamma"],
  [{ type: "sigmoid", sftCoefficient: -1 }, "sftCoefficient"],
])("%o is out of range", (value, option) => {
  expect(issues(value)[0]).toMatch(new RegExp(`^student\\.loss\\.${option}: `));
});

test("a value out of range is in the message", () => {
  expect(issues({ type: "sigmoid", beta: -0.1 })).toEqual([
    "student.loss.beta: Too small: expected number to be >0, got -0.1.",
  ]);
});

describe("flip: auto", () => {
  const spec = parseLossSpec({ type: "rdpo", flip: "auto" });

  test("takes the teacher's estimated error rate", () => {
    expect(resolveFlip(spec, 0.23)).toEqual({ ...spec, flip: 0.23 });
  });

  test("is an error without an estimate, or when labels are no better than chance", () => {
    expect(() => resolveFlip(spec)).toThrow(ConfigError);
    expect(() => resolveFlip(spec, 0.5)).toThrow("got 0.5");
    expect(() => resolveFlip(spec, Number.NaN)).toThrow(ConfigError);
  });

  test("leaves a number and losses without flips alone", () => {
    const fixed = parseLossSpec({ type: "cdpo", flip: 0.2 });
    expect(resolveFlip(fixed, 0.4)).toBe(fixed);
    expect(resolveFlip(parseLossSpec({ type: "hinge" }))).toMatchObject({ type: "hinge" });
  });
});

test("the schema can be published as JSON Schema, one strict object per type", () => {
  const { oneOf, anyOf } = z.toJSONSchema(lossSchema, { io: "input" });
  const shapes = oneOf ?? anyOf ?? [];
  expect(shapes).toHaveLength(LOSS_TYPES.length);
  for (const shape of shapes)
    expect(shape).toMatchObject({ additionalProperties: false, required: ["type"] });
});
