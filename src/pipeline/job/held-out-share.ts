/** Which share of the labelled prompts to hold out, for a recipe that is written for a file. */
import { ConfigError } from "../../core/errors.ts";
import { withDialogues } from "../../data/dialogues.ts";
import { splitKey } from "../../data/normalise.ts";
import type { PreferenceRow } from "../../data/rows.ts";
import { splitRows } from "../../data/split.ts";
import { dropDuplicates } from "../../data/validate.ts";
import { LEAST_HELD_OUT } from "../held-out.ts";
import { splitRowsOf } from "./labelled-split.ts";
import type { FilesData } from "./settings.ts";

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
