import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../../../base/core/rng.ts";
import { breaksModel, knowledgeOf, peopleGoldOf, teacherGoldBounds } from "./agreement-model.ts";

test("by hand: people right on 3 of 4 agree on 5/8, a teacher right on 7/10 agrees with them on 0.6", () => {
  // a = 9/16 + 1/16; c = 0.7 · 0.75 + 0.3 · 0.25 = 0.6; where they differ, 0.7 · 0.25 of 0.4 with the teacher.
  const known = knowledgeOf({ people: 0.625, teacher: 0.6 })!;
  expect(known.peopleGold).toBeCloseTo(0.75, 12);
  expect(known.teacherGold).toBeCloseTo(0.7, 12);
  expect(known.goldWithTeacher).toBeCloseTo(0.175 / 0.4, 12);
  expect(known.gap).toBeCloseTo(0.05, 12);
});

test("people who guess tell nothing, people who never differ know all", () => {
  expect(peopleGoldOf(0.5)).toBeNull();
  expect(knowledgeOf({ people: 0.45, teacher: 0.6 })).toBeNull();
  expect(knowledgeOf({ people: 1, teacher: 0.8 })).toMatchObject({ peopleGold: 1, teacherGold: 0.8 });
});

test("a teacher that agrees with people more than gold would is taken for gold, and said to break the model", () => {
  // q = 0.75: gold itself agrees with people on 0.75.
  expect(breaksModel({ people: 0.625, teacher: 0.75 })).toBe(false);
  expect(breaksModel({ people: 0.625, teacher: 0.8 })).toBe(true);
  expect(knowledgeOf({ people: 0.625, teacher: 0.8 })!.teacherGold).toBe(1);
});

const share = fc.double({ min: 0.51, max: 0.99, noNaN: true });

test("who is better is who agrees more with people: teacher above a person exactly where c is above a", () => {
  fc.assert(
    fc.property(share, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (q, t) => {
      const people = q * q + (1 - q) * (1 - q);
      const teacher = t * q + (1 - t) * (1 - q);
      const known = knowledgeOf({ people, teacher })!;
      expect(known.peopleGold).toBeCloseTo(q, 6);
      expect(known.teacherGold).toBeCloseTo(t, 6);
      if (Math.abs(t - q) > 1e-6) expect(teacher > people).toBe(t > q);
      expect(known.gap).toBeCloseTo((1 - teacher) * (1 - 2 * known.goldWithTeacher), 6);
      const [low, high] = teacherGoldBounds(q, teacher);
      expect(low).toBeLessThanOrEqual(t + 1e-12);
      expect(high).toBeGreaterThanOrEqual(t - 1e-12);
    }),
  );
});

test("pairs that are hard for both make both look better by one factor, and their ratio holds", () => {
  // Half of the pairs clear (h = 1), half nearly a toss (h = 0.2): 2q - 1 = 0.6 h, 2t - 1 = 0.4 h.
  const [h, over] = [[1, 0.2], (one: number[]) => one.reduce((a, b) => a + b) / one.length];
  const people = (1 + over(h.map((x) => (0.6 * x) ** 2))) / 2;
  const teacher = (1 + over(h.map((x) => 0.6 * 0.4 * x * x))) / 2;
  const known = knowledgeOf({ people, teacher })!;
  const factor = Math.sqrt(0.52) / 0.6;
  expect(2 * known.peopleGold - 1).toBeCloseTo(0.36 * factor, 12);
  expect(2 * known.teacherGold - 1).toBeCloseTo(0.24 * factor, 12);
  // Both are off by one factor: the teacher still has two thirds of a person's signal, as it truly has.
  expect((2 * known.teacherGold - 1) / (2 * known.peopleGold - 1)).toBeCloseTo(2 / 3, 12);
});

test("bounds hold for dependent errors that are drawn at random", () => {
  const rng = createRng("bounds");
  for (let k = 0; k < 200; k++) {
    // Cells of person right/wrong and teacher right/wrong.
    const cells = Array.from({ length: 4 }, () => -Math.log(1 - rng.next()));
    const total = cells.reduce((a, b) => a + b);
    const [both, person, teacher, none] = cells.map((cell) => cell / total) as [
      number,
      number,
      number,
      number,
    ];
    const [low, high] = teacherGoldBounds(both + person, both + none);
    expect(both + teacher).toBeGreaterThanOrEqual(low - 1e-12);
    expect(both + teacher).toBeLessThanOrEqual(high + 1e-12);
  }
});
