/** Checks of what comes with pairs, before any of it reaches a loss. */
import { DataError } from "../../base/core/errors.ts";
import type { TokenRow } from "../data/packing.ts";

/**
 * @throws DataError unless every row has two responses, and every list given has one finite number, at least 0, per row
 */
export function expectPairs(
  stage: string,
  rows: readonly TokenRow[],
  lists: Readonly<Record<string, readonly number[] | undefined>>,
): void {
  const bad = rows.findIndex(({ responses }) => responses.length !== 2);
  if (bad >= 0)
    throw new DataError(
      stage,
      bad + 1,
      `expected two responses in a row, chosen first, got ${rows[bad]!.responses.length}.`,
    );
  for (const [name, list] of Object.entries(lists)) {
    if (list === undefined) continue;
    if (list.length !== rows.length)
      throw new DataError(
        stage,
        0,
        `${name}: expected one number for each of ${rows.length} rows, got ${list.length}.`,
      );
    const wrong = list.findIndex((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
    if (wrong >= 0)
      throw new DataError(
        stage,
        wrong + 1,
        `${name}: expected a finite number from 0 on, got ${list[wrong]}.`,
      );
  }
}

/** The numbers of some rows, or a constant where there is no list. */
export function pick(
  list: readonly number[] | undefined,
  rows: readonly number[],
  otherwise: number,
): number[] {
  return rows.map((row) => list?.[row] ?? otherwise);
}
