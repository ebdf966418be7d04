/**
 * What people said of the pool's pairs, in a file of its own, joined by `id` only when something is measured
 * or when the human-label arm is trained. Labelling code must not import this file.
 */
import { z } from "zod";
import { DataError } from "../../base/core/errors.ts";
import { rowKind } from "../../base/files/row-file.ts";
import type { CandidatePair, HumanLabel, PreferenceRow } from "./rows.ts";

/** Name of the file in its folder. */
export const HUMAN_LABELS_FILE = "human-labels.jsonl";

/** What people said of pairs, one label for a pair. */
export const HUMAN_LABELS = rowKind<HumanLabel>({
  what: "human label",
  schema: z.strictObject({ id: z.string(), preferred: z.enum(["a", "b", "tie"]) }),
  unique: ({ id }) => id,
});

/** Preference rows of the pairs that people judged: strict ones, and ties apart (flagged, in no meaningful order). */
export type JoinedLabels = {
  readonly rows: readonly PreferenceRow[];
  readonly ties: readonly PreferenceRow[];
};

/**
 * Joins human labels to their pairs by id; pairs without a label are left out.
 * @throws DataError when a label's pair is not there: the two files do not belong together
 */
export function joinHumanLabels(
  pairs: readonly CandidatePair[],
  labels: readonly HumanLabel[],
): JoinedLabels {
  const pairOf = new Map(pairs.map((pair) => [pair.id, pair]));
  const rows: PreferenceRow[] = [];
  const ties: PreferenceRow[] = [];
  for (const { id, preferred } of labels) {
    const pair = pairOf.get(id);
    if (pair === undefined)
      throw new DataError(
        "human labels",
        0,
        `id "${id}" is not in the pool of ${pairs.length} pairs. The two files do not belong together.`,
      );
    if (preferred === "tie") ties.push(toRow(pair, pair.a, pair.b, { flags: ["tie"] }));
    else rows.push(preferred === "a" ? toRow(pair, pair.a, pair.b) : toRow(pair, pair.b, pair.a));
  }
  return { rows, ties };
}

function toRow(
  { id, prompt, meta }: CandidatePair,
  chosen: CandidatePair["a"],
  rejected: CandidatePair["b"],
  extra: PreferenceRow["meta"] = {},
): PreferenceRow {
  const merged = { ...meta, ...extra };
  return { id, prompt, chosen, rejected, ...(Object.keys(merged).length === 0 ? {} : { meta: merged }) };
}
