import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { type Label, UNSELECTED } from "../../method/labels/label.ts";
import { renderMarkdown } from "../../report/markdown.ts";
import { type PoolLabels, poolReliability } from "./report-pool-calibration.ts";

/** Stated .92 by its margin, calibrated to .72 (no edges of bins). The label prefers a where `a`. */
const label = (id: string, a: boolean, over: Partial<Label> = {}): Label => ({
  id,
  preferred: a ? "a" : "b",
  scoreA: 0,
  scoreB: 0,
  margin: (a ? 1 : -1) * Math.log(0.92 / 0.08),
  pA: a ? 0.72 : 0.28,
  pChosen: 0.72,
  flags: [],
  teacher: "t",
  ...over,
});

const known = (over: Partial<PoolLabels>): PoolLabels => ({
  labels: [],
  human: [],
  facts: { ensemble: null },
  job: { label: { calibration: "platt" } },
  options: { clusters: { of: (id) => `g${Number(id) >> 1}`, rng: createRng(1), resamples: 200 } },
  ...over,
});

// 2,000 pairs by two of a group, the person with the teacher in 18 of 25: .2 off before, 0 after.
const N = 2000;
const labels = Array.from({ length: N }, (_, i) => label(String(i), i % 3 === 0));
const human = labels.map(({ id, preferred }, i) => ({
  id,
  preferred: i % 25 < 18 ? (preferred as "a" | "b") : preferred === "a" ? ("b" as const) : ("a" as const),
}));

test("as worked by hand: stated .92, right in .72, calibrated to .72; units are groups", () => {
  const [block] = poolReliability(known({ labels, human }));
  expect(block!.before).toMatchObject([{ n: N }]);
  expect(block!.before[0]!.confidence).toBeCloseTo(0.92, 12);
  expect(block!.before[0]!.accuracy).toBeCloseTo(0.72, 12);
  expect(block!.after![0]!.confidence).toBeCloseTo(0.72, 12);
  expect(block!.eceBefore!.n).toBe(N / 2);
  expect(block!.eceBefore!.estimate).toBeCloseTo(0.2, 2);
  expect(block!.eceBefore!.low).toBeGreaterThan(0.15);
  expect(block!.eceAfter!.low).toBe(0);
  expect(block!.eceAfter!.estimate).toBeLessThan(0.005);
});

test("ties, cut pairs and pairs that nobody judged have no say; what a selection left out has", () => {
  const out = { preferred: "abstain", flags: [UNSELECTED] } as const;
  const more = [
    label("x", true, out),
    label("cut", true, { preferred: "abstain", flags: ["truncated"] }),
    label("tie", true, { preferred: "tie", margin: 0, pA: 0.5, pChosen: null }),
    label("both", true),
    label("unjudged", true),
  ];
  const said = [
    ...["x", "cut", "tie"].map((id) => ({ id, preferred: "b" as const })),
    { id: "both", preferred: "tie" as const },
  ];
  const [block] = poolReliability(known({ labels: more, human: said }));
  expect(block!.after).toMatchObject([{ n: 1, accuracy: 0 }]);
  expect(poolReliability(known({ labels: more, human: [] }))).toEqual([]);
});

test("an ensemble has nothing to show of before", () => {
  const facts = { ensemble: {} } as unknown as PoolLabels["facts"];
  const [block] = poolReliability(known({ labels, human, facts }));
  expect(block!.before).toEqual([]);
  expect(block!.eceBefore).toBeUndefined();
  expect(block!.after).toHaveLength(1);
});

test("the report has a row and a diagram for the pool", () => {
  const reliability = poolReliability(known({ labels, human }));
  const text = renderMarkdown({
    title: "t",
    runId: "r",
    recipe: { yaml: "", digest: "0" },
    environment: { version: "0", seed: 1 },
    reliability,
  });
  expect(text).toContain("Reliability of weak teacher against human on the pool, hidden labels");
  expect(text).toMatch(/\| weak teacher \| human \| the pool, hidden labels \| (19|20)\.\d % \[/);
});
