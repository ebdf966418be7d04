import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readTable } from "../../../test/helpers/read-table.ts";
import type { CandidatePair } from "../data/rows.ts";
import { TEMPLATE_COLUMNS } from "../data/template-columns.ts";
import { LABEL_COLUMNS } from "../data/writers.ts";
import { controlTeacher } from "../teacher/control-teachers.ts";
import { fitForm, formScores } from "../teacher/score-form.ts";
import { labelPool } from "../teacher/score-pool.ts";
import { readScores } from "../teacher/scores-folder.ts";
import type { PairSource } from "../teacher/shards.ts";
import type { PairScore } from "../teacher/teacher.ts";
import { makeCalibrator } from "./calibration.ts";
import { readLabelFile } from "./label-file.ts";
import { labellingFactsSchema, readLabellingFacts, writeLabelling } from "./labelling.ts";
import {
  countLabels,
  type LabelPlan,
  labelsOf,
  makeLabels,
  planLabels,
  selectLabels,
} from "./plan-labels.ts";
import { applySelection } from "./selection.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "labels-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const pair = (id: string, a: string, b: string): CandidatePair => ({ id, prompt: `p${id}`, a, b });
/** The score of a text is the number it ends in. */
const numbered = controlTeacher(
  "numbered",
  ({ a, b }) => ({ scoreA: Number(a.split(" ").at(-1)), scoreB: Number(b.split(" ").at(-1)) }),
  { control: "gold" },
);
const pool = [
  pair("1", "x 3", "x 1"), // a, margin 2
  pair("2", "x 1", "x 1.5"), // b, margin -0.5
  pair("3", "y 1", "x 1"), // tie
  pair("4", "x 9", "x 9"), // identical
  pair("5", "x 0", "x 4"), // b, margin -4
];
const scoresOf = async (pairs: CandidatePair[] = pool) =>
  (await labelPool({ teacher: numbered, pairs, folder, shardSize: 2 })).folder;

/** Writes a plan's labelling into a folder of that name. */
const written = (name: string, { read, counts, promise, settings }: LabelPlan, pairs: PairSource = pool) =>
  writeLabelling(join(folder, name), {
    labels: read(),
    pairs,
    facts: () => ({ teacher: null, counts, promise, settings }),
  });

describe("makeLabels", () => {
  test("counts everything, and only decided labels weigh anything", async () => {
    const made = await makeLabels(await scoresOf(), { weight: { form: "tanh", temperature: 1, power: 1 } });
    expect(made.labels.map(({ preferred }) => preferred)).toEqual(["a", "b", "tie", "abstain", "b"]);
    expect(made.counts).toEqual({
      pairs: 5,
      a: 1,
      b: 2,
      tie: 1,
      abstain: 1,
      unselected: 0,
      flags: { identical: 1 },
    });
    // CW-PO Eq. 8: tanh(2/2), tanh(0.5/2), tanh(4/2)
    const expected = [0.7615941559557649, 0.24491866240370913, 0, 0, 0.9640275800758169];
    made.weights.forEach((weight, i) => {
      expect(weight).toBeCloseTo(expected[i]!, 12);
    });
    expect(made.labels.every(({ teacher }) => teacher === "numbered")).toBe(true);
  });

  test("selects, bands and calibrates without a teacher, and says in its digest from what", async () => {
    const scores = await scoresOf();
    const preferred = async (rules: Parameters<typeof makeLabels>[1]) =>
      (await makeLabels(scores, rules)).labels.map((label) => label.preferred);
    const out = "abstain";
    expect(await preferred({ tieBand: 0.5 })).toEqual(["a", "tie", "tie", out, "b"]);
    // 34 % of 3 decided labels, rounded: 1, the one of margin 4
    expect(await preferred({ select: { kind: "top", percent: 34 } })).toEqual([out, out, "tie", out, "b"]);
    // σ(2) = 0.88, σ(0.5) = 0.62, σ(4) = 0.98
    const threshold = { kind: "threshold", confidence: 0.8 } as const;
    expect(await preferred({ select: threshold })).toEqual(["a", out, "tie", out, "b"]);
    const calibrator = makeCalibrator("temperature", { slope: 0.25 }, 100);
    // σ(2/4) = 0.62, σ(4/4) = 0.73: none is that sure any more
    expect(await preferred({ select: threshold, calibrator })).toEqual([out, out, "tie", out, out]);
    const digests = await Promise.all(
      [{}, { tieBand: 0.5 }, { select: threshold }, { select: threshold, calibrator }].map(
        async (rules) => (await makeLabels(scores, rules)).digest,
      ),
    );
    expect(new Set(digests).size).toBe(4);
    expect((await makeLabels(scores)).digest).toBe(digests[0]);
  });

  test("keeps what can be promised, by held-out labels, and says what that is", async () => {
    const many = Array.from({ length: 200 }, (_, i) => pair(`${i}`, `x ${i % 20}`, "x 0.5"));
    const scores = await scoresOf(many);
    // Held-out: the sure ones are right, the unsure ones a coin's toss.
    const heldOut = Array.from({ length: 400 }, (_, i) => (i < 200 ? 40 : 1));
    const agrees = heldOut.map((m, i) => m > 20 || i % 2 === 0);
    const select = {
      kind: "promise",
      maxDisagreement: 0.1,
      level: 0.95,
      heldOutMargins: heldOut,
      heldOutAgrees: agrees,
    } as const;
    const { promise, counts, labels } = await makeLabels(scores, { select });
    expect(promise!.bound).toBeLessThanOrEqual(0.1);
    expect(promise!.kept).toHaveLength(counts.a + counts.b);
    expect(counts.unselected).toBeGreaterThan(0);
    const kept = labels.filter(({ preferred }) => preferred === "a");
    expect(kept.every(({ margin }) => margin >= promise!.threshold!)).toBe(true);
  });

  test("of a teacher that scores all pairs equally are ties, whatever the order: nothing to train on", async () => {
    const equal = controlTeacher("equal", () => ({ scoreA: 1, scoreB: 1 }), { control: "random" });
    await labelPool({ teacher: equal, pairs: pool, folder });
    const made = await makeLabels(folder);
    expect(made.counts).toMatchObject({ a: 0, b: 0, tie: 4, abstain: 1 });
    expect(made.weights).toEqual([0, 0, 0, 0, 0]);
    expect(await written("none", await planLabels(folder))).toBe(0);
    expect((await readdir(join(folder, "none"))).sort()).toEqual(["facts.json", "labels.jsonl"]);
  });

  test("mirror when the candidates of every pair change places", async () => {
    const made = await makeLabels(await scoresOf(), { weight: { form: "calibrated", power: 1 } });
    const other = join(folder, "mirror");
    const mirrored = pool.map(({ a, b, ...rest }) => ({ ...rest, a: b, b: a }));
    await labelPool({ teacher: numbered, pairs: mirrored, folder: other });
    const turned = await makeLabels(other, { weight: { form: "calibrated", power: 1 } });
    expect(turned.weights).toEqual(made.weights);
    const rows = async (scores: string, pairs: CandidatePair[], name: string) => {
      await written(name, await planLabels(scores, { weight: { form: "calibrated", power: 1 } }), pairs);
      const text = await readFile(join(folder, name, "training.jsonl"), "utf8");
      return text
        .trim()
        .split("\n")
        .map((line) => ({ ...JSON.parse(line), chosen_index: null }));
    };
    expect(await rows(other, mirrored, "turned")).toEqual(await rows(folder, pool, "made"));
  });

  test("are cut without all of them in memory as with, ties at the edge by id", async () => {
    const score = fc.constantFrom("0", "1", "2", "3");
    const rule = fc.oneof(
      fc.integer({ min: 1, max: 100 }).map((percent) => ({ kind: "top", percent }) as const),
      fc
        .constantFrom(0.5, 0.6, 0.8, 0.95, 1)
        .map((confidence) => ({ kind: "threshold", confidence }) as const),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(score, score), { minLength: 1, maxLength: 30 }),
        rule,
        async (rows, select) => {
          const pairs = rows.map(([a, b], i) => pair(`${(i * 7) % 31}`, `x ${a}`, `y ${b}`));
          const scores = await scoresOf(pairs);
          const whole = await labelsOf(readScores(scores), { form: { form: "sum" }, teacher: "numbered" });
          const { selection } = selectLabels(whole, select);
          const made = await makeLabels(scores, { select });
          expect(made.labels).toEqual(applySelection(whole, selection!));
          expect(made.counts).toEqual(countLabels(made.labels));
          expect(made.settings.threshold).toBe(selection!.threshold);
        },
      ),
      { numRuns: 120 },
    );
  });

  test("refuse an id that comes twice in the pool", async () => {
    await labelPool({ teacher: numbered, pairs: [...pool, pair("1", "x 1", "x 2")], folder, shardSize: 2 });
    await expect(makeLabels(folder)).rejects.toThrow('id "1" comes twice');
  });
});

const isTemplateColumn = (name: string) => (TEMPLATE_COLUMNS as readonly string[]).includes(name);

describe("files", () => {
  test("hold all labels, and as training rows the decided ones with every column", async () => {
    const scores = await scoresOf();
    const made = await makeLabels(scores, { weight: { form: "clip", slope: 1 } });
    expect(await written("all", await planLabels(scores, { weight: { form: "clip", slope: 1 } }))).toBe(3);
    expect(await readLabelFile(join(folder, "all", "labels.jsonl"))).toEqual(made.labels);
    expect(await readLabellingFacts(join(folder, "all"), labellingFactsSchema)).toMatchObject({
      counts: made.counts,
      settings: { weight: { form: "clip" } },
    });
    for (const name of ["training.jsonl", "training.parquet"]) {
      const rows = await readTable(join(folder, "all", name));
      // What goes to a chat template stands in the files of rows that have it.
      const columns = LABEL_COLUMNS.map(({ name }) => name).filter((name) => !isTemplateColumn(name));
      expect(Object.keys(rows[0]!).sort()).toEqual(columns.sort());
      expect(rows.map(({ chosen, rejected }) => [chosen, rejected])).toEqual([
        ["x 3", "x 1"],
        ["x 1.5", "x 1"],
        ["x 4", "x 0"],
      ]);
      expect(rows.map(({ chosen_index, margin, weight }) => [Number(chosen_index), margin, weight])).toEqual([
        [0, 2, 1],
        [1, 0.5, 0.5],
        [1, 4, 1],
      ]);
    }
  });

  test("hold 25,000 rows in groups", async () => {
    const many = Array.from({ length: 25_000 }, (_, i) => pair(`${i}`, `x ${i % 3}`, "x 0.5"));
    const scores = (await labelPool({ teacher: numbered, pairs: many, folder })).folder;
    await written("all", await planLabels(scores), many);
    const rows = await readTable(join(folder, "all", "training.parquet"));
    expect(rows.map(({ id }) => id)).toEqual(many.map(({ id }) => id));
  });

  test("are refused for another pool than was labelled", async () => {
    const plan = await planLabels(await scoresOf());
    await expect(written("no", plan, pool.toReversed())).rejects.toThrow('pair 1 is "5", expected "1"');
    await expect(written("no", plan, pool.slice(0, 4))).rejects.toThrow("more than 4 pairs");
    await expect(written("no", plan, [...pool, pair("6", "x 1", "x 2")])).rejects.toThrow("expected 5 pairs");
    expect(await readdir(join(folder, "no"))).toEqual([]);
  });
});

describe("score forms", () => {
  const score = (scoreA: number, scoreB: number, lengthA: number, lengthB: number, flags: string[] = []) =>
    ({ id: "x", scoreA, scoreB, lengthA, lengthB, tokens: 0, flags }) satisfies PairScore;

  test("divide by length, or take α times the length off", () => {
    const one = score(6, 4, 3, 1);
    expect(formScores(one, { form: "sum" })).toEqual({ scoreA: 6, scoreB: 4 });
    expect(formScores(one, { form: "mean" })).toEqual({ scoreA: 2, scoreB: 4 });
    // 6 - 1.5 · 3, 4 - 1.5 · 1
    expect(formScores(one, { form: "length-corrected", alpha: 1.5 })).toEqual({ scoreA: 1.5, scoreB: 2.5 });
    expect(formScores(score(0, 4, 0, 1, ["empty"]), { form: "mean" })).toEqual({ scoreA: 0, scoreB: 4 });
  });

  test("read the policy's own log-probabilities out of an implicit reward", () => {
    const parts = { policy: [-6, -4], reference: [-9, -9] } as const;
    expect(formScores({ ...score(3, 5, 3, 1), parts }, { form: "policy-sum" })).toEqual({
      scoreA: -6,
      scoreB: -4,
    });
    expect(formScores({ ...score(3, 5, 3, 1), parts }, { form: "policy-mean" })).toEqual({
      scoreA: -2,
      scoreB: -4,
    });
    expect(() => formScores(score(3, 5, 3, 1), { form: "policy-sum" })).toThrow("has no log-probabilities");
  });

  test("fit α on the pool so that longer answers win no more than shorter ones, leaving out what has no label", async () => {
    // Half of the margins is length: r = length / 2 + quality.
    const scores = Array.from({ length: 101 }, (_, i) => {
      const [la, lb, quality] = [10 + (i % 7), 10 + (i % 5), ((i * 37) % 11) - 5];
      return score(la / 2 + quality / 100, lb / 2, la, lb);
    });
    const broken = score(1e9, 0, 1000, 1, ["truncated"]);
    const form = await fitForm({ form: "length-corrected" }, [...scores, broken]);
    expect(form).toEqual(await fitForm({ form: "length-corrected" }, scores));
    expect((form as { alpha: number }).alpha).toBeCloseTo(0.5, 1);
    expect(await fitForm({ form: "length-corrected", alpha: 2 }, scores)).toEqual({
      form: "length-corrected",
      alpha: 2,
    });
    const gap = async (fitted: Parameters<typeof labelsOf>[1]["form"]) => {
      const labels = await labelsOf(scores, { form: fitted, teacher: "t" });
      const gaps = labels.map(
        ({ margin }, i) => Math.sign(margin) * (scores[i]!.lengthA - scores[i]!.lengthB),
      );
      return gaps.reduce((total, g) => total + g, 0) / gaps.length;
    };
    expect(await gap({ form: "sum" })).toBeGreaterThan(1);
    expect(Math.abs(await gap(form))).toBeLessThan(0.2);
  });
});
