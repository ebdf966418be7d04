import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { readCandidates } from "../../method/data/load.ts";
import { fitCalibrator } from "../../method/labels/calibration.ts";
import { readLabelFile } from "../../method/labels/label-file.ts";
import { readLabellingFacts } from "../../method/labels/labelling.ts";
import type { Scores } from "../../method/teacher/controls.ts";
import { type LabelPoolRequest, labelPoolFile } from "./label-pool.ts";
import { labelFactsSchema } from "./label-stage.ts";

let folder: string;
const at = (name: string) => join(folder, name);
const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/** Every fourth pair is easy for the cheap teacher: a large margin, and nearly always right. */
const isEasy = (i: number) => i % 4 === 0;
const rng = createRng(5);
/** Margins of both teachers for the better response, by pair. */
const margins = Array.from({ length: 500 }, (_, i) => {
  const sign = (right: number) => (rng.next() < right ? 1 : -1);
  return {
    cheap: (isEasy(i) ? 4 : 0.3) * (1 + rng.next()) * sign(isEasy(i) ? 0.97 : 0.6),
    dear: (1 + rng.next()) * sign(isEasy(i) ? 0.99 : 0.85),
  };
});
const POOL = 300;
const pairs = margins.map((_, i) => ({
  id: `r${i}`,
  prompt: `p${i}`,
  chosen: ` good ${i}`,
  rejected: ` bad ${i}`,
}));

/** Scores of the better response first, turned where the reader turned the pair. */
async function rewards(who: "cheap" | "dear", takes: (i: number) => boolean = () => true) {
  const map = new Map<string, Scores>();
  for (const [i, margin] of margins.entries())
    if (takes(i)) map.set(`r${i}`, { scoreA: margin[who] * side(`r${i}`), scoreB: 0 });
  return map;
}
let firstIsBetter: ReadonlyMap<string, boolean>;
const side = (id: string) => (firstIsBetter.get(id) ? 1 : -1);

const call = (
  who: "cheap" | "dear",
  out: string,
  more: Partial<LabelPoolRequest> = {},
): LabelPoolRequest => ({
  ...{
    pool: at("pool.jsonl"),
    calibrate: at("held-out-pairs.jsonl"),
    set: [],
    seed: 1,
    code: "1.0.0",
    out: at(out),
  },
  ...{ teacher: { kind: "gold", rewards: () => rewards(who) }, read: { onBadRow: "fail" } },
  ...more,
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-cascade-"));
  await writeFile(at("pool.jsonl"), lines(pairs.slice(0, POOL)));
  await writeFile(at("held-out-pairs.jsonl"), lines(pairs.slice(POOL)));
  const read = await Promise.all(
    ["pool.jsonl", "held-out-pairs.jsonl"].map(
      async (name) => (await readCandidates(at(name), { onBadRow: "fail", seed: 1 })).pairs,
    ),
  );
  firstIsBetter = new Map(read.flat().map(({ id, a }) => [id, JSON.stringify(a).includes("good")]));
  await labelPoolFile(call("cheap", "cheap"));
});
afterAll(() => rm(folder, { recursive: true }));

const logOdds = (p: number) => Math.log(p / (1 - p));

test("the first teacher's labels stay where it is sure, the second reads the rest, and one curve goes over both", async () => {
  const cheap = new Map((await readLabelFile(at("cheap/labels.jsonl"))).map((label) => [label.id, label]));
  const sure = (p: number) => Math.max(p, 1 - p) >= 0.9;
  const kept = [...cheap.values()].filter(({ pA }) => sure(pA)).map(({ id }) => id);
  expect(kept.length).toBeGreaterThan(50);
  expect(kept.length).toBeLessThan(100);
  // Scores for no pair but those that it may be asked.
  const teacher = {
    kind: "gold" as const,
    rewards: () => rewards("dear", (i) => i >= POOL || !kept.includes(`r${i}`)),
  };
  await labelPoolFile(call("dear", "both", { teacher, after: { folder: at("cheap") } }));
  const labels = await readLabelFile(at("both/labels.jsonl"));
  const facts = await readLabellingFacts(at("both"), labelFactsSchema);

  // The same by hand, over the margins for the better response.
  const held = margins.slice(POOL);
  const first = fitCalibrator("temperature", ...judged(held.map(({ cheap: margin }) => margin)));
  const left = held.filter((margin) => !sure(first.apply(margin.cheap)));
  const second = fitCalibrator("temperature", ...judged(left.map(({ dear }) => dear)));
  const word = ({ cheap: c, dear: d }: (typeof margins)[number]) =>
    sure(first.apply(c)) ? logOdds(first.apply(c)) : logOdds(second.apply(d));
  const whole = fitCalibrator("temperature", ...judged(held.map(word)));
  for (const [i, label] of labels.entries()) {
    const own = word(margins[i]!) * side(label.id);
    expect(label.preferred).toBe(own > 0 ? "a" : "b");
    expect(label.pA).toBeCloseTo(whole.apply(own), 6);
    expect(label.teacher).toBe("cascade");
  }
  const right = (values: readonly number[]) => values.filter((margin) => margin > 0).length;
  expect(facts.teacher).toMatchObject({ name: "cascade", kind: "cascade" });
  expect(facts.cascade).toMatchObject({
    ...{ sure: 0.9, pairs: POOL, asked: POOL - kept.length },
    heldOut: {
      asked: left.length,
      first: { agree: right(held.map(({ cheap: margin }) => margin)), n: held.length },
      second: { agree: right(held.map(({ dear }) => dear)), n: held.length },
      cascade: { agree: right(held.map(word)), n: held.length },
    },
  });
  // Nothing is scored again under another selection.
  const wasScored = async () => (await readdir(at("both"))).includes("log");
  expect(await wasScored()).toBe(true);
  await labelPoolFile(
    call("dear", "both", {
      teacher,
      after: { folder: at("cheap") },
      set: ["select.kind=top", "select.percent=50"],
    }),
  );
  expect((await readLabellingFacts(at("both"), labelFactsSchema)).counts.unselected).toBe(POOL / 2);
  expect(await wasScored()).toBe(false);
});

/** Margins and answers of people who see every pair from both sides at random: fits are of |margin|, so the side tells nothing. */
const judged = (values: readonly number[]): [number[], boolean[]] => [[...values], values.map(() => true)];

test("what cannot be the first of a cascade is refused before anything is scored", async () => {
  const never = { kind: "gold" as const, rewards: () => Promise.reject(new Error("was opened")) };
  const refusal = (more: Partial<LabelPoolRequest>) =>
    labelPoolFile(call("dear", "never", { teacher: never, after: { folder: at("cheap") }, ...more }));
  await labelPoolFile({ ...call("cheap", "bare"), calibrate: undefined });
  await writeFile(at("other.jsonl"), lines(pairs.slice(POOL, POOL + 50)));
  await expect(refusal({ after: { folder: at("bare") } })).rejects.toThrow(
    /--after .*bare: was not calibrated/,
  );
  await expect(refusal({ after: { folder } })).rejects.toThrow("is no folder that label wrote");
  await expect(refusal({ pool: at("other.jsonl") })).rejects.toThrow("holds labels of another pool");
  await expect(refusal({ calibrate: at("other.jsonl") })).rejects.toThrow("was calibrated on other pairs");
  await expect(refusal({ calibrate: undefined })).rejects.toThrow("--calibrate: is missing");
  await expect(refusal({ seed: 2 })).rejects.toThrow("was read with another --seed");
  await expect(refusal({ after: { folder: at("cheap"), sure: 0.5 } })).rejects.toThrow(
    "sure of all 300 pairs",
  );
  await expect(refusal({ out: at("cheap") })).rejects.toThrow("is the folder of --after");
  await expect(refusal({ set: ["select.kind=promise", "select.max_disagreement=0.2"] })).rejects.toThrow(
    "a promise needs pairs that neither teacher was calibrated on",
  );
});
