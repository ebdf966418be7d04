/**
 * A folder of labels as columns: numbers of every row in typed arrays, and where its line and its texts begin in the files. A million labels
 * take some forty megabytes; texts stay on the disk and are read row by row.
 */

/** What a label prefers, in the order of the numbers that stand for it. */
export const PREFERRED = ["a", "b", "tie", "abstain"] as const;
/** One of them. */
export type Preferred = (typeof PREFERRED)[number];

/** Stands in `human` and `own` for nothing said. */
export const UNSAID = 255;

/** Columns by their names, widest first, so that each begins where it may. */
export const COLUMNS = {
  /** Byte at which a row's line begins in `labels.jsonl`; one more for the end. */
  lines: Float64Array,
  /** Byte at which a row's texts begin in the file of texts; -1 where it has none. */
  texts: Float64Array,
  /** The calibrated probability of the likelier side, in [0.5, 1]. */
  p: Float32Array,
  /** The teacher's margin; NaN where it is not finite. */
  margin: Float32Array,
  /** Characters of the preferred response less those of the other; NaN where no side is preferred or there are no texts. */
  gap: Float32Array,
  /** Bits in the order of `flagNames`. */
  flags: Uint32Array,
  /** Numbers the prompt of a row that people judged, from 0 in the order of first coming; others 0. */
  unit: Uint32Array,
  /** Place in `PREFERRED`. */
  preferred: Uint8Array,
  /** The same of what the teacher itself said, where a person's word stands in the label; else `UNSAID`. */
  own: Uint8Array,
  /** What a person said, `UNSAID` where nobody did. */
  human: Uint8Array,
  /** Place in `sourceNames`. */
  source: Uint8Array,
  /** 1 where the pair is trained on. */
  trained: Uint8Array,
} as const;

/** Names of the columns. */
export type ColumnName = keyof typeof COLUMNS;
/** Arrays by the columns' names; each may be longer than there are rows. */
export type Columns = { readonly [Name in ColumnName]: InstanceType<(typeof COLUMNS)[Name]> };

/** The file that texts are read from: a run's pool has those of every pair, training rows those of pairs that are trained on. */
export type TextFile = { readonly path: string; readonly kind: "pool" | "training" };

/** The columns and what their numbers mean. */
export type LabelIndex = Columns & {
  readonly rows: number;
  readonly flagNames: readonly string[];
  readonly sourceNames: readonly string[];
  readonly units: number;
  /** 99 % of the rows lie below, in absolute value: how far histograms reach. 0 where there is nothing. */
  readonly marginReach: number;
  readonly gapReach: number;
  readonly textFile: TextFile;
};

/** Elements of a column that has so many rows. */
export const elementsOf = (name: ColumnName, rows: number): number => (name === "lines" ? rows + 1 : rows);

/** New columns for so many rows. */
export function emptyColumns(rows: number): Columns {
  const made = Object.entries(COLUMNS).map(([name, Kind]) => [
    name,
    new Kind(elementsOf(name as ColumnName, rows)),
  ]);
  return Object.fromEntries(made) as Columns;
}
