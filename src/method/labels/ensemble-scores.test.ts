import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mirrorLabel } from "../../../test/helpers/mirror-label.ts";
import { type EnsemblePair, ensembleScore, together, writeEnsembleScores } from "./ensemble-scores.ts";
import { type Label, labelFromScores, UNSELECTED } from "./label.ts";
import { makeLabels } from "./plan-labels.ts";

const member = (id: string, probability: number, flags: readonly string[] = []): Label => {
  const confidence = Math.max(probability, 1 - probability);
  const side = Math.sign(probability - 0.5);
  return labelFromScores(
    { id, scoreA: side, scoreB: 0, flags, teacher: "m" },
    { calibrate: () => confidence },
  );
};
const pairOf = (labels: readonly Label[]): EnsemblePair => ({ labels, lengthA: 2, lengthB: 3, tokens: 7 });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-ensemble-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("the score of an ensemble", () => {
  test("is the log of the mean probability: 0.9, 0.6 and 0.3 are 0.6", () => {
    const { score, uncertainty } = ensembleScore(pairOf([0.9, 0.6, 0.3].map((p) => member("x", p))), "e");
    expect(score.scoreA).toBeCloseTo(Math.log(0.6), 12);
    expect(score.scoreB).toBeCloseTo(Math.log(0.4), 12);
    // h(0.6) = 0.6730; mean of h(0.9) 0.3251, h(0.6) 0.6730, h(0.3) 0.6109 = 0.5363; the difference 0.1367.
    expect(uncertainty.total).toBeCloseTo(0.673, 4);
    expect(uncertainty.expected).toBeCloseTo(0.5363, 4);
    expect(uncertainty.mutualInformation).toBeCloseTo(0.1367, 4);
    expect(uncertainty.agreement).toBeCloseTo(2 / 3, 12);
    expect(uncertainty.pA.map((p) => Math.round(1e9 * p) / 1e9)).toEqual([0.9, 0.6, 0.3]);
  });

  test("a member's selection is no opinion, a blocking flag is everybody's; certainty stays finite", () => {
    const out = { ...member("x", 0.9), preferred: "abstain" as const, flags: [UNSELECTED] };
    const { score, uncertainty } = ensembleScore(pairOf([out, member("x", 0.7)]), "e");
    expect(score.flags).toEqual([]);
    expect(score.scoreA).toBeCloseTo(Math.log(0.8), 12);
    expect(uncertainty.agreement).toBe(1);
    const blocked = ensembleScore(pairOf([member("x", 0.9, ["truncated"]), member("x", 0.7)]), "e").score;
    expect(labelFromScores({ ...blocked, teacher: "e" }).preferred).toBe("abstain");
    const sure = ensembleScore(pairOf([member("x", 1), member("x", 1)]), "e").score;
    expect(Number.isFinite(sure.scoreA - sure.scoreB)).toBe(true);
  });

  test("swapping a and b swaps the scores to the last bit", () => {
    const probability = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(probability, { minLength: 1, maxLength: 5 }), (ps) => {
        const labels = ps.map((p) => member("x", p));
        const there = ensembleScore(pairOf(labels), "e").score;
        const back = ensembleScore(pairOf(labels.map(mirrorLabel)), "e").score;
        expect([back.scoreA, back.scoreB]).toEqual([there.scoreB, there.scoreA]);
      }),
    );
  });
});

describe("a folder of them", () => {
  test("makes labels whose probability is the mean, and a summary over the pairs that have one", async () => {
    const pairs = Array.from({ length: 600 }, (_, i) =>
      pairOf([member(`p${i}`, 0.5 + (i % 5) / 10), member(`p${i}`, 0.9, i === 0 ? ["empty"] : [])]),
    );
    const target = {
      folder: join(folder, "scores"),
      uncertainty: folder,
      name: "e",
      settings: { members: ["x", "y"] },
    };
    const summary = await writeEnsembleScores(target, pairs);
    const { labels, counts } = await makeLabels(join(folder, "scores"), {});
    expect(counts).toMatchObject({ pairs: 600, a: 599, abstain: 1 });
    for (const [i, { pA, preferred }] of labels.entries())
      if (preferred === "a") expect(pA).toBeCloseTo((0.5 + (i % 5) / 10 + 0.9) / 2, 9);
    expect(summary).toMatchObject({ members: 2, agreement: 1 });
    const lines = (await readFile(join(folder, "uncertainty.jsonl"), "utf8")).trim().split("\n");
    expect(lines).toHaveLength(600);
    expect(JSON.parse(lines[1]!)).toMatchObject({ id: "p1", members: 2, agreement: 1 });
  });

  test("of teachers that labelled other pairs is refused", async () => {
    const go = async (...readings: readonly { id: string }[][]) => {
      const seen: string[] = [];
      for await (const [first] of together(readings)) seen.push(first!.id);
      return seen;
    };
    const ids = (...names: string[]) => names.map((id) => ({ id }));
    expect(await go(ids("a", "b"), ids("a", "b"))).toEqual(["a", "b"]);
    await expect(go(ids("a", "b"), ids("a", "c"))).rejects.toThrow(
      /pair "b" is not labelled by every teacher/,
    );
    await expect(go(ids("a", "b"), ids("a"))).rejects.toThrow(/pair "b"/);
  });
});
