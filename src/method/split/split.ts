/** Seeded splits that never put one prompt, one dialogue or one group on both sides. They depend on the rows' content and ids, not on their order. */
import { ConfigError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import type { PreferenceRow } from "../data/rows.ts";
import { findDialogues } from "./dialogues.ts";

/** How to split. */
export type SplitOptions = {
  readonly seed: number | string;
  /** Part sizes: all fractions (each in (0, 1], summing to at most 1) or all counts of rows (integers from 1; `1` alone is a fraction). */
  readonly parts: Readonly<Record<string, number>>;
  /** What must stay together; default: its dialogue (`dialogues.ts`), found by reading all rows. */
  readonly by?: (row: PreferenceRow) => string;
};

/** The parts by name, the rows that no part had room for, and the sizes that were asked for. */
export type Split<Name extends string = string> = {
  readonly parts: Readonly<Record<Name, readonly PreferenceRow[]>>;
  readonly unused: readonly PreferenceRow[];
  readonly wanted: Readonly<Record<Name, number>>;
  readonly groups: number;
};

/**
 * Splits rows into parts. Groups are put in random order and each goes whole to the first part that has room for it; a part
 * can come out smaller than asked by less than one group. What fits nowhere is `unused`, except that fractions that sum to 1 use every row:
 * a group without room then goes to the part that lacks most.
 * @throws ConfigError for sizes that are neither fractions nor counts, for more rows than there are, or a part that comes out empty
 */
export function splitRows<Name extends string>(
  rows: readonly PreferenceRow[],
  options: SplitOptions & { readonly parts: Readonly<Record<Name, number>> },
): Split<Name> {
  const wanted = wantedSizes(options.parts, rows.length);
  const names = Object.keys(wanted) as Name[];
  const parts = Object.fromEntries(names.map((name) => [name, [] as PreferenceRow[]])) as Record<
    Name,
    PreferenceRow[]
  >;
  const unused: PreferenceRow[] = [];
  const useAll = names.reduce((sum, name) => sum + wanted[name], 0) === rows.length;
  const { by } = options;
  const keys = by === undefined ? findDialogues(rows).keys : rows.map(by);
  const groups = groupsInDrawnOrder(rows, keys, options.seed);
  const room = (name: Name) => wanted[name] - parts[name].length;
  for (const group of groups) {
    const fits = names.find((name) => room(name) >= group.length);
    const name = fits ?? (useAll ? names.reduce((a, b) => (room(b) > room(a) ? b : a)) : undefined);
    (name === undefined ? unused : parts[name]).push(...group);
  }
  const empty = names.find((name) => parts[name].length === 0);
  if (empty !== undefined)
    throw new ConfigError(
      `split: part "${empty}" comes out empty of ${rows.length} rows in ${groups.length} groups. Ask for fewer parts or give more rows.`,
    );
  return { parts, unused, wanted, groups: groups.length };
}

function groupsInDrawnOrder(
  rows: readonly PreferenceRow[],
  keys: readonly string[],
  seed: number | string,
): PreferenceRow[][] {
  const groups = new Map<string, PreferenceRow[]>();
  rows.forEach((row, i) => {
    const key = keys[i]!;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  });
  const rng = createRng(seed);
  return [...groups]
    .map(([key, group]) => ({
      key,
      draw: rng.fork("split", key).next(),
      group: group.sort((x, y) => compare(x.id, y.id)),
    }))
    .sort((x, y) => x.draw - y.draw || compare(x.key, y.key))
    .map(({ group }) => group);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function wantedSizes<Name extends string>(
  parts: Readonly<Record<Name, number>>,
  total: number,
): Record<Name, number> {
  const entries = Object.entries(parts) as [Name, number][];
  const sum = entries.reduce((all, [, size]) => all + size, 0);
  const fractions = entries.every(([, size]) => size > 0 && size <= 1);
  const counts = entries.every(([, size]) => Number.isInteger(size) && size >= 1);
  const said = entries.map(([name, size]) => `${name}: ${size}`).join(", ");
  if (entries.length === 0 || !(fractions || counts))
    throw new ConfigError(
      `split: sizes must be all fractions in (0, 1] or all counts from 1, got ${said || "none"}.`,
    );
  if (fractions && sum > 1 + 1e-9)
    throw new ConfigError(`split: fractions sum to ${sum}, expected at most 1 (${said}).`);
  if (!fractions && sum > total)
    throw new ConfigError(
      `split: ${sum} rows are asked for (${said}), there are ${total}. Ask for fewer, or for fractions.`,
    );
  return Object.fromEntries(fractions ? roundFractions(entries, sum, total) : entries) as Record<
    Name,
    number
  >;
}

/** Cumulative rounding, so that sizes of fractions that sum to 1 sum to all rows. */
function roundFractions<Name extends string>(
  entries: readonly [Name, number][],
  sum: number,
  total: number,
): [Name, number][] {
  const whole = Math.abs(sum - 1) < 1e-9;
  let share = 0;
  let used = 0;
  return entries.map(([name, size], i) => {
    share += size;
    const end = whole && i === entries.length - 1 ? total : Math.round(share * total);
    const count = end - used;
    used = end;
    return [name, count];
  });
}
