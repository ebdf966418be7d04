/** Which share of the labelled prompts to hold out, for a recipe that is written for a file. */
import { ConfigError } from "../../base/core/errors.ts";
import { splitKey } from "../../method/data/normalise.ts";
import type { PreferenceRow } from "../../method/data/rows.ts";
import { LEAST_HELD_OUT } from "../../method/labels/held-out-fit.ts";
import { withDialogues } from "../../method/split/dialogues.ts";
import { splitRows } from "../../method/split/split.ts";
import { dropDuplicates } from "../../method/split/validate.ts";
import type { FilesData } from "../recipe/job-settings.ts";
import { splitRowsOf } from "./labelled-split.ts";

/** Held-out pairs that are aimed at: a teacher may leave some undecided, or be right on all of too few. */
const AIM = 2 * LEAST_HELD_OUT;

const SHARES = [0.1, 0.2, 0.3, 0.4, 0.5];

/**
 * The least share that keeps enough pairs to calibrate on, found by splitting as a run does.
 * @returns undefined where not even half of the labelled pairs are enough
 */
export function heldOutShare(
  rows: readonly PreferenceRow[],
  { seed, split }: { readonly seed: number } & Pick<FilesData, "split">,
): number | undefined {
  try {
    const grouped = withDialogues(dropDuplicates(rows).rows);
    const { labelled } = splitRows(grouped, { seed, parts: split, by: splitKey }).parts;
    const count = (heldOut: number) =>
      splitRowsOf(labelled, { seed, label: { heldOut, folds: 0 } }).heldOut.length;
    const counts = SHARES.map((share) => ({ share, pairs: count(share) }));
    const found =
      counts.find(({ pairs }) => pairs >= AIM) ?? counts.findLast(({ pairs }) => pairs >= LEAST_HELD_OUT);
    return found?.share;
  } catch (error) {
    // So few rows that a part comes out empty, which the run will say in its own words.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
