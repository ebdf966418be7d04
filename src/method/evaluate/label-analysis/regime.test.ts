import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../../../base/core/rng.ts";
import type { JudgedPair } from "./judged-pair.ts";
import { regimeOf } from "./regime.ts";

const options = { rng: createRng(1), resamples: 200 };
/** Teacher and person by name; gold prefers a by `gold`. */
const pair = (i: number, weak: "a" | "b", human: "a" | "b", gold = 1): JudgedPair => ({
  ...{ id: `${i}`, group: `${i}`, weak, human, margin: 1 },
  ...{ goldA: gold, goldB: 0 },
});

test("by hand: eight pairs of which gold prefers a, and one of equal gold that is left out", () => {
  const pairs = [
    ...[0, 1, 2, 3].map((i) => pair(i, "a", "a")),
    ...[pair(4, "b", "a"), pair(5, "b", "a"), pair(6, "a", "b"), pair(7, "b", "b")],
    pair(8, "b", "a", 0),
  ];
  const regime = regimeOf(pairs, options)!;
  expect(regime).toMatchObject({ pairs: 8, goldTies: 1, disputed: 3 });
  expect(regime.peopleGold.estimate).toBe(6 / 8);
  expect(regime.teacherGold.estimate).toBe(5 / 8);
  expect(regime.teacherPeople.estimate).toBe(5 / 8);
  expect(regime.goldWithTeacher!.estimate).toBe(1 / 3);
  expect(regime.gap.estimate).toBe(1 / 8);
  expect([regime.gap.n, regime.goldWithTeacher!.n]).toEqual([8, 3]);
});

test("nothing without pairs that gold decides; no side where nobody differs", () => {
  expect(regimeOf([], options)).toBeNull();
  expect(regimeOf([pair(0, "a", "a", 0)], options)).toBeNull();
  expect(regimeOf([pair(0, "a", "a"), pair(1, "b", "b")], options)).toMatchObject({
    goldWithTeacher: null,
    gap: { estimate: 0 },
  });
});

const side = fc.constantFrom("a" as const, "b" as const);

test("the gap is (1 - teacher-people) (1 - 2 · with the teacher), and gold minus gold, whatever the pairs", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(side, side, fc.constantFrom(-1, 0, 2)), { minLength: 1, maxLength: 30 }),
      (judged) => {
        const regime = regimeOf(
          judged.map(([weak, human, gold], i) => pair(i, weak, human, gold)),
          { rng: createRng(2), resamples: 100 },
        );
        expect(regime === null).toBe(judged.every(([, , gold]) => gold === 0));
        if (regime === null) return;
        const { peopleGold, teacherGold, teacherPeople, goldWithTeacher, gap } = regime;
        expect(gap.estimate).toBeCloseTo(peopleGold.estimate - teacherGold.estimate, 12);
        const sides = goldWithTeacher?.estimate ?? 0.5;
        expect(gap.estimate).toBeCloseTo((1 - teacherPeople.estimate) * (1 - 2 * sides), 12);
      },
    ),
  );
});

test("intervals resample prompts: pairs of one prompt are one unit", () => {
  const pairs = Array.from({ length: 30 }, (_, i) => ({
    ...pair(i, i % 6 < 3 ? "a" : "b", "a"),
    group: `${Math.floor(i / 3)}`,
  }));
  expect(regimeOf(pairs, options)!.teacherGold.n).toBe(10);
});
