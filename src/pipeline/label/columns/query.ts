/** Which rows pass a filter, in which order, and what there is to say of them. */
import type { Interval } from "../../../base/stats/check.ts";
import { clusteredCounts } from "../../../base/stats/clustered-share.ts";
import { UNSELECTED } from "../../../method/labels/label.ts";
import { type LabelIndex, PREFERRED, type Preferred, UNSAID } from "./columns.ts";

/** Which rows. Bounds are both within; a row without the number is outside of any bound. */
export type LabelFilter = {
  readonly preferred?: readonly Preferred[] | undefined;
  /** Of the likelier side's probability, of the absolute margin, of the length gap in characters. */
  readonly p?: Bounds | undefined;
  readonly margin?: Bounds | undefined;
  readonly gap?: Bounds | undefined;
  /** A flag that rows must have. */
  readonly flag?: string | undefined;
  /** Who labelled. */
  readonly source?: string | undefined;
  /** Only pairs that are trained on (true), or only others. */
  readonly trained?: boolean | undefined;
  /** Only pairs that the selection kept (true), or only those it left out. */
  readonly selected?: boolean | undefined;
  /** Pairs that people judged and the teacher decided: where both say the same, or where they do not; `any`: all that people judged. */
  readonly people?: "same" | "other" | "any" | undefined;
  /** Rows that a search found, 1 for each. */
  readonly found?: Uint8Array | undefined;
  /** `file`: the order of the file; `sure`, `unsure`: by probability. */
  readonly sort?: "file" | "sure" | "unsure" | undefined;
};

/** From and to, both within. */
export type Bounds = readonly [low: number, high: number];

/** Row numbers that pass a filter, in its order. */
export function filterLabels(index: LabelIndex, filter: LabelFilter): Uint32Array {
  const tests = testsOf(index, filter);
  const found = new Uint32Array(index.rows);
  let count = 0;
  if (tests !== undefined)
    rows: for (let row = 0; row < index.rows; row++) {
      for (let k = 0; k < tests.length; k++) if (!tests[k]!(row)) continue rows;
      found[count++] = row;
    }
  const kept = found.subarray(0, count);
  const { sort = "file" } = filter;
  return sort === "file" ? kept : orderByProbability(kept, index.p, sort);
}

type Test = (row: number) => boolean;

/** One test for each part of a filter; undefined where nothing can pass. */
function testsOf(index: LabelIndex, filter: LabelFilter): Test[] | undefined {
  const { preferred, p, margin, gap, flags, flagNames, source, sourceNames, trained } = index;
  const tests: Test[] = [];
  const { found } = filter;
  if (found !== undefined) tests.push((row) => found[row] === 1);
  if (filter.preferred !== undefined) {
    const wanted = filter.preferred.reduce((bits, one) => bits | (1 << PREFERRED.indexOf(one)), 0);
    tests.push((row) => (wanted & (1 << preferred[row]!)) !== 0);
  }
  if (filter.p !== undefined) tests.push(within(p, filter.p));
  if (filter.margin !== undefined) tests.push(within(margin, filter.margin, Math.abs));
  if (filter.gap !== undefined) tests.push(within(gap, filter.gap));
  if (filter.flag !== undefined) {
    const at = flagNames.indexOf(filter.flag);
    if (at < 0) return undefined;
    tests.push((row) => ((flags[row]! >>> at) & 1) === 1);
  }
  if (filter.source !== undefined) {
    const at = sourceNames.indexOf(filter.source);
    if (at < 0) return undefined;
    tests.push((row) => source[row] === at);
  }
  if (filter.trained !== undefined) tests.push((row) => (trained[row] === 1) === filter.trained);
  if (filter.selected !== undefined) {
    const at = flagNames.indexOf(UNSELECTED);
    tests.push((row) => (at < 0 || ((flags[row]! >>> at) & 1) === 0) === filter.selected);
  }
  if (filter.people !== undefined) tests.push(peopleTest(index, filter.people));
  return tests;
}

const within =
  (column: Float32Array, [low, high]: Bounds, of: (value: number) => number = (value) => value): Test =>
  (row) => {
    const value = of(column[row]!);
    return value >= low && value <= high;
  };

/** What the teacher itself prefers of a row. */
const teacherSide = ({ own, preferred }: LabelIndex, row: number): number =>
  own[row] === UNSAID ? preferred[row]! : own[row]!;

/** Both people and the teacher took a side (0 is a, 1 is b). */
const isCompared = (index: LabelIndex, row: number): boolean =>
  index.human[row]! < 2 && teacherSide(index, row) < 2;

function peopleTest(index: LabelIndex, people: "same" | "other" | "any"): Test {
  if (people === "any") return (row) => index.human[row] !== UNSAID;
  const wanted = people === "same";
  return (row) => isCompared(index, row) && (index.human[row] === teacherSide(index, row)) === wanted;
}

/** How often teacher and people take the same side among rows, with the interval by prompt; null where people judged none of them. */
export function agreementOf(index: LabelIndex, rows: Uint32Array): Interval | null {
  const hits = new Float64Array(index.units);
  const sizes = new Float64Array(index.units);
  for (const row of rows) {
    if (!isCompared(index, row)) continue;
    const unit = index.unit[row]!;
    sizes[unit]!++;
    if (index.human[row] === teacherSide(index, row)) hits[unit]!++;
  }
  const judged = [...sizes.keys()].filter((unit) => sizes[unit]! > 0);
  return clusteredCounts(
    judged.map((unit) => hits[unit]!),
    judged.map((unit) => sizes[unit]!),
  );
}

/** Bits of the float32 0.5 and how many lie between it and 1; rows that a key has room for. */
const HALF_BITS = 0x3f000000;
const HALF_TO_ONE = 0x800000;
const ROW_ROOM = 2 ** 26;

/**
 * Rows by probability, those of one probability in the file's order. A positive float's bits grow with it, so probability and row make one
 * number, and the numbers are sorted without asking anybody: a million in a tenth of the time.
 */
function orderByProbability(rows: Uint32Array, p: Float32Array, sort: "sure" | "unsure"): Uint32Array {
  const bits = new Uint32Array(p.buffer, p.byteOffset, p.length);
  const keys = new Float64Array(rows.length);
  // Plain loops: `from` with a function takes longer than the sorting.
  for (let i = 0; i < rows.length; i++) {
    const over = bits[rows[i]!]! - HALF_BITS;
    keys[i] = (sort === "sure" ? HALF_TO_ONE - over : over) * ROW_ROOM + rows[i]!;
  }
  keys.sort();
  for (let i = 0; i < rows.length; i++) rows[i] = keys[i]! % ROW_ROOM;
  return rows;
}

/** A histogram: counts of equal parts of [low, high]; what lies beyond counts in the last part at its end, what has no number nowhere. */
export type Histogram = { readonly low: number; readonly high: number; readonly counts: readonly number[] };

/** Histograms of rows: the likelier side's probability, the absolute margin, the length gap; null where no row has the number. */
export function histogramsOf(index: LabelIndex, rows: Uint32Array, bins = 20) {
  const { p, margin, gap, marginReach, gapReach } = index;
  return {
    p: histogram(p, rows, { low: 0.5, high: 1, bins }),
    margin:
      marginReach > 0 ? histogram(margin, rows, { low: 0, high: marginReach, bins, isAbsolute: true }) : null,
    gap: gapReach > 0 ? histogram(gap, rows, { low: -gapReach, high: gapReach, bins }) : null,
  };
}

function histogram(
  column: Float32Array,
  rows: Uint32Array,
  { low, high, bins, isAbsolute = false }: { low: number; high: number; bins: number; isAbsolute?: boolean },
): Histogram {
  const counts = Array<number>(bins).fill(0);
  const scale = bins / (high - low);
  for (let i = 0; i < rows.length; i++) {
    const value = isAbsolute ? Math.abs(column[rows[i]!]!) : column[rows[i]!]!;
    if (Number.isNaN(value)) continue;
    counts[Math.max(0, Math.min(bins - 1, Math.floor((value - low) * scale)))]!++;
  }
  return { low, high, counts };
}
