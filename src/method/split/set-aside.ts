/** Rows set aside from training by dialogue, to validate on: they keep the labels that the others are trained with. */
import { ConfigError, messageOf } from "../../base/core/errors.ts";
import type { PreferenceRow } from "../data/rows.ts";
import { splitRows } from "./split.ts";

/** Rows to train on and rows to validate on, both in the order they were given in. */
export type SetAside<Row> = { readonly training: readonly Row[]; readonly validation: readonly Row[] };

/**
 * Sets a share of rows aside. Equal prompts give equal parts, whoever labelled them: which side is preferred, and in which order rows come,
 * draws nothing.
 * @param share - in (0, 1) @param where - for messages
 * @throws ConfigError when one of the parts would be empty
 */
export function setAside<Row extends PreferenceRow>(
  rows: readonly Row[],
  { share, seed, where }: { readonly share: number; readonly seed: number; readonly where: string },
): SetAside<Row> {
  const parts = { validation: share, training: 1 - share };
  const drawn = new Set<PreferenceRow>(splitOf(rows, parts, seed, where));
  return {
    training: rows.filter((row) => !drawn.has(row)),
    validation: rows.filter((row) => drawn.has(row)),
  };
}

function splitOf(
  rows: readonly PreferenceRow[],
  parts: Record<"validation" | "training", number>,
  seed: number,
  where: string,
): readonly PreferenceRow[] {
  try {
    return splitRows(rows, { seed: `validation ${seed}`, parts }).parts.validation;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${where}: validation.share ${parts.validation}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
