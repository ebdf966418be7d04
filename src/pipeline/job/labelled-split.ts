/**
 * The labelled pairs: which of them a teacher learns from, and which it is measured on. No prompt is in both, and no dialogue or group of prompts.
 * Without folds a share is kept from training; with K folds each is scored by a teacher that learned from the others, and the last
 * teacher learns from all.
 */
import { createRng } from "../../base/core/rng.ts";
import { groupBy } from "../../base/stats/describe.ts";
import { toCandidates } from "../../method/data/candidates.ts";
import { splitKey, unitOf } from "../../method/data/normalise.ts";
import type { CandidatePair, HumanLabel, PreferenceRow } from "../../method/data/rows.ts";
import { taughtRows } from "../../method/split/labelled-part.ts";
import { splitRows } from "../../method/split/split.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { Artefact } from "../stages/stage.ts";
import { readLabelled, readTest } from "./data-files.ts";

/** What of the labelled rows: `fold` counts from 0, and is undefined for the teacher that labels the pool. */
export type SplitPart = { readonly fold?: number | undefined };

/** Rows to learn from and rows to be measured on. */
export type LabelledSplit = {
  readonly train: readonly PreferenceRow[];
  readonly heldOut: readonly PreferenceRow[];
};

/** What decides which labelled rows are held out. */
export type SplitRule = {
  readonly seed: number;
  readonly label: Pick<MainJob["label"], "heldOut" | "folds">;
};

/** The labelled rows in two; what a study does to them is done to those that are learned from. */
export async function splitLabelled(
  data: Artefact,
  job: SplitRule & Pick<MainJob, "labelled">,
  part: SplitPart = {},
): Promise<LabelledSplit> {
  const { train, heldOut } = splitRowsOf(await readLabelled(data), job, part);
  return { heldOut, train: job.labelled === undefined ? train : taughtRows(train, job.labelled) };
}

/** The labelled rows in two, as they are. */
export function splitRowsOf(
  rows: readonly PreferenceRow[],
  { seed, label }: SplitRule,
  { fold }: SplitPart = {},
): LabelledSplit {
  const { heldOut, folds } = label;
  const measured = measurable(rows);
  if (folds > 0) {
    if (fold === undefined) return { train: rows, heldOut: measured };
    const mine = foldsOf(rows, folds, seed);
    const inside = (row: PreferenceRow) => mine.get(unitOf(row)) === fold;
    return { train: rows.filter((row) => !inside(row)), heldOut: measured.filter(inside) };
  }
  if (heldOut === 1) return { train: [], heldOut: measured };
  // The data stage has written each row's dialogue as its group.
  const split = (from: readonly PreferenceRow[], share: number) =>
    splitRows(from, { seed, parts: { heldOut: share, train: 1 - share }, by: splitKey }).parts;
  if (measured.length === rows.length) return split(rows, heldOut);
  const inMeasured = new Set(measured);
  const others = new Set(rows.filter((row) => !inMeasured.has(row)).map(splitKey));
  const whole = measured.filter((row) => !others.has(splitKey(row)));
  if (whole.length === 0) return { train: rows, heldOut: [] };
  // As many as of all rows, where only some can be held out.
  const kept = split(whole, Math.min(0.9, (heldOut * rows.length) / whole.length)).heldOut;
  const ids = new Set(kept.map(({ id }) => id));
  return { heldOut: kept, train: rows.filter(({ id }) => !ids.has(id)) };
}

const isAsked = ({ meta }: PreferenceRow) => meta?.asked !== undefined;

/**
 * Rows that a teacher may be measured and calibrated on: those nobody was asked about, or, where people were asked about all, those that were
 * drawn at random. No promise rests on the latter (`promisable`).
 */
function measurable(rows: readonly PreferenceRow[]): readonly PreferenceRow[] {
  const own = rows.filter((row) => !isAsked(row));
  return own.length > 0 ? own : rows.filter(({ meta }) => meta?.asked === "random");
}

/** Whether a promise may rest on what is held out of rows: people were not asked about all of them. */
export const promisable = (rows: readonly PreferenceRow[]): boolean => rows.some((row) => !isAsked(row));

/** Which fold each prompt (or group) is in: folds of the same number of them, give or take one. */
function foldsOf(rows: readonly PreferenceRow[], folds: number, seed: number): ReadonlyMap<string, number> {
  const units = [...new Set(rows.map(unitOf))].sort();
  const drawn = createRng(seed).fork("calibration-folds").shuffle(units);
  return new Map(drawn.map((unit, i) => [unit, i % folds]));
}

/** A sample of the prompts (or groups) with replacement, as many as there are; one drawn twice brings its rows twice. */
export function bootstrapRows(rows: readonly PreferenceRow[], seed: number): PreferenceRow[] {
  const byUnit = new Map(groupBy(rows, unitOf).map((group) => [unitOf(group[0]!), group]));
  const units = [...byUnit.keys()].sort();
  const rng = createRng(seed).fork("bootstrap");
  return units.flatMap(() => byUnit.get(units[rng.int(units.length)]!)!);
}

/** The pairs a teacher is measured on, in the order of the folds, with what people said of them and the rows they are of. */
export async function heldOutPairs(
  data: Artefact,
  rule: SplitRule,
  part: SplitPart = {},
): Promise<{
  pairs: readonly CandidatePair[];
  human: readonly HumanLabel[];
  rows: readonly PreferenceRow[];
}> {
  const { heldOut } = splitRowsOf(await readLabelled(data), rule, part);
  const { pairs, humanLabels } = toCandidates(heldOut, rule.seed);
  return { pairs, human: humanLabels, rows: heldOut };
}

/** The labelled test pairs as candidates in an order drawn by the seed, with what people said of them. */
export async function testPairs(
  data: Artefact,
  { seed }: Pick<MainJob, "seed">,
): Promise<{ pairs: readonly CandidatePair[]; human: readonly HumanLabel[] }> {
  const { pairs, humanLabels } = toCandidates(await readTest(data), seed);
  return { pairs, human: humanLabels };
}
