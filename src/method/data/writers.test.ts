import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256 } from "../../base/core/digest.ts";
import { openTable } from "../../base/files/table.ts";
import { readPreferences } from "./load.ts";
import type { Text } from "./rows.ts";
import { LABEL_COLUMNS, type LabelledRow, writeLabels, writePreferences } from "./writers.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weak-teacher-writers-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const label = (
  id: string,
  texts: { prompt: Text; chosen: Text; rejected: Text } = { prompt: "p", chosen: "c", rejected: "r" },
): LabelledRow => ({
  id,
  ...texts,
  chosenIndex: 1,
  scoreChosen: 1.5,
  scoreRejected: -0.25,
  margin: 1.75,
  pChosen: 0.8,
  weight: 1,
  labelSource: "teacher abc",
  flags: ["length_gap"],
});
const chat = {
  prompt: [{ role: "user", content: "p" }],
  chosen: [{ role: "assistant", content: "c" }],
  rejected: [{ role: "assistant", content: "r" }],
};

async function all(path: string) {
  const records = [];
  for await (const record of openTable(path)) records.push("value" in record ? record.value : record.problem);
  return records;
}

// field.md 3.1: TRL's explicit preference row first, then the settled extras.
const FIELD_COLUMNS = [
  "prompt",
  "chosen",
  "rejected",
  "id",
  "prompt_id",
  "chosen_index",
  "score_chosen",
  "score_rejected",
  "margin",
  "p_chosen",
  "weight",
  "label_source",
  "flags",
];

test.each(["jsonl", "parquet"])("a labels file holds the field's columns, in %s", async (extension) => {
  const path = join(folder, `labels.${extension}`);
  await writeLabels(path, [label("a"), { ...label("b"), flags: [] }]);
  const records = await all(path);
  expect(LABEL_COLUMNS.map((column) => column.name)).toEqual([
    ...FIELD_COLUMNS,
    "tools",
    "chat_template_kwargs",
  ]);
  expect(Object.keys(records[0] as object)).toEqual(FIELD_COLUMNS);
  expect(records[0]).toEqual({
    prompt: "p",
    chosen: "c",
    rejected: "r",
    id: "a",
    prompt_id: sha256("p"),
    chosen_index: 1,
    score_chosen: 1.5,
    score_rejected: -0.25,
    margin: 1.75,
    p_chosen: 0.8,
    weight: 1,
    label_source: "teacher abc",
    flags: ["length_gap"],
  });
  expect((records[1] as { flags: unknown }).flags).toEqual([]);
});

test.each(["jsonl", "parquet"])(
  "message lists stay message lists, and the file reads back as our labels, in %s",
  async (extension) => {
    const path = join(folder, `chat.${extension}`);
    await writeLabels(path, [
      label("a", chat),
      label("b", { ...chat, prompt: [...chat.prompt, ...chat.chosen, ...chat.prompt] }),
    ]);
    const { rows, report } = await readPreferences(path);
    expect(report.format).toBe("labels");
    expect(rows[0]).toEqual({ id: "a", ...chat, meta: { scoreChosen: 1.5, scoreRejected: -0.25 } });
    expect(rows[1]?.prompt).toHaveLength(3);
  },
);

test("preferences round-trip through TRL's columns", async () => {
  const path = join(folder, "preferences.parquet");
  await writePreferences(path, [
    { id: "a", prompt: "p", chosen: "c", rejected: "r", meta: { scoreChosen: 1 } },
  ]);
  expect(await all(path)).toEqual([
    { prompt: "p", chosen: "c", rejected: "r", id: "a", prompt_id: sha256("p") },
  ]);
  const { rows, report } = await readPreferences(path);
  expect([rows, report.format]).toEqual([[{ id: "a", prompt: "p", chosen: "c", rejected: "r" }], "trl"]);
});

test("whatever is no preference, no number or no one form is refused and leaves no file", async () => {
  const path = join(folder, "refused.jsonl");
  const refusal = (rows: LabelledRow[]) => expect(writeLabels(path, rows)).rejects;
  await refusal([{ ...label("a"), flags: ["tie"] }]).toThrow(/row "a" is flagged "tie"/);
  await refusal([{ ...label("a"), flags: ["abstain", "truncated"] }]).toThrow(/flagged "abstain"/);
  await refusal([{ ...label("a"), margin: Number.NaN }]).toThrow(/has margin NaN/);
  await refusal([{ ...label("a"), pChosen: Number.NaN }]).toThrow(/has p_chosen NaN/);
  await refusal([{ ...label("a"), pChosen: -0.1 }]).toThrow(/has p_chosen -0\.1/);
  await refusal([{ ...label("a"), weight: -1 }]).toThrow(/has weight -1/);
  await refusal([label("a"), label("a")]).toThrow(/comes twice/);
  await refusal([label("a"), label("b", chat)]).toThrow(/another form of prompt/);
  await expect(
    writePreferences(path, [{ id: "t", prompt: "p", chosen: "c", rejected: "r", meta: { flags: ["tie"] } }]),
  ).rejects.toThrow(/is a tie/);
  await expect(writeLabels(join(folder, "labels.txt"), [label("a")])).rejects.toThrow(/unknown extension/);
  await expect(stat(path)).rejects.toThrow("ENOENT");
});

test("non-ASCII text is written as UTF-8, one row a line", async () => {
  const path = join(folder, "utf8.jsonl");
  await writeLabels(path, [label("ü", { prompt: "p\n2", chosen: "你好", rejected: "🙂" })]);
  const text = await readFile(path, "utf8");
  expect(text.split("\n")).toHaveLength(2);
  expect(text).toContain('"chosen":"你好","rejected":"🙂"');
});
