import { expect, test } from "vitest";
import { auditInWords } from "./report.ts";

const interval = (estimate: number, low: number, high: number) => ({
  estimate,
  low,
  high,
  n: 100,
  level: 0.95,
});
const suspects = [0.9, 0.6, 0.5, 0.2].map((probability_wrong) => ({ probability_wrong }));
const plant = (auroc: ReturnType<typeof interval> | null) => ({
  ...{ n: 4, planted: 2, auroc, chance: 0.5, rate: 0.5 },
  precisionAt: [{ k: 2, precision: interval(0.5, 0.2, 0.8) }],
});

test("an audit's first words: how many to read, and whether wrong labels are found at all as far as planted ones tell", () => {
  const [counted, cannot] = auditInWords({ judged: 4, plant: null }, suspects);
  expect(counted).toContain("Of 4 labels 2 are likelier wrong than right");
  expect(cannot).toContain("cannot tell: nothing was planted");
  const said = (auroc: ReturnType<typeof interval> | null) =>
    auditInWords({ judged: 4, plant: plant(auroc) }, suspects)[1]!;
  expect(said(interval(0.8, 0.7, 0.9))).toMatch(
    /^These teachers find planted flips: AUROC 0\.80 \[0\.70, 0\.90\], chance 0\.5; of the first 2 labels 50 % \[20, 80\] were planted, of all 50\.0 % \(2 planted\)\.$/,
  );
  expect(said(interval(0.6, 0.5, 0.7))).toContain("is not shown: AUROC 0.6");
  expect(said(null)).toContain("is not shown: AUROC not measured");
});
