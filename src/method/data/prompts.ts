/** Prompts to answer, out of a file of any kind: the column `prompt` of a table, a JSON list, or a text with one a line. */
import { ConfigError, DataError, show } from "../../base/core/errors.ts";
import { readText } from "../../base/core/files.ts";
import { parseJson } from "../../base/core/json-text.ts";
import { didYouMean } from "../../base/core/suggest.ts";
import { openTable } from "../../base/files/table.ts";

const TABLE = /\.(jsonl|ndjson|csv|tsv)(\.gz)?$|\.parquet$/i;

/**
 * Reads prompts: the different ones of a table's column `prompt`, in the file's order; of a `.json` list, texts or objects with a
 * `prompt`; of any other file, its lines that are not blank.
 * @throws DataError for a row or item without a text there, or a broken file; ConfigError when there is no prompt
 */
export async function readPrompts(file: string): Promise<string[]> {
  const prompts = TABLE.test(file)
    ? await columnOf(file)
    : file.endsWith(".json")
      ? parseList(await readText(file), file)
      : (await readText(file)).split(/\r?\n/).filter((line) => line.trim() !== "");
  if (prompts.length === 0) throw new ConfigError(`${file}: holds no prompt.`);
  return prompts;
}

async function columnOf(file: string): Promise<string[]> {
  const prompts = new Set<string>();
  for await (const record of openTable(file, {
    knowsHeader: (cells) => cells.includes("prompt") || undefined,
  })) {
    if ("problem" in record) throw new DataError(record.file, record.line, record.problem);
    const { line, value } = record;
    if (value.prompt === undefined) throw new DataError(record.file, line, noColumn(Object.keys(value)));
    if (typeof value.prompt !== "string")
      throw new DataError(record.file, line, `column "prompt": expected text, got ${show(value.prompt)}.`);
    prompts.add(value.prompt);
  }
  return [...prompts];
}

function noColumn(columns: readonly string[]): string {
  const found = columns.join(", ").slice(0, 300) || "none";
  const like = didYouMean("prompt", columns) || ".";
  return `expected a column "prompt", got ${found}${like} Rename the column, or give a text file with one prompt a line.`;
}

function parseList(text: string, file: string): string[] {
  const wanted = 'expected a JSON list of prompts (texts, or objects with "prompt")';
  const list = parsed(text, (cause) => new DataError(file, 0, `${wanted}, got no JSON.`, { cause }));
  if (!Array.isArray(list)) throw new DataError(file, 0, `${wanted}, got ${show(list)}.`);
  const prompts = list.map((item: unknown, i) => {
    const prompt = typeof item === "object" && item !== null && "prompt" in item ? item.prompt : item;
    if (typeof prompt === "string") return prompt;
    throw new DataError(
      file,
      0,
      `item ${i + 1}: expected text, or an object with a text "prompt", got ${show(item)}.`,
    );
  });
  // Texts are asked for one by one; objects are rows, of which several may share a prompt.
  return list.every((item) => typeof item === "string") ? prompts : [...new Set(prompts)];
}

function parsed(text: string, fail: (cause: unknown) => DataError): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw fail(error);
  }
}
