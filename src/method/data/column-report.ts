/** What became of the columns of a file, over all rows, as `inspect` and the data stage tell it. */
import { listed } from "../../base/core/errors.ts";
import { nearest } from "../../base/core/suggest.ts";
import { type Account, FATES, type Fate } from "./account.ts";

/** A column, or a member of messages (`chosen[].name`), and the weightiest fate that it had in any row. */
export type ColumnReport = {
  readonly column: string;
  readonly fate: Fate;
  /** As what it is used, why it is harmless, or why it is refused. */
  readonly note: string;
  /** Rows of this fate. */
  readonly rows: number;
};

type FateCount = { rows: number; readonly notes: Set<string> };

/** Counts the fates of columns row by row. */
export class ColumnTally {
  private readonly columns = new Map<string, Map<Fate, FateCount>>();

  /** Adds one row. */
  add(accounts: readonly Account[]): void {
    const counted = new Set<string>();
    for (const { column, fate, note } of accounts) {
      const fates = this.columns.get(column) ?? new Map<Fate, FateCount>();
      this.columns.set(column, fates);
      const entry = fates.get(fate) ?? { rows: 0, notes: new Set<string>() };
      fates.set(fate, entry);
      if (note !== "") entry.notes.add(note);
      // Messages of one row have the same members again and again.
      const once = `${fate} ${column}`;
      if (!counted.has(once)) entry.rows++;
      counted.add(once);
    }
  }

  /** The table, in the order of the columns in the file. */
  report(): ColumnReport[] {
    return [...this.columns].map(([column, fates]) => {
      const fate = FATES.find((candidate) => fates.has(candidate))!;
      const { rows, notes } = fates.get(fate)!;
      return { column, fate, note: [...notes].join("; "), rows };
    });
  }
}

const WORDS: Readonly<Record<Fate, string>> = {
  used: "used as",
  harmless: "harmless:",
  empty: "empty in every row",
  unused: "NOT USED",
  ignored: "left out",
  refused: "REFUSED:",
};

/** The table in words, one line a column: used as, harmless (why), not used, refused (why). */
export function formatColumns(columns: readonly ColumnReport[], records: number): string[] {
  const width = Math.min(36, Math.max(0, ...columns.map(({ column }) => column.length)));
  const rest = columns.length - LINES;
  const lines = columns.slice(0, LINES).map(({ column, fate, note, rows }) => {
    const some = rows < records && fate !== "empty" ? ` (in ${rows} of ${records} rows)` : "";
    return `    ${listed([column]).padEnd(width)}  ${WORDS[fate]}${note === "" ? "" : ` ${note}`}${some}`;
  });
  return rest > 0 ? [...lines, `    … and ${rest} more columns`] : lines;
}

/** What to say of names that were to be left out and that no row has: a misspelt one leaves nothing out. */
export function idleIgnores(
  ignore: readonly string[] | undefined,
  columns: readonly ColumnReport[],
): string[] {
  const last = (column: string) => column.slice(column.search(/[^.\]]+$/));
  const there = [...new Set(columns.map(({ column }) => last(column)))];
  const left = new Set(columns.filter(({ fate }) => fate === "ignored").map(({ column }) => last(column)));
  return (ignore ?? [])
    .filter((name) => !left.has(name))
    .map((name) => {
      const like = nearest(name, there);
      const meant = like === undefined ? "" : `; did you mean "${like}"?`;
      return `--ignore ${listed([name])}: no row that was read has it, so it leaves nothing out${meant}`;
    });
}

/** Columns that a table of them names. */
const LINES = 60;

/** One line that names what no reader uses; undefined when everything is used or known to be harmless. */
export function unusedLine(columns: readonly ColumnReport[]): string | undefined {
  const of = (fate: Fate) => columns.filter((one) => one.fate === fate).map(({ column }) => column);
  const parts = [
    ...(of("unused").length > 0 ? [`not used: ${listed(of("unused"))}`] : []),
    ...(of("ignored").length > 0 ? [`left out as asked: ${listed(of("ignored"))}`] : []),
  ];
  return parts.length === 0 ? undefined : parts.join("; ");
}
