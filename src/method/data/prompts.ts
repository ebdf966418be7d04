/** Prompts to answer, out of a file of any kind: the column `prompt` of a table, a JSON list, or a text with one a line. */
import { ConfigError, DataError, listed, show } from "../../base/core/errors.ts";
import { readText } from "../../base/core/files.ts";
import { parseJson } from "../../base/core/json-text.ts";
import { didYouMean } from "../../base/core/suggest.ts";
import { isHubSource } from "../../base/files/hub.ts";
import type { RawProblem, RawRecord } from "../../base/files/record.ts";
import { sourceFiles } from "../../base/files/source-files.ts";
import { isTable, openTable } from "../../base/files/table.ts";
import { type BadRow, badRowsError } from "./bad-rows.ts";

/** Prompts, and the rows that were left out. */
export type ReadPrompts = { readonly prompts: readonly string[]; readonly bad: readonly BadRow[] };

/**
 * Reads prompts of one source after another: the different ones of a table's column `prompt`, in the order of its rows, of which bad ones may be
 * skipped; of a `.json` list, texts or objects with a `prompt`; of any other file, its lines that are not blank. A folder or a glob stands for its
 * data files. What comes in two sources is asked once.
 * @throws DataError for bad rows (unless skipped; all are listed) or items, or a broken file; ConfigError when there is no prompt
 */
export async function readPrompts(
  sources: readonly string[],
  { onBadRow = "fail" }: { readonly onBadRow?: "fail" | "skip" } = {},
): Promise<ReadPrompts> {
  const lists: (readonly string[])[] = [];
  const bad: BadRow[] = [];
  let records = 0;
  for (const source of sources)
    for (const file of await filesOf(source)) {
      const read = await promptsIn(file, bad);
      records += read.records;
      lists.push(read.prompts);
    }
  if (bad.length > 0 && onBadRow === "fail") throw badRowsError(bad, records);
  const prompts = lists.length === 1 ? lists[0]! : [...new Set(lists.flat())];
  if (prompts.length === 0) throw new ConfigError(`${listed(sources)}: holds no prompt.`);
  return { prompts, bad };
}

/** The data files of a folder or a glob; another file as it is, since a text with one prompt a line is no data file. */
async function filesOf(source: string): Promise<readonly string[]> {
  return isHubSource(source) ? [source] : (await sourceFiles(source)).files;
}

type Found = { readonly prompts: readonly string[]; readonly records: number };

async function promptsIn(file: string, bad: BadRow[]): Promise<Found> {
  if (!/\.json$/i.test(file) && isTable(file)) return columnOf(file, bad);
  const text = await readText(file);
  if (/\.json$/i.test(file)) return parseList(text, file, bad);
  const prompts = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return { prompts, records: prompts.length };
}

async function columnOf(file: string, bad: BadRow[]): Promise<Found> {
  const prompts = new Set<string>();
  let records = 0;
  const knowsHeader = (cells: readonly string[]) => cells.includes("prompt") || undefined;
  for await (const record of openTable(file, { knowsHeader })) {
    records++;
    const problem = problemOf(record);
    if (problem !== undefined)
      bad.push({ file: record.file, line: record.line, column: "", problem, fix: "" });
    else prompts.add((record as RawRecord).value.prompt as string);
  }
  return { prompts: [...prompts], records };
}

function problemOf(record: RawRecord | RawProblem): string | undefined {
  if ("problem" in record) return record.problem;
  const { prompt } = record.value;
  if (prompt === undefined) return noColumn(Object.keys(record.value));
  return typeof prompt === "string" ? undefined : `column "prompt": expected text, got ${show(prompt)}`;
}

function noColumn(columns: readonly string[]): string {
  const found = columns.join(", ").slice(0, 300) || "none";
  const like = didYouMean("prompt", columns) || ".";
  return `expected a column "prompt", got ${found}${like} Rename the column, or give a text file with one prompt a line`;
}

function parseList(text: string, file: string, bad: BadRow[]): Found {
  const wanted = 'expected a JSON list of prompts (texts, or objects with "prompt")';
  const list = parsed(text, (cause) => new DataError(file, 0, `${wanted}, got no JSON.`, { cause }));
  if (!Array.isArray(list)) throw new DataError(file, 0, `${wanted}, got ${show(list)}.`);
  const prompts = list.flatMap((item: unknown, i) => {
    const prompt = typeof item === "object" && item !== null && "prompt" in item ? item.prompt : item;
    if (typeof prompt === "string") return prompt;
    const problem = `expected text, or an object with a text "prompt", got ${show(item)}`;
    bad.push({ file, line: i + 1, column: "", problem, fix: "" });
    return [];
  });
  // Texts are asked for one by one; objects are rows, of which several may share a prompt.
  const asked = list.every((item) => typeof item === "string");
  return { prompts: asked ? prompts : [...new Set(prompts)], records: list.length };
}

function parsed(text: string, fail: (cause: unknown) => DataError): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw fail(error);
  }
}
