/**
 * Preferences and labels on disk, in TRL's columns (trl: docs/source/dataset_formats.md) with extras under settled names. TRL and
 * LLaMA-Factory pass over columns they do not know, so a labels file trains with either unchanged. That is
 * why ties and abstentions are refused here: in such a file every row is a preference.
 */
import { extname } from "node:path";
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { writeFileAtomic } from "../../base/core/files.ts";
import { jsonLines } from "../../base/files/json-lines.ts";
import { type Column, parquetBytes } from "./parquet-columns.ts";
import { isTie, type PreferenceRow, promptId, type Text } from "./rows.ts";
import { promptColumns } from "./template-columns.ts";

/** A pair with the teacher's preference, ready for training elsewhere. */
export type LabelledRow = {
  readonly id: string;
  readonly prompt: Text;
  readonly chosen: Text;
  readonly rejected: Text;
  /** Which candidate was chosen: 0 for `a`, 1 for `b`. */
  readonly chosenIndex: 0 | 1;
  readonly scoreChosen: number;
  readonly scoreRejected: number;
  /** In the labeller's own units. */
  readonly margin: number;
  /** Calibrated probability that `chosen` is better, in [0, 1]. */
  readonly pChosen: number;
  /** Weight in the loss, 0 or more. */
  readonly weight: number;
  /** Name or digest of the labeller. */
  readonly labelSource: string;
  readonly flags: readonly string[];
};

const TEXT_COLUMNS = [
  { name: "prompt", type: "content" },
  { name: "chosen", type: "content" },
  { name: "rejected", type: "content" },
  { name: "id", type: "text" },
  { name: "prompt_id", type: "text" },
] as const satisfies readonly Column[];

/** What goes to the chat template beside the messages; only rows of conversations that have it. */
const INPUT_COLUMNS = [
  { name: "tools", type: "json" },
  { name: "chat_template_kwargs", type: "json" },
] as const satisfies readonly Column[];

/** The columns of a labels file, in order. */
export const LABEL_COLUMNS = [
  ...TEXT_COLUMNS,
  { name: "chosen_index", type: "integer" },
  { name: "score_chosen", type: "number" },
  { name: "score_rejected", type: "number" },
  { name: "margin", type: "number" },
  { name: "p_chosen", type: "number" },
  { name: "weight", type: "number" },
  { name: "label_source", type: "text" },
  { name: "flags", type: "texts" },
  ...INPUT_COLUMNS,
] as const satisfies readonly Column[];

/** Columns whose numbers may have fractions: a whole one is written with a decimal point in JSON Lines. */
export const decimalsOf = (columns: readonly Column[]): ReadonlySet<string> =>
  new Set(columns.flatMap(({ name, type }) => (type === "number" ? [name] : [])));

/**
 * Writes labels, atomically, to a `.jsonl` or `.parquet` file.
 * @throws DataError when a row is a tie or an abstention, a number is not finite or out of range, an id comes twice, or texts and
 *   message lists are mixed; ConfigError for another extension
 */
export async function writeLabels(file: string, rows: readonly LabelledRow[]): Promise<void> {
  for (const row of rows) checkLabel(file, row);
  await writeRecords(file, LABEL_COLUMNS, rows.map(labelRecord));
}

/**
 * Writes strict preferences (`prompt, chosen, rejected, id, prompt_id`, and `subset` and `asked` where a row has them), atomically, to a `.jsonl` or `.parquet` file.
 * @throws DataError when a row is a tie, an id comes twice, or texts and message lists are mixed; ConfigError for another extension
 */
export async function writePreferences(file: string, rows: readonly PreferenceRow[]): Promise<void> {
  const tie = rows.find(isTie);
  if (tie !== undefined) throw refused(file, tie.id, "is a tie, expected a preference. Leave ties out");
  const extra = EXTRA_COLUMNS.filter(({ name }) => rows.some((row) => row.meta?.[name] !== undefined));
  const records = rows.map((row) => ({
    ...textRecord(row),
    ...Object.fromEntries(extra.map(({ name }) => [name, row.meta?.[name] ?? ""])),
  }));
  await writeRecords(file, [...TEXT_COLUMNS, ...extra, ...INPUT_COLUMNS], records);
}

const EXTRA_COLUMNS = [
  { name: "subset", type: "text" },
  { name: "asked", type: "text" },
] as const satisfies readonly Column[];

/** One row under the names of the field. */
export function labelRecord(
  row: LabelledRow,
): Partial<Record<(typeof LABEL_COLUMNS)[number]["name"], unknown>> {
  return {
    ...textRecord(row),
    chosen_index: row.chosenIndex,
    score_chosen: row.scoreChosen,
    score_rejected: row.scoreRejected,
    margin: row.margin,
    p_chosen: row.pChosen,
    weight: row.weight,
    label_source: row.labelSource,
    flags: row.flags,
  };
}

function textRecord({
  prompt,
  chosen,
  rejected,
  id,
}: Pick<PreferenceRow, "id" | "prompt" | "chosen" | "rejected">) {
  return { ...promptColumns(prompt), chosen, rejected, id, prompt_id: promptId(prompt) };
}

async function writeRecords(
  file: string,
  columns: readonly Column[],
  records: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  checkIds(file, records);
  checkForms(file, columns, records);
  const extension = extname(file);
  if (extension === ".jsonl") await writeFileAtomic(file, jsonLines(records, decimalsOf(columns)));
  else if (extension === ".parquet") await writeFileAtomic(file, parquetBytes(columns, records));
  else throw new ConfigError(`${file}: has an unknown extension, expected .jsonl or .parquet.`);
}

/** @throws DataError when a row is a tie or an abstention, or a number is not finite or out of range */
export function checkLabel(file: string, row: LabelledRow): void {
  const banned = row.flags.find((flag) => flag === "tie" || flag === "abstain");
  if (banned !== undefined)
    throw refused(file, row.id, `is flagged "${banned}", expected a preference. Leave such rows out`);
  const numbers = {
    score_chosen: row.scoreChosen,
    score_rejected: row.scoreRejected,
    margin: row.margin,
    weight: row.weight,
  };
  for (const [name, value] of Object.entries(numbers))
    if (!Number.isFinite(value))
      throw refused(file, row.id, `has ${name} ${value}, expected a finite number`);
  if (row.weight < 0) throw refused(file, row.id, `has weight ${row.weight}, expected 0 or more`);
  if (!(row.pChosen >= 0 && row.pChosen <= 1))
    throw refused(file, row.id, `has p_chosen ${row.pChosen}, expected a number in [0, 1]`);
}

function checkIds(file: string, records: readonly Readonly<Record<string, unknown>>[]): void {
  const seen = new Set<unknown>();
  for (const { id } of records) {
    if (seen.has(id)) throw refused(file, String(id), "comes twice, expected every id once");
    seen.add(id);
  }
}

/** A column of a table has one type: loaders refuse, or worse guess, when text and lists are mixed. */
function checkForms(
  file: string,
  columns: readonly Column[],
  records: readonly Readonly<Record<string, unknown>>[],
): void {
  for (const { name } of columns.filter(({ type }) => type === "content")) {
    const form = typeof records[0]?.[name];
    const other = records.find((record) => typeof record[name] !== form);
    if (other !== undefined)
      throw refused(
        file,
        String(other.id),
        `has another form of ${name} than the first row (text or message list), expected one form`,
      );
  }
}

/** The error of a row that is not written. */
export function refused(file: string, id: string, problem: string): DataError {
  return new DataError(file, 0, `not written: row "${id}" ${problem}.`);
}
