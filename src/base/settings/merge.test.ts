import { expect, test } from "vitest";
import { mergeSettings } from "./merge.ts";

/** As a recipe's data. */
const FORMS = [
  [["source", "split", "test_prompts"], ["world"]],
  [["tau"], ["gold_agreement"]],
];

test("objects are merged key by key, everything else is replaced", () => {
  expect(mergeSettings({ a: { b: 1, c: 2 }, d: [1, 2] }, { a: { c: 3 }, d: [4] })).toEqual({
    a: { b: 1, c: 3 },
    d: [4],
  });
  expect(mergeSettings({ a: 1 }, undefined)).toEqual({ a: 1 });
  expect(mergeSettings({ lora: { r: 8 } }, { lora: null })).toEqual({ lora: null });
  expect(mergeSettings(undefined, { a: 1 })).toEqual({ a: 1 });
});

test("the same alternative keeps its settings, another one keeps none of them", () => {
  const base = { kind: "reward-head", reward: { batch_size: 4 } };
  expect(mergeSettings(base, { kind: "reward-head", sft: {} })).toEqual({ ...base, sft: {} });
  expect(mergeSettings(base, { sft: {} })).toEqual({ ...base, sft: {} });
  expect(mergeSettings(base, { kind: "likelihood" })).toEqual({ kind: "likelihood" });
  expect(mergeSettings({ type: "ipo", beta: 1 }, { type: "orpo" })).toEqual({ type: "orpo" });
});

test("data in another form drops the first form, and keeps the rest", () => {
  const files = { source: "a", split: { labelled: 1 }, test_prompts: 8, max_length: 64 };
  expect(mergeSettings(files, { world: {} }, FORMS)).toEqual({ world: {}, max_length: 64 });
  expect(mergeSettings(files, { source: "b" }, FORMS)).toEqual({ ...files, source: "b" });
  expect(mergeSettings({ world: { tau: 1 } }, { source: "b" }, FORMS)).toEqual({ source: "b" });
});

test("each thing has its forms: another one drops the first's, deeper down too, beside keys of other things", () => {
  const world = { tau: 1, labelled: 0.3, split: 2 };
  expect(mergeSettings({ world }, { world: { gold_agreement: 0.7, labelled: 0.4 } }, FORMS)).toEqual({
    world: { gold_agreement: 0.7, labelled: 0.4, split: 2 },
  });
  expect(mergeSettings({ gold_agreement: 0.7 }, { tau: 2 }, FORMS)).toEqual({ tau: 2 });
  // Both at once are left for the schema to refuse.
  expect(mergeSettings({ tau: 1 }, { tau: 2, gold_agreement: 0.7 }, FORMS)).toEqual({
    tau: 2,
    gold_agreement: 0.7,
  });
});

test("a member called __proto__ is laid over as any other and changes nothing that is inherited", () => {
  const merged = mergeSettings({ a: 1 }, JSON.parse('{"__proto__":{"seed":1}}')) as Record<string, unknown>;
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  expect(merged.seed).toBeUndefined();
  expect(Object.keys(merged)).toEqual(["a", "__proto__"]);
});
