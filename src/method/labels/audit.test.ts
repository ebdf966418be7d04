import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { logistic } from "../../base/stats/special.ts";
import { type AuditedPair, auditFolds, auditLabels, plantFlips, scoreAudit } from "./audit.ts";

/** Pairs whose out-of-fold margin is a true difference plus noise; the human label is the true side. */
function simulated(n: number, noise: number, seed = 1): AuditedPair[] {
  const rng = createRng(seed);
  return Array.from({ length: n }, (_, i) => {
    const truth = rng.normal() * 2;
    return {
      id: `p${String(i).padStart(5, "0")}`,
      group: `g${i >> 1}`,
      margin: truth + noise * rng.normal(),
      human: truth > 0 ? "a" : "b",
    };
  });
}

test("planted flips come first, far above chance, and the noise rate is found", () => {
  const { labels, flipped } = plantFlips(simulated(3000, 0.3), 0.1, createRng(2));
  expect(flipped.size).toBe(300);
  const report = auditLabels(labels, { rng: createRng(3), resamples: 200 });
  const score = scoreAudit(report.ranked, flipped, { rng: createRng(4), ks: [100, 300], resamples: 200 });
  expect(score).toMatchObject({ n: 3000, planted: 300, chance: 0.1 });
  expect(score.auroc!.low).toBeGreaterThan(0.9);
  expect(score.precisionAt[0]!.precision!.low).toBeGreaterThan(0.85);
  expect(score.precisionAt[1]!.precision!.estimate).toBeGreaterThan(0.6);
  expect(report.noiseRate!.estimate).toBeGreaterThan(0.07);
  expect(report.noiseRate!.estimate).toBeLessThan(0.14);
  expect(report.disagreement!.low).toBeGreaterThan(0.1);
  // where this teacher is sure it is right: all that it disagrees with there was planted
  expect(report.disagreementAmongSure!.estimate).toBeGreaterThan(0.07);
  expect(report.disagreementAmongSure!.estimate).toBeLessThan(0.13);
});

test("of a teacher that knows nothing, the audit finds nothing", () => {
  const rng = createRng(5);
  const blind = simulated(2000, 0).map((pair) => ({ ...pair, margin: rng.normal() }));
  const { labels, flipped } = plantFlips(blind, 0.1, createRng(6));
  const report = auditLabels(labels, { rng: createRng(7), resamples: 200 });
  const { auroc } = scoreAudit(report.ranked, flipped, { rng: createRng(8), resamples: 200 });
  // a coin's disagreement
  expect(report.disagreementAmongSure?.estimate ?? 0.5).toBeGreaterThan(0.4);
  expect(auroc!.low).toBeLessThanOrEqual(0.5);
  expect(auroc!.high).toBeGreaterThanOrEqual(0.5);
});

test("no figure bounds the share of wrong labels: people err where pairs are close, and a perfect teacher is surest elsewhere", () => {
  // People follow σ(margin), the teacher knows it exactly: E[1 - σ(|m|)] of the labels are wrong, hardly any of the surest fifth.
  const rng = createRng("close calls");
  const pairs = Array.from({ length: 4000 }, (_, i): AuditedPair & { wrong: boolean } => {
    const margin = 4 * rng.normal();
    const human = rng.next() < logistic(margin) ? "a" : "b";
    return { id: `p${i}`, group: `g${i}`, margin, human, wrong: margin > 0 !== (human === "a") };
  });
  const share = pairs.filter(({ wrong }) => wrong).length / pairs.length;
  expect(share).toBeGreaterThan(0.12);
  const report = auditLabels(pairs, { rng: createRng(11), resamples: 200 });
  expect(report.disagreementAmongSure!.high).toBeLessThan(0.02);
  expect(report.noiseRate!.high).toBeLessThan(share);
  // What does hold here: the teacher is right, so its disagreement is the share.
  expect(report.disagreement!.estimate).toBeCloseTo(share, 12);
});

test("the ranking holds every pair once, and turns round with the candidates", () => {
  const { labels } = plantFlips(simulated(200, 0.5), 0.2, createRng(9));
  const { ranked } = auditLabels(labels, { rng: createRng(10), resamples: 100 });
  expect(ranked.map(({ id }) => id).sort()).toEqual(labels.map(({ id }) => id));
  const mirrored = labels.map(
    (pair): AuditedPair => ({ ...pair, margin: -pair.margin, human: pair.human === "a" ? "b" : "a" }),
  );
  const again = auditLabels(mirrored, { rng: createRng(10), resamples: 100 }).ranked;
  expect(again.map(({ id }) => id)).toEqual(ranked.map(({ id }) => id));
  again.forEach(({ probabilityWrong }, i) => {
    expect(probabilityWrong).toBeCloseTo(ranked[i]!.probabilityWrong, 9);
  });
});

test("folds keep prompts together, are of like size, and do not depend on the order of the rows", () => {
  const groups = simulated(101, 1).map(({ group }) => group);
  const folds = auditFolds(groups, 5, 1);
  const foldOf = new Map(groups.map((group, i) => [group, folds[i]!]));
  groups.forEach((group, i) => {
    expect(folds[i]).toBe(foldOf.get(group));
  });
  const sizes = [0, 1, 2, 3, 4].map((fold) => [...foldOf.values()].filter((f) => f === fold).length);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  expect(auditFolds(groups.toReversed(), 5, 1)).toEqual(folds.toReversed());
  expect(() => auditFolds(["x", "x"], 2, 1)).toThrow("expected from 2 to 1");
});

test("an audit of nothing is refused", () => {
  expect(() => auditLabels([], { rng: createRng(1) })).toThrow("has no pairs");
});
