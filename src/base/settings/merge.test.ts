import { expect, test } from "vitest";
import { mergeRecipes } from "./merge.ts";

test("objects are merged key by key, everything else is replaced", () => {
  expect(mergeRecipes({ a: { b: 1, c: 2 }, d: [1, 2] }, { a: { c: 3 }, d: [4] })).toEqual({
    a: { b: 1, c: 3 },
    d: [4],
  });
  expect(mergeRecipes({ a: 1 }, undefined)).toEqual({ a: 1 });
  expect(mergeRecipes({ lora: { r: 8 } }, { lora: null })).toEqual({ lora: null });
  expect(mergeRecipes(undefined, { a: 1 })).toEqual({ a: 1 });
});

test("the same alternative keeps its settings, another one keeps none of them", () => {
  const base = { kind: "reward-head", reward: { batch_size: 4 } };
  expect(mergeRecipes(base, { kind: "reward-head", sft: {} })).toEqual({ ...base, sft: {} });
  expect(mergeRecipes(base, { sft: {} })).toEqual({ ...base, sft: {} });
  expect(mergeRecipes(base, { kind: "likelihood" })).toEqual({ kind: "likelihood" });
  expect(mergeRecipes({ type: "ipo", beta: 1 }, { type: "orpo" })).toEqual({ type: "orpo" });
});

test("data in another form drops the first form, and keeps the rest", () => {
  const files = { source: "a", split: { labelled: 1 }, test_prompts: 8, max_length: 64 };
  expect(mergeRecipes(files, { world: {} })).toEqual({ world: {}, max_length: 64 });
  expect(mergeRecipes(files, { source: "b" })).toEqual({ ...files, source: "b" });
  expect(mergeRecipes({ world: { tau: 1 } }, { source: "b" })).toEqual({ source: "b" });
});
