import { expect, test } from "vitest";
import { storedRulesSchema } from "./answers-stage.ts";

const calibrator = { method: "none", n: 0, slope: 1 };
const weight = { form: "tanh", temperature: 1, power: 1 };

test.each([
  [{ rule: "all" }, { kind: "all" }],
  [
    { rule: "top", percent: 40 },
    { kind: "top", percent: 40 },
  ],
  [
    { rule: "threshold", minConfidence: 0.8 },
    { kind: "threshold", confidence: 0.8 },
  ],
  [
    { rule: "promise", maxDisagreement: 0.1, level: 0.9, heldOutMargins: [1], heldOutAgrees: [true] },
    { kind: "promise", maxDisagreement: 0.1, level: 0.9 },
  ],
])("the selection that 0.1 kept beside labels is read: %o", (select, expected) => {
  const rules = { calibrator, tieBand: 0.5, select, threshold: null, weight, weightRange: [0, 1] };
  expect(storedRulesSchema.parse(rules)).toEqual({ calibrator, tieBand: 0.5, select: expected, weight });
  // What is written today is read as it is.
  expect(storedRulesSchema.parse({ ...rules, select: expected }).select).toEqual(expected);
});

test("a selection that nobody wrote is refused", () => {
  expect(storedRulesSchema.safeParse({ select: { rule: "best" }, weight }).success).toBe(false);
});
