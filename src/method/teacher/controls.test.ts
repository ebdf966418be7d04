import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import {
  annotatorControl,
  type ControlPair,
  flippedHumanControl,
  goldControl,
  type HumanChoice,
  lengthBiasedHumanControl,
  longerControl,
  randomControl,
} from "./controls.ts";

const rng = createRng("controls");
const ids = Array.from({ length: 4000 }, (_, i) => `p${i}`);
const choices = new Map<string, HumanChoice>(ids.map((id, i) => [id, i % 2 === 0 ? "a" : "b"]));
const pairOf = (id: string): ControlPair => ({ id, a: `${id} a`, b: `${id} bbb` });

/** Share of pairs on which a scorer sides with the human labels. */
function agreement(scorer: (pair: ControlPair) => { scoreA: number; scoreB: number }): number {
  const sides = ids.filter((id) => {
    const { scoreA, scoreB } = scorer(pairOf(id));
    return scoreA > scoreB === (choices.get(id) === "a");
  });
  return sides.length / ids.length;
}

test("random scores belong to the texts: swapping candidates swaps them", () => {
  const score = randomControl(rng);
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (id, a, b) => {
      const one = score({ id, a, b });
      const other = score({ id, a: b, b: a });
      expect([other.scoreA, other.scoreB]).toEqual([one.scoreB, one.scoreA]);
    }),
  );
  const { scoreA, scoreB } = score(pairOf("p0"));
  expect(scoreA).not.toBe(scoreB);
  // 4000 fair coins: standard deviation 0.008
  expect(Math.abs(agreement(score) - 0.5)).toBeLessThan(0.03);
});

test("the longer answer wins, in code points or whatever is counted", () => {
  expect(longerControl()({ id: "x", a: "👍👍", b: "abc" })).toEqual({ scoreA: 2, scoreB: 3 });
  expect(longerControl((t) => t.split(" ").length)({ id: "x", a: "a b c", b: "abcdefgh" })).toEqual({
    scoreA: 3,
    scoreB: 1,
  });
});

test("gold gives back what it holds; nobody speaks of a pair they do not know", () => {
  expect(goldControl(new Map([["x", { scoreA: 1.5, scoreB: -2 }]]))({ id: "x", a: "", b: "" })).toEqual({
    scoreA: 1.5,
    scoreB: -2,
  });
  expect(() => flippedHumanControl(choices, 0, rng)(pairOf("y"))).toThrow(
    'control: pair "y" has no human label',
  );
});

test("flips happen at their rate, each pair by its own draw", () => {
  expect(agreement(flippedHumanControl(choices, 0, rng))).toBe(1);
  expect(agreement(flippedHumanControl(choices, 1, rng))).toBe(0);
  // 4000 draws at 0.2: standard deviation 0.0063
  expect(Math.abs(agreement(flippedHumanControl(choices, 0.2, rng)) - 0.8)).toBeLessThan(0.025);
  expect(flippedHumanControl(new Map([["x", "tie"]]), 1, rng)(pairOf("x"))).toEqual({
    scoreA: 0.5,
    scoreB: 0.5,
  });
  expect(() => flippedHumanControl(choices, 1.2, rng)).toThrow(
    "flip rate is out of range, expected [0, 1], got 1.2",
  );
});

test("length bias turns labels towards the longer answer only", () => {
  // b is always longer: labels b are never touched, labels a turn at the rate 0.5 → 3/4 agree
  const score = lengthBiasedHumanControl(choices, 0.5, rng);
  expect(Math.abs(agreement(score) - 0.75)).toBeLessThan(0.03);
  expect(ids.filter((id) => choices.get(id) === "b").every((id) => score(pairOf(id)).scoreB === 1)).toBe(
    true,
  );
  expect(score({ id: "p0", a: "same", b: "size" })).toEqual({ scoreA: 1, scoreB: 0 });
});

test("every annotator has a rate of their own", () => {
  const score = annotatorControl(choices, [0, 1], rng);
  for (const id of ids.slice(0, 200)) {
    const { scoreA } = score(pairOf(id));
    expect(scoreA === 1).toBe((choices.get(id) === "a") !== (score.annotatorOf(id) === 1));
  }
  expect(new Set(ids.map(score.annotatorOf))).toEqual(new Set([0, 1]));
  expect(() => annotatorControl(choices, [], rng)).toThrow("expected at least one flip rate");
});
