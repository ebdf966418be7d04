/** Training rows as `datasets` loads them from the folder of a labelling: the declared types whatever the rows, from Parquet and from JSON Lines. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { promptWithColumns } from "../../src/method/data/template-columns.ts";
import { LABEL_COLUMNS, type LabelledRow } from "../../src/method/data/writers.ts";
import { openLabelWriter } from "../../src/method/labels/label-writer.ts";
import { LABEL_FILES } from "../../src/method/labels/labelling.ts";
import { python, runPythonLong } from "./python.ts";

const plain: LabelledRow = {
  ...{ id: "1", prompt: "p", chosen: "c", rejected: "r", chosenIndex: 0, labelSource: "t", flags: [] },
  ...{ scoreChosen: 2, scoreRejected: 1, margin: 1, pChosen: 1, weight: 1 },
};
const turn = (role: "user" | "assistant", content: string) => [{ role, content }];
const chat = { prompt: turn("user", "p"), chosen: turn("assistant", "c"), rejected: turn("assistant", "r") };

const withTools = promptWithColumns(chat.prompt, { tools: [{ type: "function", function: { name: "f" } }] });

/** Rows that a reader who guesses takes for something else: whole weights and no flags; first whole, then not; conversations. */
const FOLDERS: Readonly<Record<string, readonly LabelledRow[]>> = {
  whole: [plain, { ...plain, id: "2" }],
  mixed: [plain, { ...plain, id: "2", weight: 0.5, pChosen: 0.75, flags: ["truncated"] }],
  chat: [{ ...plain, ...chat }],
  // With tools, which are JSON text in Parquet: the folder is its Parquet.
  tools: [{ ...plain, ...chat, prompt: withTools }],
};
const TYPES = {
  text: "Value('string')",
  texts: "List(Value('string'))",
  number: "Value('float64')",
} as const;

describe.skipIf(python === undefined)("labels in datasets (scripts/python-env.sh)", () => {
  let scratch: string;
  let found: Record<
    string,
    Record<"parquet" | "folder" | "bare", Record<string, string>> & { rows: unknown[] }
  >;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "labels-types-"));
    for (const [name, rows] of Object.entries(FOLDERS)) {
      const folder = join(scratch, "labels", name);
      await mkdir(folder, { recursive: true });
      const { training, table, card } = LABEL_FILES;
      const writer = await openLabelWriter({
        ...{ jsonl: join(folder, training), parquet: join(folder, table), card: join(folder, card) },
      });
      for (const row of rows) await writer.add(row);
      await writer.finish();
    }
    const args = [join(scratch, "labels"), join(scratch, "cache")];
    found = JSON.parse(await runPythonLong("labels_types.py", args));
  }, 3_600_000);
  afterAll(() => rm(scratch, { recursive: true }));

  test.each(Object.keys(FOLDERS))("%s", (name) => {
    const { parquet, folder, bare, rows } = found[name]!;
    for (const { name: column, type } of LABEL_COLUMNS) {
      if (!(type in TYPES)) continue;
      const wanted = TYPES[type as keyof typeof TYPES];
      expect(parquet[column], `${column}, Parquet`).toBe(wanted);
      expect(folder[column], `${column}, the folder's JSON Lines`).toBe(wanted);
      // Without the card numbers are read right all the same; a list that is always empty has no type.
      if (type === "number") expect(bare[column], `${column}, bare JSON Lines`).toBe(wanted);
    }
    expect(Object.keys(folder)).toEqual(Object.keys(parquet));
    expect(rows[1]).toEqual(rows[0]);
  });
});
