import { expect, test } from "vitest";
import { type AskCandidate, askHumans } from "./ask.ts";
import { labelFromScores, UNSELECTED } from "./label.ts";

/** A pair left out by selection, with P(a) = p. */
function left(id: string, p: number, group: string, disagreement?: number): AskCandidate {
  const label = labelFromScores({ id, scoreA: 1, scoreB: 0, teacher: "t" }, { calibrate: () => p });
  const abstained = { ...label, preferred: "abstain" as const, flags: [UNSELECTED] };
  return { label: abstained, group, ...(disagreement === undefined ? {} : { disagreement }) };
}

const order = (candidates: AskCandidate[], budget: number) =>
  askHumans(candidates, budget).questions.map(({ id }) => id);

test("the most uncertain pair comes first, disagreement counts, the budget is kept", () => {
  expect(order([left("x", 0.9, "g1"), left("y", 0.55, "g2"), left("z", 0.7, "g3")], 2)).toEqual(["y", "z"]);
  expect(order([left("x", 0.9, "g1", 0.5), left("y", 0.55, "g2", 0)], 1)).toEqual(["x"]);
  expect(order([left("x", 0.9, "g1")], 0)).toEqual([]);
});

test("a second question on the same prompt is worth half, a third a third", () => {
  const candidates = [left("x1", 0.5, "x"), left("x2", 0.5, "x"), left("x3", 0.5, "x"), left("y1", 0.8, "y")];
  // x1: 1; y1: H(.8)/ln 2 = .7219; x2: 1/2; x3: 1/3
  const { questions } = askHumans(candidates, 4);
  expect(questions.map(({ id }) => id)).toEqual(["x1", "y1", "x2", "x3"]);
  expect(questions[1]!.value).toBeCloseTo(0.7219280948873623, 12);
  expect(questions.map(({ repeats }) => repeats)).toEqual([0, 0, 1, 2]);
});

test("decided labels are not asked; ties are; what nobody can settle is counted and left out", () => {
  const scored = (id: string, a: number, flags: string[] = []) => ({
    label: labelFromScores({ id, scoreA: a, scoreB: 0, flags, teacher: "t" }),
    group: id,
  });
  const result = askHumans([scored("decided", 1), scored("tie", 0), scored("same", 1, ["identical"])], 9);
  expect(result).toMatchObject({ eligible: 1, excluded: 1 });
  expect(result.questions[0]).toEqual({ id: "tie", value: 1, uncertainty: 1, disagreement: 0, repeats: 0 });
});

test("the order of the input does not matter", () => {
  const candidates = Array.from({ length: 40 }, (_, i) => left(`p${i}`, 0.5 + (i % 4) / 10, `g${i % 7}`));
  expect(order(candidates.toReversed(), 20)).toEqual(order(candidates, 20));
});

test("a budget that is no count is refused", () => {
  expect(() => askHumans([], -1)).toThrow("ask: budget is out of range, expected an integer from 0, got -1.");
});
