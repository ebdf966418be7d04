import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { mean, standardDeviation } from "../../base/stats/describe.ts";
import { logistic } from "../../base/stats/special.ts";
import { fitCalibrator } from "./calibration.ts";
import { type AnswerRules, type HeldOutPair, mergeAnswers } from "./human-answers.ts";
import { type Label, labelFromScores } from "./label.ts";
import { parseLabels, serializeLabel } from "./label-file.ts";
import { drawAtRandom, drawingOrder } from "./random-part.ts";
import { applySelection, selectThreshold } from "./selection.ts";

const rules: AnswerRules = {
  calibrator: null,
  tieBand: 0,
  select: { kind: "all" },
  weight: { form: "tanh", temperature: 1, power: 1 },
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
  expect(x).toMatchObject({ preferred: "b", teacher: "human", pA: 0, pChosen: 1, margin: -1 });
  expect(y).toEqual(label("y", -0.5));
  expect(z).toMatchObject({ preferred: "tie", teacher: "human" });
  // tanh(.5 / 2) for the teacher's, the most for a person's, nothing for a tie
  expect(merged.weights).toEqual([1, Math.tanh(0.25), 0]);
  expect(merged.teacherLabels).toEqual([label("x", 2), label("z", 1)]);
  expect(merged.teacherOnAnswered).toMatchObject([{ right: false }]);
  expect(merged.refitted).toBe(false);
  expect(parseLabels(merged.labels.map(serializeLabel).join("\n"), "f")).toEqual(merged.labels);
});

/** Answers of people who are sure of easy pairs only: P(a) is σ(margin) there, and a coin's toss where a pair's text is odd. */
function oddWorld(seed: string, n: number) {
  const rng = createRng(seed);
  const pairs = Array.from({ length: n }, (_, i) => {
    const [margin, odd] = [2 * rng.normal(), rng.next() < 0.3];
    const preferred = rng.next() < (odd ? 0.5 : logistic(margin)) ? ("a" as const) : ("b" as const);
    return { id: `${seed} ${i}`, margin, odd, preferred };
  });
  return { pairs, labels: pairs.map(({ id, margin }) => label(id, margin)) };
}

test("the refit is that of a random sample: unbiased though the other questions are chosen by text; a fit on all is not", () => {
  // The truth: the slope that fits the whole pool best, 20,000 pairs: about .5.
  const whole = oddWorld("whole", 20_000).pairs;
  const slopeOn = (pairs: readonly HeldOutPair[]) => {
    const fit = fitCalibrator(
      "platt",
      pairs.map(({ margin }) => margin),
      pairs.map(({ preferred }) => preferred === "a"),
    );
    return (fit.params as { slope: number }).slope;
  };
  const truth = slopeOn(whole);
  const runs = 60;
  const slopes = { drawn: [] as number[], all: [] as number[] };
  for (let run = 0; run < runs; run++) {
    const { pairs, labels } = oddWorld(`run ${run}`, 600);
    const random = new Set(drawAtRandom(labels, new Set(), 100));
    // Unlike texts are asked about first, at every margin.
    const useful = pairs.filter(({ id, odd }) => odd && !random.has(id)).slice(0, 100);
    const answers = [
      ...pairs.filter(({ id }) => random.has(id)).map((pair) => ({ ...pair, drawn: "random" as const })),
      ...useful.map((pair) => ({ ...pair, drawn: "useful" as const })),
    ];
    const merged = mergeAnswers(labels, answers, [], rules);
    expect(merged.random).toEqual({ n: 100, unanswered: 0 });
    slopes.drawn.push((merged.calibrator!.params as { slope: number }).slope);
    slopes.all.push(slopeOn(answers));
  }
  const off = (values: readonly number[]) =>
    (mean(values) - truth) / (standardDeviation(values) / Math.sqrt(runs));
  // Within three standard errors of 60 runs (and a finite-sample bias of Platt's targets well below one); all answers are far off.
  expect(Math.abs(off(slopes.drawn))).toBeLessThan(3);
  expect(off(slopes.all)).toBeLessThan(-10);
});

test("answers that were not drawn at random label their pairs and calibrate nothing", () => {
  const { labels, pairs } = people(300, "p");
  const merged = mergeAnswers(labels, pairs.slice(0, 100), [], rules);
  expect(merged).toMatchObject({ refitted: false, calibrator: null, random: { n: 0, unanswered: 0 } });
  expect(merged.counts.a + merged.counts.b).toBe(300);
  expect(merged.labels.filter(({ teacher }) => teacher === "human")).toHaveLength(100);
});

test("a useful pair answered before it was drawn belongs to the random sample; pairs drawn and not answered are counted", () => {
  const { labels, pairs } = people(200, "q");
  const byId = new Map(pairs.map((pair) => [pair.id, pair]));
  const order = drawingOrder(labels);
  // The second of the order was asked about in an earlier round because it was useful; the fourth nobody answered.
  const answers = [
    ...order
      .slice(0, 30)
      .flatMap((id, i) =>
        i === 3 ? [] : [{ ...byId.get(id)!, drawn: i === 1 ? ("useful" as const) : ("random" as const) }],
      ),
    { ...byId.get(order[100]!)!, drawn: "useful" as const },
  ];
  const merged = mergeAnswers(labels, answers, [], rules);
  expect(merged).toMatchObject({ refitted: true, random: { n: 29, unanswered: 1 }, calibrator: { n: 29 } });
});

test("a held-out pair that people answered is held out no longer: neither the promise nor the fit counts it", () => {
  const { labels } = people(300, "pool");
  const { pairs } = people(60, "h");
  const both = { ...pairs[0]!, id: labels[0]!.id };
  const select = { kind: "promise", maxDisagreement: 0.45, level: 0.8 } as const;
  const answer = { id: both.id, preferred: "a", drawn: "useful" } as const;
  const with_ = mergeAnswers(labels, [answer], [...pairs, both], { ...rules, select });
  const without = mergeAnswers(labels, [answer], pairs, { ...rules, select });
  expect(with_.promise).toEqual(without.promise);
});

test("selection is made again over the teacher's labels; what a person settled is kept whatever its margin", () => {
  const labels = [label("sure", 3), label("unsure", 0.1), label("other", 0.2)];
  const selected = applySelection(labels, selectThreshold(labels, 0.9));
  expect(selected.map(({ preferred }) => preferred)).toEqual(["a", "abstain", "abstain"]);
  const merged = mergeAnswers(selected, [{ id: "unsure", preferred: "b" }], [], {
    ...rules,
    select: { kind: "threshold", confidence: 0.9 },
  });
  expect(merged.labels.map(({ preferred }) => preferred)).toEqual(["a", "b", "abstain"]);
  expect(merged.labels[1]!.flags).toEqual([]);
  expect(merged.counts).toMatchObject({ a: 1, b: 1, abstain: 1, unselected: 1 });
});

test("a promise rests on held-out pairs alone, and without them is refused", () => {
  const select = { kind: "promise", maxDisagreement: 0.3, level: 0.9 } as const;
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
