import { expect, test } from "vitest";
import { dealtTo } from "./answer-deal.ts";

const ids = Array.from({ length: 1000 }, (_, i) => `pair ${i}`);

test("a share of the questions goes to all, each of the others to one, about as many to each", () => {
  const people = ["anna", "ben", "cleo"];
  const dealt = people.map((person) => dealtTo(person, { people, overlap: 0.2 }, ids));
  const times = ids.map((id) => dealt.filter((list) => list.includes(id)).length);
  expect(times.filter((n) => n === 3)).toHaveLength(200);
  expect(times.filter((n) => n === 1)).toHaveLength(800);
  // Fixed by the hash; a third of 800 plus or minus four standard deviations of 13.
  for (const list of dealt) expect(Math.abs(list.length - 200 - 800 / 3)).toBeLessThan(54);
  expect(dealt[0]).toEqual(ids.filter((id) => dealt[0]!.includes(id)));
});

test("another person takes questions of all others, and moves none between them; a stranger to the deal gets all", () => {
  const few = { people: ["anna", "ben"], overlap: 0.1 };
  const more = { people: ["ben", "cleo", "anna"], overlap: 0.1 };
  for (const person of few.people) {
    const [before, after] = [dealtTo(person, few, ids), dealtTo(person, more, ids)];
    expect(after.every((id) => before.includes(id))).toBe(true);
    expect(after.length).toBeLessThan(before.length);
  }
  expect(dealtTo("dora", more, ids)).toEqual(ids);
  expect(dealtTo("anna", { people: ["anna", "ben"], overlap: 1 }, ids)).toEqual(ids);
});
