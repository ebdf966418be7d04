import { expect, test } from "vitest";
import { createRng } from "../../../base/core/rng.ts";
import type { ArmRecord, EvaluatedArm } from "../../../method/evaluate/arm.ts";
import { unpaired } from "./compare-runs.ts";
import { changedResponses, pairedDifferences, wordDistance } from "./paired.ts";
import type { ComparedRun } from "./run-folder.ts";
import { differingSettings } from "./settings.ts";
import { testAccuracyDifferences } from "./test-accuracy.ts";

/** One response per prompt: its text and its gold score. */
const arm = (name: string, responses: Readonly<Record<string, readonly [string, number]>>): EvaluatedArm => ({
  name,
  records: Object.entries(responses).map(
    ([promptId, [response, gold]]): ArmRecord => ({
      promptId,
      sample: 0,
      prompt: `${promptId}?`,
      response,
      gold: { g: gold },
      tokens: 1,
      finish: "eos",
      promptTruncated: false,
      logp: 0,
      sftLogp: null,
    }),
  ),
});

const run = (name: string, answers: readonly EvaluatedArm[]): ComparedRun => ({
  name,
  folder: `/${name}`,
  runId: name,
  version: "1",
  seed: 1,
  recipe: {},
  arms: [],
  curves: [],
  report: {},
  baseline: "sft",
  answers,
  testMargins: new Map(),
});

const one = run("one", [
  arm("sft", { p: ["s", 0], q: ["s", 0], r: ["s", 0] }),
  arm("weak", { p: ["a b c", 1], q: ["same", 2], r: ["x", -1] }),
]);
const two = run("two", [
  arm("sft", { p: ["s", 0], q: ["s", 0], z: ["s", 0] }),
  arm("weak", { p: ["a b d", -1], q: ["same", 2], z: ["y", 5] }),
  arm("human", { p: ["h", 1] }),
]);
const all = () => true;

test("arms of later runs are measured against the first, on the prompts both answered", () => {
  const options = { rng: createRng("paired"), resamples: 200 };
  const differences = pairedDifferences([one, two], all, options);
  // Shared: p and q. sft: 0 0. weak: -1 - 1 and 2 - 2, mean -1; signs of -2 alone: p = 1. human has no partner.
  expect(differences.map(({ arm, run, against }) => [arm, run, against])).toEqual([
    ["sft", "two", "one"],
    ["weak", "two", "one"],
  ]);
  expect(differences[1]).toMatchObject({
    difference: { estimate: -1, n: 2 },
    wins: 0,
    ties: 1,
    losses: 1,
    signTest: 1,
    permutationTest: 1,
  });
  expect(pairedDifferences([one, two], (gold) => gold !== "g", options)).toEqual([]);
});

test("prompts whose winner changed come first, and texts by the words they do not share", () => {
  const { winners, texts } = changedResponses([one, two], { comparable: all, limit: 5 });
  // On p weak won against sft in one run and lost in the other; on q it won in both.
  expect(winners).toHaveLength(1);
  expect(winners[0]).toMatchObject({ arm: "weak", prompt: "p?", outcome: [-1, 1], gold: [-1, 1] });
  expect(texts.map(({ prompt }) => prompt)).toEqual(["p?"]);
  // "a b d" and "a b c": 2 of 3 words in common.
  expect(texts[0]!.distance).toBeCloseTo(1 - 4 / 6, 12);
});

test("test accuracy is compared on the pairs both decide", () => {
  const pair = (id: string, implicit: number) => ({
    id,
    promptId: id,
    implicit,
    likelihood: 0,
    likelihoodPerToken: 0,
  });
  const with1 = {
    ...one,
    testMargins: new Map([["weak", [pair("x", 1), pair("y", 1), pair("z", -1), pair("only", 1)]]]),
  };
  const with2 = {
    ...two,
    testMargins: new Map([["weak", [pair("x", 1), pair("y", -1), pair("z", -1), pair("tie", 0)]]]),
  };
  const [difference, ...others] = testAccuracyDifferences([with1, with2], {
    rng: createRng("held"),
    resamples: 200,
  });
  expect(others).toEqual([]);
  // Shared: x y z. The second run is right on x, the first on x and y.
  expect(difference).toMatchObject({ arm: "weak", pairs: 3, onlyRun: 0, onlyAgainst: 1, pValue: 1 });
  expect(difference!.difference.estimate).toBeCloseTo(-1 / 3, 12);
});

test("words count as often as they stand", () => {
  expect(wordDistance("a a b", "a b b")).toBeCloseTo(1 - 4 / 6, 12);
  expect(wordDistance("", "")).toBe(0);
  expect(wordDistance("a", "")).toBe(1);
});

test("settings are compared by path, items of lists by name", () => {
  const base = {
    seed: 1,
    student: { beta: 0.1, lora: null },
    arms: [{ name: "sft" }, { name: "weak", labels: "weak" }],
    stop: ["a"],
  };
  const other = {
    ...base,
    student: { beta: 0.5, lora: { r: 8 } },
    arms: [{ name: "weak", labels: "weak" }],
    stop: ["a", "b"],
  };
  expect(differingSettings([base, other])).toEqual([
    { path: "student.beta", values: ["0.1", "0.5"] },
    { path: "student.lora", values: ["null", undefined] },
    { path: "arms[sft].name", values: ['"sft"', undefined] },
    { path: "stop", values: ['["a"]', '["a","b"]'] },
    { path: "student.lora.r", values: [undefined, "8"] },
  ]);
  expect(differingSettings([base, structuredClone(base)])).toEqual([]);
});

test("nothing is said to be incomparable beside comparisons of test accuracy", () => {
  expect(unpaired(4, 0)).toEqual([]);
  expect(unpaired(0, 4)).toEqual([
    { severity: "note", message: expect.stringContaining("compared by test accuracy alone") },
  ]);
  expect(unpaired(0, 0)).toEqual([
    { severity: "warning", message: expect.stringContaining("No arm could be compared") },
  ]);
});
