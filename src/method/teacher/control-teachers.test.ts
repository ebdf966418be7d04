import { expect, test } from "vitest";
import type { CandidatePair } from "../data/rows.ts";
import { labelFromScores } from "../labels/label.ts";
import { type ControlSpec, openControl } from "./control-teachers.ts";
import type { HumanChoice } from "./controls.ts";
import { teacherDigest } from "./teacher.ts";

const pairs: CandidatePair[] = [
  { id: "1", prompt: "p", a: "longer answer", b: "short" },
  { id: "2", prompt: "p", a: "x", b: [{ role: "assistant", content: "yy" }] },
  { id: "3", prompt: "p", a: "one", b: "two" },
  { id: "4", prompt: "p", a: "same", b: "same" },
  { id: "5", prompt: "p", a: " ", b: "text" },
];
const choices = new Map<string, HumanChoice>([
  ["1", "b"],
  ["2", "b"],
  ["3", "tie"],
  ["4", "a"],
  ["5", "a"],
]);
const labels = async (spec: ControlSpec) =>
  (await openControl(spec).scorePairs(pairs)).map(
    (score) => labelFromScores({ ...score, teacher: "t" }).preferred,
  );

test("controls label through the same door: empty and identical pairs abstain, whatever the human said", async () => {
  expect(await labels({ kind: "longer" })).toEqual(["a", "b", "tie", "abstain", "abstain"]);
  const person = { kind: "noisy-human", choices, seed: 1 } as const;
  const said = ["b", "b", "tie", "abstain", "abstain"];
  expect(await labels({ ...person, noise: { kind: "flip", rate: 0 } })).toEqual(said);
  expect(await labels({ ...person, noise: { kind: "annotator", rates: [0] } })).toEqual(said);
  expect(await labels({ ...person, noise: { kind: "flip", rate: 1 } })).toEqual([
    ...["a", "a", "tie", "abstain", "abstain"],
  ]);
  const biased = { kind: "length-biased", rate: 1 } as const;
  expect(await labels({ ...person, noise: biased })).toEqual(["a", "b", "tie", "abstain", "abstain"]);
  const rewards = new Map(pairs.map(({ id }, i) => [id, { scoreA: i, scoreB: 1.5 }]));
  expect(await labels({ kind: "gold", rewards })).toEqual(["b", "b", "a", "abstain", "abstain"]);
  expect(await labels({ kind: "random", seed: 1 })).toHaveLength(5);
});

test("other choices, rates and seeds are another teacher; the order of a map is not", () => {
  const digest = (spec: ControlSpec) => teacherDigest(openControl(spec).manifest);
  const noise = { kind: "flip", rate: 0.1 } as const;
  const base = { kind: "noisy-human", choices, seed: 1, noise } as const;
  expect(digest({ ...base, choices: new Map([...choices].reverse()) })).toBe(digest(base));
  const others: ControlSpec[] = [
    { ...base, choices: new Map([...choices, ["3", "a"] as const]) },
    { ...base, noise: { kind: "flip", rate: 0.2 } },
    { ...base, noise: { kind: "length-biased", rate: 0.1 } },
    { ...base, seed: 2 },
  ];
  expect(new Set([base, ...others].map(digest)).size).toBe(5);
});

test("lengths are code points, of all turns", async () => {
  const [, second] = await openControl({ kind: "longer" }).scorePairs(pairs);
  expect(second).toMatchObject({ lengthA: 1, lengthB: 2, tokens: 0 });
});
