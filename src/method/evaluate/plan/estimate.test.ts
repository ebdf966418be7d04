import { describe, expect, test } from "vitest";
import { createRng, type Rng } from "../../../base/core/rng.ts";
import type { Knowledge } from "./agreement-model.ts";
import { type AgreementPlan, type JudgedByMany, planFromAnswers, planFromShares } from "./estimate.ts";

const options = { rng: createRng(5), resamples: 400 };
const item = (unit: string, people: string, teacher: string): JudgedByMany => {
  const side = (one: string) => (one === "a" || one === "b" ? one : null);
  return { unit, people: [...people].map(side), teacher: side(teacher) };
};

test("answers by hand: people against each other, the teacher against each of them, ties and silence left out", () => {
  const plan = planFromAnswers(
    [
      // 3 of 3 alike; 1 of 3; 1 of 1, the tie of the third left out; nobody to compare with.
      item("p", "aaa", "a"),
      item("q", "aab", "b"),
      item("q", "bb-", "a"),
      item("r", "a--", "a"),
    ],
    options,
  );
  expect(plan.counts).toEqual({ people: 7, teacher: 9 });
  expect(plan.people.estimate).toBeCloseTo(5 / 7, 12);
  // 3 of 3, 1 of 3, 0 of 2, 1 of 1.
  expect(plan.teacher.estimate).toBeCloseTo(5 / 9, 12);
  expect(plan.lead.estimate).toBeCloseTo(5 / 9 - 5 / 7, 12);
  expect(plan.people.interval).toMatchObject({ n: 3, level: 0.95 });
  expect(() => planFromAnswers([item("p", "a", "a")], options)).toThrow(/no pair was decided by two people/);
  expect(() => planFromAnswers([item("p", "aa", "-")], options)).toThrow(/by a person and the teacher/);
});

test("shares by hand, and no interval without a count", () => {
  const plan = planFromShares({ share: 0.625 }, { share: 0.6, pairs: 500 }, options);
  expect(plan.known!.peopleGold.estimate).toBeCloseTo(0.75, 12);
  expect(plan.known!.teacherGold.estimate).toBeCloseTo(0.7, 12);
  expect(plan.people.interval).toBeNull();
  expect(plan.known!.teacherGold.interval).toBeNull();
  expect(plan.teacher.interval).toMatchObject({ n: 500 });
  // 2 max(0, 0.35) + 1 - 1.35, 2 · 0.6 + 1 - 1.35.
  expect(plan.bounds![0]).toBeCloseTo(0.35, 12);
  expect(plan.bounds![1]).toBeCloseTo(0.85, 12);
  expect(() => planFromShares({ share: 1.2 }, { share: 0.6, pairs: 1 }, options)).toThrow(
    /people-agreement: expected a share .* got 1\.2[\s\S]*teacher-agreement: expected a count/,
  );
});

test("people who may be guessing leave everything open", () => {
  const plan = planFromShares({ share: 0.52, pairs: 50 }, { share: 0.51, pairs: 50 }, options);
  expect(plan.known!.teacherGold.interval).toMatchObject({ low: 0, high: 1 });
  expect(plan.known!.worth.interval).toBeNull();
  expect(planFromShares({ share: 0.5, pairs: 50 }, { share: 0.6, pairs: 50 }, options)).toMatchObject({
    known: null,
    bounds: null,
  });
});

/** Pairs of one prompt share how clear they are; three people and a teacher judge each. */
function world(rng: Rng, prompts: number, q: number, t: number): JudgedByMany[] {
  return Array.from({ length: prompts }, (_, p) =>
    [0, 1].map(() => {
      const gold = rng.next() < 0.5 ? "a" : "b";
      const wrong = gold === "a" ? "b" : "a";
      const said = (p: number) => (rng.next() < p ? gold : wrong);
      return { unit: `${p}`, people: [said(q), said(q), said(q)], teacher: said(t) } as const;
    }),
  ).flat();
}

describe("intervals hold the truth as often as they say", () => {
  const TRIES = 300;
  // Binomial: of 300 tries at 95 % fewer than 273 come by chance once in 500 times.
  const LEAST = 273;
  const q = 0.75;
  const t = 0.68;
  const people = q * q + (1 - q) * (1 - q);
  const teacher = t * q + (1 - t) * (1 - q);
  const truth: Partial<Record<keyof Knowledge, number>> = {
    ...{ peopleGold: q, teacherGold: t, gap: q - t, worth: (0.36 / 0.5) ** 2 },
    goldWithTeacher: (t * (1 - q)) / (1 - teacher),
  };
  const holds = (plan: AgreementPlan, key: keyof Knowledge) => {
    const { low, high } = plan.known![key].interval!;
    return low <= truth[key]! && truth[key]! <= high;
  };
  const misses = (plans: readonly AgreementPlan[]) =>
    Object.keys(truth).filter(
      (key) => plans.filter((plan) => holds(plan, key as keyof Knowledge)).length < LEAST,
    );

  test("of counts", () => {
    const rng = createRng("counts");
    const share = (p: number, n: number) => ({
      share: Array.from({ length: n }, () => Number(rng.next() < p)).reduce((a, b) => a + b) / n,
      pairs: n,
    });
    const plans = Array.from({ length: TRIES }, (_, i) =>
      planFromShares(share(people, 400), share(teacher, 400), { rng: createRng(i), resamples: 300 }),
    );
    expect(misses(plans)).toEqual([]);
  });

  test("of answers of three people, two pairs a prompt", () => {
    const rng = createRng("answers");
    const plans = Array.from({ length: TRIES }, (_, i) =>
      planFromAnswers(world(rng, 200, q, t), { rng: createRng(i), resamples: 300 }),
    );
    expect(misses(plans)).toEqual([]);
  });
});
