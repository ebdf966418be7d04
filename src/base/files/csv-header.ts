/**
 * What the first line of a CSV file is: names of columns, or the first row. A flag decides, else whoever knows the names that are wanted
 * (`--map`, the known shapes), else its looks; whatever was not decided by a flag or by known names is said.
 */
import { DataError } from "../core/errors.ts";
import type { ReadOptions } from "./record.ts";

/** The columns' names, and whether the first line gave them. */
export type FirstLine = { readonly isHeader: boolean; readonly columns: readonly string[] };

/** @throws DataError when a header names a column twice */
export function columnsOf(
  file: string,
  cells: readonly string[],
  { header, knowsHeader, note = () => {} }: ReadOptions,
): FirstLine {
  const names = named(cells);
  const known = header ?? knowsHeader?.(names);
  const isHeader = known ?? looksLikeHeader(cells);
  const columns = isHeader ? checkHeader(file, names) : cells.map((_, i) => `column${i + 1}`);
  const read = columns.join(", ").slice(0, 200);
  if (known === undefined)
    note(
      isHeader
        ? `the first line is taken for the names of the columns (${read}); --header no if it is a row`
        : `the first line (${cells.join(", ").slice(0, 200)}) is taken for a row, and the columns are called ${read}; --header yes if it names them`,
    );
  const blank = columns.filter((_, i) => isHeader && cells[i]!.trim() === "");
  if (blank.length > 0) note(`the header leaves a name blank: the column is called ${blank.join(", ")}`);
  return { isHeader, columns };
}

/** A data frame saved with its index has no name for it; other blank names become `column3` and the like. */
function named(cells: readonly string[]): string[] {
  return cells.map((cell, i) => {
    if (cell.trim() !== "") return cell;
    return i === 0 && !cells.includes("index") ? "index" : `column${i + 1}`;
  });
}

/** Names are single words; sentences are data. The first may be blank: the index of a data frame. */
export function looksLikeHeader(cells: readonly string[]): boolean {
  const words = cells.length > 1 && cells[0] === "" ? cells.slice(1) : cells;
  return (
    new Set(words).size === words.length &&
    words.every((cell) => /^[\p{L}_][\p{L}\p{N}_.:-]{0,63}$/u.test(cell))
  );
}

function checkHeader(file: string, names: readonly string[]): readonly string[] {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw new DataError(
      file,
      1,
      `names the column "${twice}" twice, expected different names. Rename one; if the line is a row, say so with --header no.`,
    );
  return names;
}
