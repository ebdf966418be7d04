/** What the labels stage says of the teacher beside its labels, worked out again from what lies beside them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTinyJobs, type TinyJobs } from "../../../test/helpers/tiny-labels.ts";
import { brierScore } from "../../base/stats/reliability.ts";
import { calibratorFromJson, fitCalibrator } from "../../method/labels/calibration.ts";
import { HELD_OUT } from "../../method/labels/held-out-file.ts";
import { labelFromScores } from "../../method/labels/label.ts";
import { CutCollector } from "../../method/labels/selection-stream.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { type Artefact, artefactAt } from "../stages/stage.ts";
import { fitHalf, heldOutFacts } from "./judge-held-out.ts";
import { errorRateOf, keptOf } from "./label-stages.ts";

let jobs: TinyJobs;
beforeAll(async () => {
  jobs = await openTinyJobs();
});
afterAll(() => jobs.close());

const single =
  "teacher: { sft: { batch_size: 8, learning_rate: 0.01 }, prefer: { batch_size: 8, learning_rate: 0.01 } }\nlabel: { held_out: 0.3, calibration: platt }\n";
const heldOutOf = ({ path }: Artefact) => HELD_OUT.read(path("held-out.jsonl"));

test("the calibration that is reported was fitted on one half of the held-out prompts and judged on the other", async () => {
  const { folder, facts, steps } = await jobs.label(single);
  const data = artefactAt("data", steps.find(({ name }) => name === "data")!.folder!, undefined);
  const job = { seed: 22, label: { heldOut: 0.3, folds: 0 } } as MainJob;
  const { half, groups } = await heldOutFacts(job, data);
  const pairs = await heldOutOf(folder);
  const fit = pairs.filter(({ id }) => half.has(groups.get(id)!));
  const check = pairs.filter(({ id }) => !half.has(groups.get(id)!));
  expect(Math.min(fit.length, check.length)).toBeGreaterThan(5);
  const calibrator = fitCalibrator(
    "platt",
    fit.map(({ margin }) => margin),
    fit.map(({ preferred }) => preferred === "a"),
  );
  const after = brierScore(
    check.map(({ margin }) => calibrator.apply(margin)),
    check.map(({ preferred }) => Number(preferred === "a")),
  );
  expect(facts.calibration!.after.n).toBe(check.length);
  expect(facts.calibration!.after.brier!.estimate).toBeCloseTo(after!, 12);
});

test("held-out pairs count as kept by the very rule that keeps labels: a promise's goes by margin, not by confidence", async () => {
  // An isotonic step: all are .9 sure. The promise cuts inside it, at margin 2.
  const heldOut = [3, -2, 1.9, -1].map((margin, i): { id: string; margin: number; preferred: "a" | "b" } => ({
    id: `${i}`,
    margin,
    preferred: "a",
  }));
  const judged = {
    pairs: heldOut,
    pChosen: heldOut.map(() => 0.9),
    agrees: heldOut.map(({ margin }) => margin > 0),
  };
  const collector = new CutCollector({
    kind: "promise",
    level: 0.95,
    maxDisagreement: 0.3,
    heldOutMargins: Array.from({ length: 80 }, (_, i) => (i < 40 ? 2.5 : 1.5)),
    heldOutAgrees: Array.from({ length: 80 }, (_, i) => i < 40),
  });
  for (const scoreA of [2, 1.5, 4])
    collector.add(labelFromScores({ id: `l${scoreA}`, scoreA, scoreB: 0, teacher: "t" }));
  const cut = await collector.cut(() => (async function* () {})());
  expect(cut.promise).toMatchObject({ threshold: 2, heldOut: { n: 40, disagreements: 0 } });
  expect(keptOf(judged, cut)).toEqual({ agree: 1, n: 2 });
});

test("the error rate that flip: auto takes is that of held-out pairs which the selection would keep", async () => {
  const all = await jobs.label(single);
  const top = await jobs.label(single.replace("platt }", "platt, select: { kind: top, percent: 40 } }"));
  const { heldOutAccuracy, heldOutKept } = top.facts;
  expect(heldOutAccuracy).toEqual(all.facts.heldOutAccuracy);
  expect(all.facts.heldOutKept).toBeUndefined();
  // Two pairs to a prompt: the interval's units are fewer than the pairs.
  expect(heldOutAccuracy.share!.estimate).toBeCloseTo(heldOutAccuracy.agree / heldOutAccuracy.n, 12);
  expect(heldOutAccuracy.share!.n).toBeLessThan(heldOutAccuracy.n);
  const { threshold } = top.facts.settings as { threshold: number };
  const calibrator = calibratorFromJson(top.facts.settings.calibrator, "facts.json");
  const heldOut = await heldOutOf(top.folder);
  const kept = heldOut.filter(({ margin }) => calibrator.apply(Math.abs(margin)) >= threshold);
  expect(kept.length).toBeLessThan(heldOut.length);
  const agree = kept.filter(({ margin, preferred }) => margin > 0 === (preferred === "a")).length;
  expect(heldOutKept).toEqual({ agree, n: kept.length });
  expect(await errorRateOf(top.folder)).toBe(1 - agree / kept.length);
  expect(await errorRateOf(all.folder)).toBe(1 - heldOutAccuracy.agree / heldOutAccuracy.n);
});

test("a half on which the teacher is never wrong has no temperature: no report, and no error", () => {
  const judged = (wrong: number) =>
    Array.from({ length: 12 }, (_, i) => {
      const label = labelFromScores({ id: `${i}`, scoreA: 1 + i, scoreB: 0, teacher: "t" });
      return { label: label as typeof label & { preferred: "a" }, prefersA: i >= wrong, unit: `${i}` };
    });
  expect(fitHalf("temperature", judged(0))).toBeUndefined();
  expect(fitHalf("temperature", [])).toBeUndefined();
  expect(fitHalf("temperature", judged(2))?.method).toBe("temperature");
  expect(fitHalf("platt", judged(0))?.method).toBe("platt");
});
