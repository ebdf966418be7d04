import { describe, expect, it } from "vitest";
import { answerSentences } from "./answer.ts";
import type { Difference, ReportData } from "./data.ts";

const base: ReportData = {
  ...{ title: "t", runId: "r", recipe: { yaml: "", digest: "" }, environment: { version: "1", seed: 1 } },
  question: { weak: "weak", human: "human" },
};
const interval = (estimate: number, low: number, high: number, n = 200) => ({ estimate, low, high, n });
const difference = (low: number, high: number, more: Partial<Difference> = {}): Difference => ({
  ...{ a: "weak", b: "human", metric: "gold reward", unit: "prompts" },
  value: interval((low + high) / 2, low, high),
  ...more,
});
const parity = {
  ...{ shown: true, share: 0.5, over: "human", start: "sft", size: 0.2, pValue: 0.01 },
  ...{ smallestShare: 0.3, smallestMargin: 0.1 },
};
const said = (...differences: Difference[]) => answerSentences({ ...base, differences });

describe("the answer", () => {
  it("says of one run of each which is ahead, and never that labels match", () => {
    expect(said(difference(0.1, 0.3))[0]).toMatch(
      /^The student of weak labels is ahead of the one of human labels: weak − human in gold reward is \+0\.20 \[.*several seeds can tell/,
    );
    expect(said(difference(-0.3, -0.1))[0]).toContain("is behind the one of human labels");
    expect(said(difference(-0.3, -0.1, { moreIsBetter: false }))[0]).toContain("is ahead of");
    expect(said(difference(-0.1, 0.1))[0]).toMatch(
      /^Whether weak labels match human labels this run cannot tell: .*, with one run of each\.$/,
    );
    expect(said(difference(0.1, 0.3, { pAdjusted: 0.2 }))[0]).toContain("this run cannot tell");
  });
  it("speaks of labels where several seeds were trained, and of a match only where the test says so", () => {
    const methods = { scope: "methods" as const };
    expect(said(difference(-0.1, 0.1, { ...methods, parity }))[0]).toMatch(
      /^Weak labels match human labels here, within half of what human gains over sft \(0\.2\d*\): /,
    );
    expect(said(difference(-0.1, 0.1, methods))[0]).toContain("these runs cannot tell");
    expect(said(difference(0.1, 0.3, methods))[0]).toContain("Weak labels do better than human labels here");
    expect(said(difference(-0.3, -0.1, methods))[0]).toContain("do worse than human labels");
  });
  it("without gold says that it cannot tell, then agreement, accuracy and length bias", () => {
    const sentences = answerSentences({
      ...base,
      agreement: [{ labeller: "weak teacher", against: "human", agreement: interval(0.7, 0.65, 0.75, 500) }],
      arms: [{ name: "sft" }, { name: "weak", testAccuracy: interval(0.6, 0.5, 0.7, 100) }],
      lengthBias: [
        {
          ...{ labeller: "weak teacher", against: "human", longerPreferred: interval(0.6, 0.5, 0.7) },
          longerPreferredByReference: interval(0.5, 0.4, 0.6),
        },
      ],
    });
    expect(sentences[0]).toContain("cannot tell: no gold scorer judged the students' responses");
    expect(sentences[1]).toMatch(/^Agreement: weak teacher and human label 70.* of 500 pairs alike\.$/);
    expect(sentences[2]).toMatch(/^Test accuracy: weak 60.* \(n = 100\)\.$/);
    expect(sentences[3]).toMatch(
      /^Length bias: weak teacher prefers the longer response in 60.*, human in 50/,
    );
    expect(sentences).toHaveLength(4);
  });
  it("does not speak of missing gold where others were compared", () => {
    expect(said(difference(0.1, 0.3, { b: "sft" }))).toEqual([
      "Whether weak labels match human labels this run cannot tell: it did not compare weak with human.",
    ]);
  });
  it("is silent where nothing of the kind is asked, as in audits and comparisons", () => {
    const { question: _, ...rest } = base;
    expect(answerSentences({ ...rest, differences: [difference(0.1, 0.3)] })).toEqual([]);
  });
});
