import { expect, test } from "vitest";
import type { CoverageBlock, ReportData } from "../data.ts";
import { labelSections } from "./labels.ts";

const base: ReportData = {
  ...{ title: "t", runId: "r", recipe: { yaml: "", digest: "" }, environment: { version: "1", seed: 1 } },
};
const point = (coverage: number, low: number, high: number, n: number) => ({
  ...{ coverage, accuracy: (low + high) / 2, low, high, n },
});
const captionOf = (...points: CoverageBlock["points"]) => {
  const coverage = [{ labeller: "weak teacher", against: "human", points }];
  const [section] = labelSections({ ...base, coverage });
  const [figures] = section!.blocks;
  return figures!.type === "figures" ? figures!.figures[0]!.caption : "none";
};

test("the coverage curve says what the confidence is good for, as far as the intervals tell", () => {
  const all = point(1, 0.65, 0.71, 500);
  expect(captionOf(all, point(0.1, 0.8, 0.9, 50))).toMatch(
    /^Weak teacher: its confidence tells better labels from worse\. Of the surest 10 % of its labels 85 % \[80, 90\] agree with human \(n = 50\), of all 68\.0 % \[65\.0, 71\.0\]\.$/,
  );
  expect(captionOf(point(0.1, 0.7, 0.9, 50), all)).toContain("tells better labels from worse is not shown");
  expect(captionOf(point(0.1, 0.4, 0.6, 50), all)).toContain("its confidence misleads");
  expect(captionOf(all)).toBeUndefined();
});
