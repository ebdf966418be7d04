/** What is told of dialogues: how many rows are parts of one, what their prompts give away, and what a split by prompt would part. */

import { splitKey } from "../data/normalise.ts";
import type { CandidatePair, PreferenceRow } from "../data/rows.ts";
import { type Dialogues, findDialogues } from "./dialogues.ts";
import { splitRows } from "./split.ts";

/** Counts of one set of rows. */
export type DialogueStatistics = {
  /** Rows whose dialogue has other prompts than theirs, and the dialogues they are in. */
  readonly rows: number;
  readonly dialogues: number;
  /** Rows of the dialogue with the most. */
  readonly largest: number;
  /** Pairs of which another row's prompt goes on with, or quotes, the first response (the chosen one where people judged) only, the second only, both. */
  readonly told: { readonly first: number; readonly second: number; readonly both: number };
  /** Rows in dialogues that a split into halves by prompt (seed 0) would put on both sides. */
  readonly crossing: number;
};

/** Counts dialogues; of pairs that nobody judged, the first response is a. */
export function describeDialogues(rows: readonly (PreferenceRow | CandidatePair)[]): DialogueStatistics {
  const found = findDialogues(rows);
  const sizes = new Map<string, number>();
  found.keys.forEach((key, i) => {
    if (found.linked[i]) sizes.set(key, (sizes.get(key) ?? 0) + 1);
  });
  const told = (first: boolean, second: boolean) =>
    found.told.filter((one) => one[0] === first && one[1] === second).length;
  const judged = rows.map(
    (row): PreferenceRow => ("chosen" in row ? row : { ...row, chosen: row.a, rejected: row.b }),
  );
  const halves = () => splitRows(judged, { seed: 0, parts: { one: 0.5, other: 0.5 }, by: splitKey }).parts;
  return {
    rows: found.linked.filter(Boolean).length,
    dialogues: sizes.size,
    largest: Math.max(0, ...sizes.values()),
    told: { first: told(true, false), second: told(false, true), both: told(true, true) },
    crossing: sizes.size === 0 ? 0 : crossingRows(halves(), judged, found),
  };
}

/** Rows of these parts whose dialogue has rows in another part too. */
export function crossingRows(
  parts: Readonly<Record<string, readonly PreferenceRow[]>>,
  rows: readonly PreferenceRow[],
  { keys }: Dialogues,
): number {
  const dialogue = new Map(rows.map(({ id }, i) => [id, keys[i]!]));
  const placed = Object.entries(parts).flatMap(([part, list]) =>
    list.map(({ id }) => ({ part, key: dialogue.get(id)! })),
  );
  const partOf = new Map<string, string | undefined>();
  for (const { part, key } of placed)
    partOf.set(key, partOf.has(key) && partOf.get(key) !== part ? undefined : part);
  return placed.filter(({ key }) => partOf.get(key) === undefined).length;
}
