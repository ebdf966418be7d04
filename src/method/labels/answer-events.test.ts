import { expect, test } from "vitest";
import { type AnswerEvent, type AnswerGiven, answerRows, standingAnswers } from "./answer-events.ts";
import { answerFigures } from "./answer-figures.ts";
import { orderFor, planFor } from "./answer-plan.ts";

const at = "2026-11-30T08:00:00.000Z";
const given = (
  uuid: string,
  id: string,
  answer: AnswerGiven["answer"],
  more: Partial<AnswerGiven> = {},
): AnswerGiven => ({
  ...{ kind: "answer", uuid, at, id, answer, order: "ab", repeat: false, ms: 900 },
  ...more,
});

test("what stands: the last answer of a pair, without what was undone; a uuid that comes again changes nothing", () => {
  const events: AnswerEvent[] = [
    given("1", "x", "a"),
    given("2", "y", "b", { strength: 2 }),
    given("2", "y", "a"),
    given("3", "x", "tie", { both_bad: true }),
    { kind: "undo", uuid: "4", at, of: "3" },
    given("5", "z", "skip"),
    given("6", "x", "b", { repeat: true }),
    { kind: "flag", uuid: "7", at, id: "x", on: true },
    { kind: "flag", uuid: "8", at, id: "z", on: true },
    { kind: "flag", uuid: "9", at, id: "z", on: false },
    { kind: "note", uuid: "10", at, id: "y", text: " odd " },
  ];
  const standing = standingAnswers(events);
  expect(standing.history.map(({ uuid }) => uuid)).toEqual(["1", "2", "5", "6"]);
  expect([...standing.flagged]).toEqual(["x"]);
  expect(standing.repeats.get("x")?.answer).toBe("b");
  const rows = answerRows([{ id: "y", drawn: "random" }, { id: "x" }, { id: "z" }, { id: "w" }], standing);
  expect(JSON.parse(JSON.stringify(rows))).toEqual([
    { id: "y", answer: "b", drawn: "random", strength: 2, note: "odd" },
    { id: "x", answer: "a" },
    { id: "z", answer: "skip" },
    { id: "w", answer: "" },
  ]);
});

test("which response stands left is even over 10,000 pairs, of person and pair alone, and the other way when the pair comes again", () => {
  const ids = Array.from({ length: 10_000 }, (_, i) => `pair ${i}`);
  const orders = ids.map((id) => orderFor("anna", { id, repeat: false }));
  // Fixed by the hash; 5,000 plus or minus four standard deviations of 50.
  expect(Math.abs(orders.filter((order) => order === "ab").length - 5_000)).toBeLessThan(200);
  expect(orders.slice(0, 8)).toEqual(["ab", "ba", "ab", "ab", "ba", "ba", "ab", "ba"]);
  expect(ids.every((id, i) => orderFor("anna", { id, repeat: true }) !== orders[i])).toBe(true);
  const others = ids.filter((id, i) => orderFor("bert", { id, repeat: false }) !== orders[i]);
  expect(Math.abs(others.length - 5_000)).toBeLessThan(200);
});

test("one pair of each twenty comes again, after at least twenty others, and every question comes once", () => {
  const ids = Array.from({ length: 207 }, (_, i) => `q${i}`);
  const plan = planFor("anna", ids);
  expect(plan.filter(({ repeat }) => !repeat).map(({ id }) => id)).toEqual(ids);
  const again = plan.flatMap(({ id, repeat }, place) => (repeat ? [{ id, place }] : []));
  // Ten whole blocks; the last has no whole block after it.
  expect(again).toHaveLength(9);
  for (const { id, place } of again) {
    const first = plan.findIndex((showing) => showing.id === id);
    expect(new Set(plan.slice(first + 1, place).map((showing) => showing.id)).size).toBeGreaterThanOrEqual(
      20,
    );
  }
  expect(planFor("anna", ids.slice(0, 39)).some(({ repeat }) => repeat)).toBe(false);
});

test("self-agreement counts pairs that were decided twice; the share of left counts decided answers, repeats too", () => {
  const standing = standingAnswers([
    given("1", "x", "a"),
    given("2", "y", "b"),
    given("3", "z", "skip"),
    given("4", "w", "tie"),
    given("5", "x", "a", { repeat: true, order: "ba" }),
    given("6", "y", "a", { repeat: true, order: "ba" }),
    given("7", "w", "tie", { repeat: true, order: "ba" }),
  ]);
  const { selfAgreement, left } = answerFigures(standing, (id) => id);
  expect(selfAgreement).toMatchObject({ estimate: 2 / 3, n: 3 });
  // x left; y right; x right; y right
  expect(left).toMatchObject({ estimate: 1 / 4, n: 2 });
  expect(answerFigures(standingAnswers([]), String)).toEqual({ selfAgreement: null, left: null });
});
