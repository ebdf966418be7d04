/** One record to its pairs: what is ignored goes, the shape reads, the context joins the prompt, and every column is accounted for. */

import { writtenObjects } from "../../base/files/written-lists.ts";
import { type Account, accountFor } from "./account.ts";
import { type Adapter, type LeftOut, type ParsedPair, TOGETHER } from "./adapters/adapter.ts";
import { addContext, readContext } from "./adapters/context.ts";
import { withoutIgnored } from "./ignore.ts";

type Value = Readonly<Record<string, unknown>>;

/** What came of a record. `accounts` may hold refused columns: `refuse` says so. */
export type ParsedRecord = { readonly pairs: readonly ParsedPair[]; readonly accounts: readonly Account[] };

/**
 * Parses a record.
 * @param ignore - names of columns, message members and kinds of content parts that are left out on purpose
 * @throws RowProblem as the adapter does, or when a context column cannot join the prompt
 */
export function parseRecord(
  adapter: Adapter,
  record: Readonly<Record<string, unknown>>,
  ignore: readonly string[] = [],
): ParsedRecord | LeftOut {
  const { value, found } = withoutIgnored(readLists(record, adapter), ignore);
  const parsed = adapter.parse(value);
  if ("leaveOut" in parsed) return parsed;
  const read = adapter.uses(value);
  const context = readContext(value, read);
  const pairs = (isList(parsed) ? numbered(parsed) : [parsed]).map((pair) => addContext(pair, context));
  const accounts = accountFor(value, { adapter, uses: { ...read, ...context.uses }, pairs });
  const ignored = found.map((column): Account => ({ column, fate: "ignored", note: "as asked" }));
  return { pairs, accounts: [...accounts, ...ignored].map(inRow) };
}

/** The record with lists of objects that are written as JSON, where the shape has them. */
function readLists(record: Value, { lists = [] }: Adapter): Value {
  const read = lists.flatMap((column) => {
    const found = record[column];
    const list = typeof found === "string" ? writtenObjects(found) : undefined;
    return list === undefined ? [] : [[column, list] as const];
  });
  return read.length === 0 ? record : { ...record, ...Object.fromEntries(read) };
}

/** Columns of rows that are parsed together go by their own names. */
const inRow = ({ column, ...rest }: Account): Account => ({
  column: column.startsWith(`${TOGETHER}.`) ? column.slice(TOGETHER.length + 1) : column,
  ...rest,
});

const isList = (parsed: ParsedPair | readonly ParsedPair[]): parsed is readonly ParsedPair[] =>
  Array.isArray(parsed);

/** Pairs of one record share its id: each gets a number behind it. */
function numbered(pairs: readonly ParsedPair[]): readonly ParsedPair[] {
  if (pairs.length === 1) return pairs;
  return pairs.map((pair, i) => (pair.id === undefined ? pair : { ...pair, id: `${pair.id}:${i + 1}` }));
}
