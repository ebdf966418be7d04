/**
 * Labels of an arm that are turned round on purpose: drawn at random, those of the closest calls by gold, or those that the teacher is least sure of.
 * At one share all three have as many errors, so that students tell what kinds of errors cost.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import { sameText } from "../../method/data/rows.ts";
import type { RowSpec } from "../recipe/job-settings.ts";
import type { Artefact } from "../stages/stage.ts";
import { readHiddenGold } from "./data-files.ts";
import type { TrainingRow } from "./training-rows.ts";

/** Rows by their id. */
export type RowsById = ReadonlyMap<string, TrainingRow>;

/**
 * The rows with their share of labels turned round; a larger share turns the same ones and more.
 * @param data - where gold scores lie, for `close`
 * @param weak - the teacher's labels, for `unsure`: pairs that it did not decide come first
 * @throws ConfigError for `close` where the data has no gold scores
 */
export async function flipped(
  rows: readonly TrainingRow[],
  { flipWhich, seed }: Pick<RowSpec, "flipWhich"> & { readonly seed?: number },
  share: number | undefined,
  { data, weak }: { readonly data: Artefact; readonly weak?: RowsById | undefined },
): Promise<readonly TrainingRow[]> {
  if (share === undefined) return rows;
  const ids = idsOf(rows);
  const first =
    flipWhich === "close"
      ? byRank(ids, await goldGaps(data))
      : flipWhich === "unsure"
        ? byRank(ids, new Map([...weak!.values()].map(({ id, pChosen }) => [id, pChosen!])))
        : createRng(seed!).fork("arm-flip").shuffle(ids);
  const out = new Set(first.slice(0, Math.round(share * rows.length)));
  return rows.map((row) => (out.has(row.id) ? { ...row, chosen: row.rejected, rejected: row.chosen } : row));
}

/** Share of rows on which the teacher decided otherwise than these labels; on its own labels: otherwise than people. */
export function teachersErrors(
  rows: readonly TrainingRow[],
  { labels }: Pick<RowSpec, "labels">,
  { weak, human }: { readonly weak: RowsById; readonly human: RowsById },
): number {
  const wrong = rows.filter((row) => {
    const said = weak.get(row.id);
    const right = labels === "weak" ? human.get(row.id)! : row;
    return said !== undefined && !sameText(said.chosen, right.chosen);
  });
  return wrong.length / rows.length;
}

/** |gold a - gold b| of each pair. */
async function goldGaps(data: Artefact): Promise<ReadonlyMap<string, number>> {
  const gold = await readHiddenGold(data);
  if (gold.length === 0)
    throw new ConfigError(
      "arms: flip_which: close turns round the closest calls by gold, but the data has no gold scores. Choose another, or use a world.",
    );
  return new Map(gold.map(({ id, goldA, goldB }) => [id, Math.abs(goldA - goldB)]));
}

const idsOf = (rows: readonly TrainingRow[]) => rows.map(({ id }) => id).sort();

/** Ids from the lowest value up, those without one first; equal ones in the order of their ids. */
const byRank = (ids: readonly string[], values: ReadonlyMap<string, number>): string[] =>
  ids.toSorted((a, b) => (values.get(a) ?? -Infinity) - (values.get(b) ?? -Infinity) || 0);
