/** The unlabelled pool on disk: all that labelling code can open. Holds no column that could tell what people chose. */
import { join } from "node:path";
import { writeFileAtomic } from "../../base/core/files.ts";
import { jsonLines } from "../../base/files/json-lines.ts";
import { readRecords } from "../../base/files/jsonl.ts";
import type { TemplateInputs } from "../../engine/text/template-inputs.ts";
import { RowProblem } from "./adapters/adapter.ts";
import { contentAt, textAt } from "./adapters/columns.ts";
import { type BadRow, badRowsError } from "./bad-rows.ts";
import type { CandidatePair, PairMeta } from "./rows.ts";
import { promptColumns, promptWithColumns, TEMPLATE_COLUMNS } from "./template-columns.ts";

/** Name of the pool in its folder. */
export const POOL_FILE = "pool.jsonl";
const COLUMNS = ["id", "prompt", "response_a", "response_b", ...TEMPLATE_COLUMNS, "group", "subset"];

/** Writes `pool.jsonl` (`id, prompt, response_a, response_b`, and `tools`, `chat_template_kwargs`, `group`, `subset` where known) and gives its path. */
export async function writePoolFile(folder: string, pairs: readonly CandidatePair[]): Promise<string> {
  const file = join(folder, POOL_FILE);
  const records = pairs.map(({ id, prompt, a, b, meta }) => ({
    id,
    ...promptColumns(prompt),
    response_a: a,
    response_b: b,
    group: meta?.group,
    subset: meta?.subset,
  }));
  await writeFileAtomic(file, jsonLines(records));
  return file;
}

/**
 * Reads the pool of a folder.
 * @throws DataError listing the bad rows; a column beside the pool's own is bad, for it might tell what people chose
 */
export async function readPool(folder: string): Promise<CandidatePair[]> {
  const file = join(folder, POOL_FILE);
  const pairs: CandidatePair[] = [];
  const bad: BadRow[] = [];
  const ids = new Set<string>();
  for await (const record of readRecords(file)) {
    try {
      pairs.push(toPair(record.value, ids));
    } catch (error) {
      if (!(error instanceof RowProblem)) throw error;
      bad.push({ file, line: record.line, column: error.column, problem: error.message, fix: error.fix });
    }
  }
  if (bad.length > 0) throw badRowsError(bad, pairs.length + bad.length);
  return pairs;
}

/** The pair of one record of a pool. @throws RowProblem for what no pool holds */
export const pairOfRecord = (value: Readonly<Record<string, unknown>>): CandidatePair =>
  toPair(value, new Set());

function toPair(value: Readonly<Record<string, unknown>>, ids: Set<string>): CandidatePair {
  const stranger = Object.keys(value).find((column) => !COLUMNS.includes(column));
  if (stranger !== undefined)
    throw new RowProblem(
      stranger,
      `is no column of a pool (${COLUMNS.join(", ")})`,
      "Write the pool again without it; labels live elsewhere.",
    );
  const id = textAt(value, "id");
  if (ids.has(id)) throw new RowProblem("id", `"${id}" comes twice`, "Write the pool again.");
  ids.add(id);
  const meta: PairMeta = {
    ...(value.group === undefined ? {} : { group: textAt(value, "group") }),
    ...(value.subset === undefined ? {} : { subset: textAt(value, "subset") }),
  };
  return {
    id,
    prompt: promptWithColumns(contentAt(value, "prompt"), value as TemplateInputs),
    a: contentAt(value, "response_a"),
    b: contentAt(value, "response_b"),
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}
