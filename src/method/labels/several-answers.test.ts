import { expect, test } from "vitest";
import { type AnswerGiven, answerRows, standingAnswers } from "./answer-events.ts";
import { isDisputed, ruledAnswers, sharedAgreement, sharedAnswers } from "./several-answers.ts";

let count = 0;
const given = (id: string, answer: AnswerGiven["answer"], more: Partial<AnswerGiven> = {}): AnswerGiven => ({
  ...{ kind: "answer", uuid: `00000000-0000-4000-8000-${String(count++).padStart(12, "0")}` },
  ...{ at: "2026-11-30T08:00:00.000Z", id, answer, order: "ab", repeat: false, ms: 1000, ...more },
});
const note = (id: string, text: string) => ({
  ...{ kind: "note" as const, uuid: `${count++}`, at: "2026-11-30T08:00:00.000Z", id, text },
});

/** Three people, by hand: x all say a; y two of three say b; z one each way; w said by one; v skipped by one, a by another; u by nobody. */
const questions = ["x", "y", "z", "w", "v", "u"].map((id) => ({ id, drawn: "random" as const }));
const people = new Map([
  [
    "anna",
    standingAnswers([
      given("x", "a", { strength: 2 }),
      given("y", "b", { strength: 1 }),
      given("z", "a"),
      given("v", "skip"),
      note("y", "hm"),
    ]),
  ],
  [
    "ben",
    standingAnswers([
      given("x", "a", { strength: 1 }),
      given("y", "b", { strength: 1 }),
      given("z", "tie", { both_bad: true }),
      given("v", "a"),
      note("y", "so so"),
    ]),
  ],
  [
    "cleo",
    standingAnswers([
      given("x", "a", { strength: 2 }),
      given("y", "a"),
      given("w", "tie", { both_bad: true }),
    ]),
  ],
]);
const words = (shared: ReturnType<typeof sharedAnswers>, rule: Parameters<typeof ruledAnswers>[1]) =>
  ruledAnswers(shared, rule).rows.map(({ answer }) => answer);

test("one answer of each question by each rule; a skip is no word on a pair", () => {
  const shared = sharedAnswers(questions, people, []);
  expect(shared.filter(isDisputed).map(({ id }) => id)).toEqual(["y", "z"]);
  expect(words(shared, "settle")).toEqual(["a", "", "", "tie", "a", ""]);
  expect(words(shared, "majority")).toEqual(["a", "b", "skip", "tie", "a", ""]);
  expect(words(shared, "leave-out")).toEqual(["a", "skip", "skip", "tie", "a", ""]);
  expect(ruledAnswers(shared, "settle")).toMatchObject({ open: 2, settled: 0, byMajority: 0, leftOut: 0 });
  expect(ruledAnswers(shared, "majority")).toMatchObject({ open: 0, byMajority: 1, leftOut: 1 });
  const rows = JSON.parse(JSON.stringify(ruledAnswers(shared, "majority").rows)) as object[];
  // The strengths of x differ: it has none. Both who said b of y said the same strength.
  expect(rows[0]).toEqual({ id: "x", answer: "a", drawn: "random" });
  expect(rows[1]).toEqual({
    id: "y",
    answer: "b",
    drawn: "random",
    strength: 1,
    note: "anna: hm\nben: so so",
  });
  expect(rows[3]).toEqual({ id: "w", answer: "tie", drawn: "random", both_bad: true });
});

test("a settled pair has the latest settled word under each rule; undone, it is open again; a pair that is agreed on is nobody's to settle", () => {
  const first = given("y", "tie", { at: "2026-11-30T09:00:00.000Z" });
  const later = given("y", "a", { at: "2026-11-30T10:00:00.000Z", strength: 2 });
  const skipped = given("z", "skip");
  const dora = [later, skipped, given("x", "b")];
  const settled = [standingAnswers(dora), standingAnswers([first])];
  for (const rule of ["settle", "majority", "leave-out"] as const)
    for (const order of [settled, settled.toReversed()])
      expect(words(sharedAnswers(questions, people, order), rule)).toEqual([
        "a",
        "a",
        "skip",
        "tie",
        "a",
        "",
      ]);
  expect(ruledAnswers(sharedAnswers(questions, people, settled), "settle").rows[1]).toMatchObject({
    strength: 2,
  });
  const undo = { kind: "undo" as const, uuid: "u", at: "2026-11-30T11:00:00.000Z", of: later.uuid };
  const undone = sharedAnswers(questions, people, [standingAnswers([...dora, undo])]);
  expect(ruledAnswers(undone, "settle")).toMatchObject({ open: 1, settled: 1 });
});

test("of one person the rows are that person's own", () => {
  const anna = people.get("anna")!;
  const alone = sharedAnswers(questions, new Map([["anna", anna]]), []);
  const own = answerRows(questions, anna);
  expect(JSON.stringify(ruledAnswers(alone, "settle").rows)).toBe(JSON.stringify(own));
});

test("alpha over the pairs that several answered, worked by hand", () => {
  const shared = sharedAnswers(questions, people, []);
  const { alpha, pairs } = sharedAgreement(shared, String)!;
  // Pairs of answers: x 3 of 3 alike, y 1 of 3, z 0 of 1; coincidences x 3, y 1, z 0 of 8 answers; a 5, b 2, tie 1.
  // alpha = 1 - 7 · (8 - 4) / (64 - 30)
  expect(alpha?.estimate).toBeCloseTo(1 - (7 * 4) / 34, 12);
  expect(pairs.map(({ items }) => items)).toEqual([3, 2, 2]);
  expect(sharedAgreement(sharedAnswers(questions, new Map(), []), String)).toBeNull();
});
