/**
 * Weights for trainers that have none: rows are left out, or drawn again in proportion to their weight. Both are seeded, and
 * neither is the weighted loss: what differs is said in the export.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import type { ExportRow } from "../elsewhere/request.ts";

/** What is done with weights and confidence. `budget` is a count of rows, or below 1 a share of them. */
export type WeightsRule =
  | { readonly kind: "none" }
  | {
      readonly kind: "filter";
      readonly minConfidence?: number | undefined;
      readonly budget?: number | undefined;
    }
  | { readonly kind: "resample"; readonly budget?: number | undefined; readonly seed: number };

/** Rows after the rule, and what to tell of it. */
export type Weighed = { readonly rows: readonly ExportRow[]; readonly said: string };

/** Applies a rule. @throws ConfigError when rows lack the numbers it needs, or nothing is left */
export function weigh(rows: readonly ExportRow[], rule: WeightsRule): Weighed {
  switch (rule.kind) {
    case "none":
      return { rows, said: `all ${rows.length} rows, each once` };
    case "filter":
      return filterRows(rows, rule);
    case "resample":
      return resampleRows(rows, rule);
    default:
      return rule satisfies never;
  }
}

/** The most confident rows, in their old order; equal confidence goes by id, so that the file's order does not matter. */
function filterRows(
  rows: readonly ExportRow[],
  { minConfidence, budget }: Extract<WeightsRule, { kind: "filter" }>,
): Weighed {
  if ((minConfidence === undefined) === (budget === undefined))
    throw new ConfigError("--weights filter: expected --min-confidence or --budget, one of them.");
  const pChosen = rows.map((row) => needed(row, "p_chosen", row.pChosen));
  refuseEqual("filter", "p_chosen", pChosen);
  const keep = new Set<number>();
  if (minConfidence !== undefined) {
    for (const [i, value] of pChosen.entries()) if (value >= minConfidence) keep.add(i);
  } else {
    const order = rows.map((_, i) => i);
    order.sort((i, j) => pChosen[j]! - pChosen[i]! || (rows[i]!.id < rows[j]!.id ? -1 : 1));
    for (const i of order.slice(0, sizeOf(budget!, rows.length))) keep.add(i);
  }
  const kept = rows.filter((_, i) => keep.has(i));
  if (kept.length === 0)
    throw new ConfigError(
      `--weights filter: none of ${rows.length} rows is left; the largest p_chosen is ${Math.max(...pChosen)}. Ask for less.`,
    );
  const least = Math.min(...[...keep].map((i) => pChosen[i]!));
  return {
    rows: kept,
    said: `${kept.length} of ${rows.length} rows, those of p_chosen ${least.toPrecision(4)} and more; the weights of the rows that are left are not used`,
  };
}

/** Equal numbers choose nothing, as those of people's labels do: an option without an effect is an error. */
function refuseEqual(rule: string, what: string, values: readonly number[]): void {
  if (values.length > 1 && values.every((value) => value === values[0]))
    throw new ConfigError(
      `--weights ${rule}: has no effect: all ${values.length} rows have ${what} ${values[0]}; only labels of a calibrated teacher differ in it. Use --weights none.`,
    );
}

/**
 * Systematic resampling (Kitagawa 1996, https://doi.org/10.2307/1390750, appendix): a row of weight w gets floor or ceil of
 * n·w/Σw copies, so that shares are as near to the weights as whole copies can be. Copies are told apart by `#2`, `#3` in their ids.
 */
function resampleRows(
  rows: readonly ExportRow[],
  { budget, seed }: Extract<WeightsRule, { kind: "resample" }>,
): Weighed {
  const weights = rows.map((row) => needed(row, "weight", row.weight));
  if (budget === undefined) refuseEqual("resample", "weight", weights);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0))
    throw new ConfigError("--weights resample: every weight is 0. Choose another weight form.");
  const size = sizeOf(budget ?? rows.length, rows.length);
  const rng = createRng(seed).fork("export-resample");
  const counts = systematicCounts(weights, size, rng.next());
  const drawn = rows.flatMap((row, i) =>
    Array.from({ length: counts[i]! }, (_, k) => (k === 0 ? row : { ...row, id: `${row.id}#${k + 1}` })),
  );
  const used = counts.filter((count) => count > 0).length;
  const mean = total / rows.length;
  return {
    rows: rng.shuffle(drawn),
    said: `${size} rows drawn in proportion to weight, seed ${seed}: ${used} of ${rows.length} rows, the most frequent ${Math.max(...counts)} times. The mean loss is that of weights divided by their mean, ${mean.toPrecision(4)}`,
  };
}

/** Copies of each row: points u, u + 1, … over the cumulated weights stretched to `size`. @param u - in [0, 1) */
export function systematicCounts(weights: readonly number[], size: number, u: number): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let [cumulated, taken] = [0, 0];
  const last = weights.findLastIndex((weight) => weight > 0);
  return weights.map((weight, i) => {
    cumulated += weight;
    // The last row ends the line exactly, whatever rounding did to the sum.
    const upTo = i >= last ? size : Math.min(size, Math.max(0, Math.ceil((size * cumulated) / total - u)));
    const count = upTo - taken;
    taken = upTo;
    return count;
  });
}

function sizeOf(budget: number, rows: number): number {
  return Math.max(1, budget < 1 ? Math.round(budget * rows) : Math.round(budget));
}

function needed(row: ExportRow, what: string, value: number | undefined): number {
  if (value === undefined || !Number.isFinite(value) || value < 0)
    throw new ConfigError(
      `--weights: row ${row.id} has no ${what}; only labels of a calibrated teacher have one. Use --weights none.`,
    );
  return value;
}
