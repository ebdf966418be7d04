import { expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import { logistic } from "../stats/special.ts";
import { fitCalibrator } from "./calibration.ts";
import { type AnswerRules, type HeldOutPair, mergeAnswers } from "./human-answers.ts";
import { type Label, labelFromScores } from "./label.ts";
import { parseLabels, serializeLabel } from "./label-file.ts";
import { applySelection, selectThreshold } from "./selection.ts";

const rules: AnswerRules = {
  calibrator: null,
  tieBand: 0,
  select: { rule: "all" },
  weight: { form: "tanh" },
};

const label = (id: string, margin: number, flags: string[] = []): Label =>
  labelFromScores({ id, scoreA: margin, scoreB: 0, flags, teacher: "weak" });

/** People who follow σ(m / 2): the teacher's margins are twice too large. */
function people(n: number, seed: string): { pairs: HeldOutPair[]; labels: Label[] } {
  const rng = createRng(seed);
  const pairs = Array.from({ length: n }, (_, i): HeldOutPair => {
    const margin = 3 * rng.normal();
    return { id: `${seed}${i}`, margin, preferred: rng.next() < logistic(margin / 2) ? "a" : "b" };
  });
  return { pairs, labels: pairs.map(({ id, margin }) => label(id, margin)) };
}

test("an answered pair carries the human label and full weight; the others stay the teacher's", () => {
  const merged = mergeAnswers(
    [label("x", 2), label("y", -0.5), label("z", 1)],
    [
      { id: "x", preferred: "b" },
      { id: "z", preferred: "tie" },
    ],
    [],
    rules,
  );
  const [x, y, z] = merged.labels;
  expect(x).toMatchObject({ preferred: "b", teacher: "human", probability: 0, confidence: 1, margin: -1 });
  expect(y).toEqual(label("y", -0.5));
  expect(z).toMatchObject({ preferred: "tie", teacher: "human" });
  // tanh(.5 / 2) for the teacher's, the most for a person's, nothing for a tie
  expect(merged.weights).toEqual([1, Math.tanh(0.25), 0]);
  expect(merged.teacherLabels).toEqual([label("x", 2), label("z", 1)]);
  expect(merged.teacherOnAnswered).toEqual({ agree: 0, n: 1 });
  expect(merged.refitted).toBe(false);
  expect(parseLabels(merged.labels.map(serializeLabel).join("\n"), "f")).toEqual(merged.labels);
});

test("answers move the calibrator towards the truth, also when only unsure pairs were asked about", () => {
  const { labels, pairs } = people(6000, "p");
  // 12 held-out pairs on which the teacher is never wrong: far too steep
  const heldOut = Array.from(
    { length: 12 },
    (_, i): HeldOutPair => ({ id: `h${i}`, margin: 1 + i / 10, preferred: "a" }),
  );
  const before = fitCalibrator(
    "platt",
    heldOut.map(({ margin }) => margin),
    heldOut.map(() => true),
  );
  const asked = pairs.filter(({ margin }) => Math.abs(margin) < 1.5);
  const merged = mergeAnswers(labels, asked, heldOut, { ...rules, calibrator: before });
  expect(merged.refitted).toBe(true);
  // the truth at margin 2 is σ(1) = .731
  expect(Math.abs(before.apply(2) - logistic(1))).toBeGreaterThan(0.15);
  expect(merged.calibrator!.apply(2)).toBeCloseTo(logistic(1), 1);
  const unasked = merged.labels.find(({ teacher, margin }) => teacher === "weak" && margin > 1.5)!;
  expect(unasked.probability).toBe(merged.calibrator!.apply(unasked.margin));
});

test("selection is made again over the teacher's labels; what a person settled is kept whatever its margin", () => {
  const labels = [label("sure", 3), label("unsure", 0.1), label("other", 0.2)];
  const selected = applySelection(labels, selectThreshold(labels, 0.9));
  expect(selected.map(({ preferred }) => preferred)).toEqual(["a", "abstain", "abstain"]);
  const merged = mergeAnswers(selected, [{ id: "unsure", preferred: "b" }], [], {
    ...rules,
    select: { rule: "threshold", minConfidence: 0.9 },
  });
  expect(merged.labels.map(({ preferred }) => preferred)).toEqual(["a", "b", "abstain"]);
  expect(merged.labels[1]!.flags).toEqual([]);
  expect(merged.counts).toMatchObject({ a: 1, b: 1, abstain: 1, unselected: 1 });
});

test("a promise rests on held-out pairs alone, and without them is refused", () => {
  const select = { rule: "promise", maxDisagreement: 0.3, level: 0.9 } as const;
  const { pairs } = people(400, "h");
  const { labels } = people(500, "pool");
  const calibrator = fitCalibrator(
    "platt",
    pairs.map(({ margin }) => margin),
    pairs.map(({ preferred }) => preferred === "a"),
  );
  const with_ = { ...rules, calibrator, select };
  const answers = labels
    .slice(0, 200)
    .map(({ id, margin }) => ({ id, preferred: margin > 0 ? ("a" as const) : ("b" as const) }));
  const flattering = mergeAnswers(labels, answers, pairs, with_);
  const none = mergeAnswers(labels, [], pairs, with_);
  // 200 answers that all agree with the teacher change no count that the promise rests on
  expect(flattering.promise!.heldOut).toEqual(none.promise!.heldOut);
  expect(() => mergeAnswers(labels, answers, [], with_)).toThrow("selected with a promise");
});
