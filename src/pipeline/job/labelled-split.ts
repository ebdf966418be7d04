/**
 * The labelled pairs: which of them a teacher learns from, and which it is measured on. No prompt is in both. Without folds a share
 * is kept from training; with K folds each is scored by a teacher that learned from the others, and the last teacher learns from all.
 */
import { createRng } from "../../core/rng.ts";
import { toCandidates } from "../../data/candidates.ts";
import { type CandidatePair, type HumanLabel, type PreferenceRow, promptId } from "../../data/rows.ts";
import { splitRows } from "../../data/split.ts";
import type { Artefact } from "../stage.ts";
import { readLabelled, readTest } from "./data-files.ts";
import { taughtRows } from "./labelled-part.ts";
import type { MainJob } from "./settings.ts";

/** What of the labelled rows: `fold` counts from 0, and is undefined for the teacher that labels the pool. */
export type SplitPart = { readonly fold?: number | undefined };

/** Rows to learn from and rows to be measured on. */
export type LabelledSplit = {
  readonly train: readonly PreferenceRow[];
  readonly heldOut: readonly PreferenceRow[];
};

type SplitJob = Pick<MainJob, "seed" | "label" | "labelled">;

/** The labelled rows in two; what a study does to them is done to those that are learned from. */
export async function splitLabelled(
  data: Artefact,
  job: SplitJob,
  part: SplitPart = {},
): Promise<LabelledSplit> {
  const { train, heldOut } = splitRowsOf(await readLabelled(data), job, part);
  return { heldOut, train: job.labelled === undefined ? train : taughtRows(train, job.labelled) };
}

function splitRowsOf(
  rows: readonly PreferenceRow[],
  { seed, label }: SplitJob,
  { fold }: SplitPart,
): LabelledSplit {
  const { heldOut, folds } = label;
  if (folds > 0) {
    if (fold === undefined) return { train: rows, heldOut: rows };
    const mine = foldsOf(rows, folds, seed);
    const inside = ({ prompt }: PreferenceRow) => mine.get(promptId(prompt)) === fold;
    return { train: rows.filter((row) => !inside(row)), heldOut: rows.filter(inside) };
  }
  if (heldOut === 1) return { train: [], heldOut: rows };
  const { parts } = splitRows(rows, { seed, parts: { heldOut, train: 1 - heldOut } });
  return parts;
}

/** Which fold each prompt is in: folds of the same number of prompts, give or take one. */
function foldsOf(rows: readonly PreferenceRow[], folds: number, seed: number): ReadonlyMap<string, number> {
  const prompts = [...new Set(rows.map(({ prompt }) => promptId(prompt)))].sort();
  const drawn = createRng(seed).fork("calibration-folds").shuffle(prompts);
  return new Map(drawn.map((prompt, i) => [prompt, i % folds]));
}

/** A sample of the prompts with replacement, as many as there are; a prompt drawn twice brings its rows twice. */
export function bootstrapRows(rows: readonly PreferenceRow[], seed: number): PreferenceRow[] {
  const byPrompt = new Map<string, PreferenceRow[]>();
  for (const row of rows) {
    const id = promptId(row.prompt);
    const group = byPrompt.get(id) ?? [];
    byPrompt.set(id, group);
    group.push(row);
  }
  const prompts = [...byPrompt.keys()].sort();
  const rng = createRng(seed).fork("bootstrap");
  return prompts.flatMap(() => byPrompt.get(prompts[rng.int(prompts.length)]!)!);
}

/** The pairs a teacher is measured on, in the order of the folds, with what people said of them. */
export async function heldOutPairs(
  data: Artefact,
  job: SplitJob,
  part: SplitPart = {},
): Promise<{ pairs: readonly CandidatePair[]; human: readonly HumanLabel[] }> {
  const { heldOut } = await splitLabelled(data, job, part);
  const { pairs, humanLabels } = toCandidates(heldOut, job.seed);
  return { pairs, human: humanLabels };
}

/** The labelled test pairs as candidates in an order drawn by the seed, with what people said of them. */
export async function testPairs(
  data: Artefact,
  { seed }: Pick<MainJob, "seed">,
): Promise<{ pairs: readonly CandidatePair[]; human: readonly HumanLabel[] }> {
  const { pairs, humanLabels } = toCandidates(await readTest(data), seed);
  return { pairs, human: humanLabels };
}
