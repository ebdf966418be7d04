import { expect, test } from "vitest";
import { type AskCandidate, askHumans } from "./ask.ts";
import { binaryEntropy } from "./ensemble.ts";
import { labelFromScores, UNSELECTED } from "./label.ts";
import { drawAtRandom } from "./random-part.ts";
import { sketchTexts } from "./text-sketch.ts";

/** A pair left out by selection, with P(a) = p. */
function left(id: string, p: number, group: string, disagreement?: number): AskCandidate {
  const label = labelFromScores({ id, scoreA: 1, scoreB: 0, teacher: "t" }, { calibrate: () => p });
  const abstained = { ...label, preferred: "abstain" as const, flags: [UNSELECTED] };
  return { label: abstained, group, ...(disagreement === undefined ? {} : { disagreement }) };
}

const order = (candidates: AskCandidate[], budget: number) =>
  askHumans(candidates, budget, { random: 0 }).questions.map(({ id }) => id);

test("the most uncertain pair comes first, disagreement counts, the budget is kept", () => {
  expect(order([left("x", 0.9, "g1"), left("y", 0.55, "g2"), left("z", 0.7, "g3")], 2)).toEqual(["y", "z"]);
  expect(order([left("x", 0.9, "g1", 0.5), left("y", 0.55, "g2", 0)], 1)).toEqual(["x"]);
  expect(order([left("x", 0.9, "g1")], 0)).toEqual([]);
});

test("a second question on the same prompt is worth half, a third a third", () => {
  const candidates = [left("x1", 0.5, "x"), left("x2", 0.5, "x"), left("x3", 0.5, "x"), left("y1", 0.8, "y")];
  // x1: 1; y1: H(.8)/ln 2 = .7219; x2: 1/2; x3: 1/3
  const { questions } = askHumans(candidates, 4, { random: 0 });
  expect(questions.map(({ id }) => id)).toEqual(["x1", "y1", "x2", "x3"]);
  expect(questions[1]!.value).toBeCloseTo(0.7219280948873623, 12);
  expect(questions.map(({ repeats }) => repeats)).toEqual([0, 0, 1, 2]);
});

test("decided labels are not asked; ties are; what nobody can settle is counted and left out", () => {
  const scored = (id: string, a: number, flags: string[] = []) => ({
    label: labelFromScores({ id, scoreA: a, scoreB: 0, flags, teacher: "t" }),
    group: id,
  });
  const result = askHumans([scored("decided", 1), scored("tie", 0), scored("same", 1, ["identical"])], 9, {
    random: 0,
  });
  expect(result).toMatchObject({ eligible: 1, excluded: 1 });
  expect(result.questions[0]).toEqual({
    id: "tie",
    drawn: "useful",
    value: 1,
    uncertainty: 1,
    disagreement: 0,
    repeats: 0,
    similarity: 0,
  });
  expect(
    askHumans([scored("decided", 1), scored("same", 1, ["identical"])], 9, { among: "all", random: 0 }),
  ).toMatchObject({
    eligible: 1,
    excluded: 1,
  });
});

const TOPICS = [
  "the cat slept on the warm stove",
  "a proof of the binomial theorem by induction",
  "bake the bread at two hundred degrees",
  "the parliament passed the budget",
];

/** Pairs on four topics, several wordings of each. */
const worded = Array.from({ length: 60 }, (_, i) => ({
  ...left(`p${String(i).padStart(2, "0")}`, 0.5 + (i % 5) / 50, `g${i}`),
  text: `${TOPICS[i % 4]} ${i}`,
}));

test("the order of the input does not matter", () => {
  const candidates = Array.from({ length: 40 }, (_, i) => left(`p${i}`, 0.5 + (i % 4) / 10, `g${i % 7}`));
  expect(order(candidates.toReversed(), 20)).toEqual(order(candidates, 20));
  expect(order(worded.toReversed(), 20)).toEqual(order(worded, 20));
});

test("near copies of a question wait until the other topics have been asked about", () => {
  const copies = [0.5, 0.51, 0.52].map((p, i) => ({
    ...left(`cat${i}`, p, `c${i}`),
    text: `${TOPICS[0]} ${"!".repeat(i)}`,
  }));
  const other = { ...left("proof", 0.7, "x"), text: TOPICS[1]! };
  const { questions } = askHumans([...copies, other], 4, { random: 0 });
  expect(questions.map(({ id }) => id)).toEqual(["cat0", "proof", "cat1", "cat2"]);
  // equal words: likeness 1, and nothing is left of their worth
  expect(questions[2]!.similarity).toBeCloseTo(1, 5);
  expect(questions[2]!.value).toBeCloseTo(0, 5);
  const topics = askHumans(worded, 4, { random: 0 }).questions.map(({ id }) => Number(id.slice(1)) % 4);
  expect(new Set(topics).size).toBe(4);
});

test("looking again only where it could matter gives what looking at everything gives", () => {
  const { similarity } = sketchTexts(worded.map(({ text }) => text));
  const chosen: number[] = [];
  for (let k = 0; k < 15; k++) {
    const value = (i: number) => {
      const nearest = Math.max(0, ...chosen.map((j) => similarity(i, j)));
      return (binaryEntropy(worded[i]!.label.pA) / Math.LN2) * (1 - nearest);
    };
    const open = [...worded.keys()].filter((i) => !chosen.includes(i));
    chosen.push(open.reduce((best, i) => (value(i) > value(best) ? i : best)));
  }
  expect(order(worded, 15)).toEqual(chosen.map((i) => worded[i]!.label.id));
});

test("texts are alike when their words are, whatever their order, and unlike when they share none", () => {
  const { similarity } = sketchTexts([
    "the cat sat",
    "sat the cat",
    "quantum field theory",
    "猫は寝る",
    "猫が寝る",
    "",
  ]);
  expect(similarity(0, 1)).toBeCloseTo(1, 5);
  expect(similarity(0, 2)).toBeLessThan(0.2);
  expect(similarity(3, 4)).toBeGreaterThan(0.5);
  expect(similarity(5, 5)).toBe(0);
});

test("a budget that is no count is refused", () => {
  expect(() => askHumans([], -1)).toThrow("ask: budget is out of range, expected an integer from 0, got -1.");
});

test("a quarter of the questions is drawn at random from all pairs, decided ones too, whatever they are worth, and stands first", () => {
  const decided = Array.from({ length: 60 }, (_, i) => ({
    label: labelFromScores({ id: `d${i}`, scoreA: 3, scoreB: 0, teacher: "t" }),
    group: `d${i}`,
  }));
  const open = Array.from({ length: 60 }, (_, i) => left(`o${i}`, 0.5, `o${i}`));
  const { questions, random } = askHumans([...decided, ...open], 40);
  expect([questions.length, random]).toEqual([40, 10]);
  const drawn = questions.map(({ drawn: why }) => why);
  expect(drawn).toEqual([...Array(10).fill("random"), ...Array(30).fill("useful")]);
  const labels = [...decided, ...open].map(({ label }) => label);
  expect(questions.slice(0, 10).map(({ id }) => id)).toEqual(drawAtRandom(labels, new Set(), 10));
  expect(new Set(questions.map(({ id }) => id)).size).toBe(40);
  expect(questions.slice(0, 10).some(({ id }) => id.startsWith("d"))).toBe(true);
  expect(() => askHumans(open, 4, { random: 1.5 })).toThrow("expected [0, 1], got 1.5");
});
