import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Field, List, Struct, Table, tableFromJSON, tableToIPC, Utf8, vectorFromArray } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { sourceFiles } from "../../base/files/source-files.ts";
import { readPreferences } from "./load.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const write = async (name: string, content: string | Uint8Array) => {
  await mkdir(dirname(at(name)), { recursive: true });
  await writeFile(at(name), content);
};
const row = (i: number) => ({ prompt: `Question ${i}?`, chosen: ` yes ${i}`, rejected: ` no ${i}` });
const lines = (...numbers: number[]) => numbers.map((i) => `${JSON.stringify(row(i))}\n`).join("");
const namesOf = async (source: string) =>
  (await sourceFiles(source)).files.map((file) => file.slice(folder.length + 1));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sources-"));
  await write("many/b.jsonl", lines(3));
  await write("many/a.jsonl", lines(1, 2));
  await write("many/README.md", "# pairs\n");
  await write("many/notes.docx", "x");
  await write("many/deep/c.jsonl", lines(4));
  for (const name of ["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"])
    await write(`hub/data/${name}.jsonl`, lines(name.length));
  await write("gap/train-00000-of-00003.jsonl", lines(1));
  await write("gap/train-00002-of-00003.jsonl", lines(2));
  await mkdir(at("empty"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("the files of a source", () => {
  test("a folder's own, in the order of their names; what is no data is named", async () => {
    expect(await namesOf(at("many"))).toEqual(["many/a.jsonl", "many/b.jsonl"]);
    expect((await sourceFiles(at("many"))).found).toBe(
      "2 files: a.jsonl, b.jsonl; not data: deep, notes.docx",
    );
  });

  test.each([
    ["many/*.jsonl", ["many/a.jsonl", "many/b.jsonl"]],
    ["many/**/*.jsonl", ["many/a.jsonl", "many/b.jsonl", "many/deep/c.jsonl"]],
    ["many/{b,deep/c,a}.jsonl", ["many/a.jsonl", "many/b.jsonl", "many/deep/c.jsonl"]],
    ["many/?.jsonl", ["many/a.jsonl", "many/b.jsonl"]],
    ["many/[!a].jsonl", ["many/b.jsonl"]],
    ["hub/data/train-*", ["hub/data/train-00000-of-00002.jsonl", "hub/data/train-00001-of-00002.jsonl"]],
  ])("of the glob %s", async (pattern, files) => {
    expect(await namesOf(at(pattern))).toEqual(files);
  });

  test("a plain file is itself, whatever its name", async () => {
    await write("odd[1].jsonl", lines(1));
    expect(await sourceFiles(at("odd[1].jsonl"))).toEqual({ files: [at("odd[1].jsonl")], found: undefined });
  });

  test.each([
    [
      "a split that is not named",
      "hub",
      ConfigError,
      /holds several splits.*train-\*" or ".*test-\*|test-\*" or ".*train-\*/,
    ],
    ["a shard that is missing", "gap", DataError, /shard 1 of 3 is missing of train \(1 in all\)/],
    ["a folder without data", "empty", DataError, /without data files/],
    ["a pattern that nothing matches", "many/*.parquet", DataError, /matches no data file/],
    ["a bracket that nothing closes", "many/[a.jsonl", ConfigError, /expected each \[ to be closed/],
    ["a path that is not there", "nowhere.jsonl", DataError, /no such file or folder/],
  ])("refuses %s", async (_, source, kind, message) => {
    await expect(sourceFiles(at(source))).rejects.toThrow(kind);
    await expect(sourceFiles(at(source))).rejects.toThrow(message);
  });
});

describe("rows of several files", () => {
  test("come one file after another, with one set of ids", async () => {
    const { rows, report } = await readPreferences(at("many/**/*.jsonl"));
    expect(rows.map(({ prompt }) => prompt)).toEqual([1, 2, 3, 4].map((i) => `Question ${i}?`));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(4);
    expect(report.notes).toContain("3 files: a.jsonl, b.jsonl, c.jsonl");
  });

  test("are of CSV files too: --header holds for them, and is said to be idle only where there are none", async () => {
    const idle = /without effect on this one/;
    for (const [name, one] of [
      ["one", 1],
      ["two", 2],
    ] as const)
      await write(`tables/${name}.csv`, `prompt,chosen,rejected\nQ${one},yes,no\n`);
    const read = await readPreferences(at("tables"), { header: true });
    expect(read.rows.map(({ prompt }) => prompt)).toEqual(["Q1", "Q2"]);
    expect(read.report.notes.join()).not.toMatch(idle);
    expect((await readPreferences(at("many"), { header: true })).report.notes.join()).toMatch(idle);
  });

  test("bad ones and ids that come twice are named by file and line", async () => {
    await write("bad/one.jsonl", `${JSON.stringify({ id: "x", ...row(1) })}\n`);
    await write(
      "bad/two.jsonl",
      `${lines(2)}{"prompt": "p", "chosen": 3}\n${JSON.stringify({ id: "x", ...row(3) })}\n`,
    );
    const read = readPreferences(at("bad"));
    await expect(read).rejects.toThrow(/two\.jsonl:2: /);
    await expect(readPreferences(at("bad"))).rejects.toThrow(
      /two\.jsonl:3: "id" is "x", which .*one\.jsonl:1 has already/,
    );
  });
});

/** Messages as `datasets` types them: lists of structs of two texts. */
function chats(rows: readonly Readonly<Record<string, readonly object[]>>[]): Table {
  const member = (name: string) => Field.new({ name, type: new Utf8() });
  const type = new List(Field.new({ name: "item", type: new Struct([member("role"), member("content")]) }));
  const columns = Object.keys(rows[0]!).map((name) => {
    return [
      name,
      vectorFromArray(
        rows.map((row) => row[name]),
        type,
      ),
    ] as const;
  });
  return new Table(Object.fromEntries(columns));
}

describe("Arrow", () => {
  const table = () => tableFromJSON([row(7), row(8)]);

  test.each(["stream", "file"] as const)("an IPC %s reads as JSON Lines do", async (kind) => {
    await write(`arrow/${kind}.arrow`, tableToIPC(table(), kind));
    const { rows } = await readPreferences(at(`arrow/${kind}.arrow`));
    await write("arrow-twin.jsonl", lines(7, 8));
    expect(rows).toEqual((await readPreferences(at("arrow-twin.jsonl"))).rows);
  });

  test("lists of structs are conversations", async () => {
    const chat = (i: number) => ({
      prompt: [{ role: "user", content: `Q ${i}` }],
      chosen: [{ role: "assistant", content: "yes" }],
      rejected: [{ role: "assistant", content: "no" }],
    });
    await write("chat.arrow", tableToIPC(chats([chat(1), chat(2)]), "stream"));
    const { rows } = await readPreferences(at("chat.arrow"));
    expect(rows.map(({ prompt, chosen, rejected }) => ({ prompt, chosen, rejected }))).toEqual([
      chat(1),
      chat(2),
    ]);
  });

  test("a folder of save_to_disk is read in the order of its state, and must be whole", async () => {
    await write("saved/data-00000-of-00001.arrow", tableToIPC(table(), "stream"));
    await write("saved/dataset_info.json", "{}");
    await write(
      "saved/state.json",
      JSON.stringify({ _data_files: [{ filename: "data-00000-of-00001.arrow" }] }),
    );
    expect((await sourceFiles(at("saved"))).found).toMatch(/^a dataset saved by datasets, 1 file/);
    expect((await readPreferences(at("saved"))).rows).toHaveLength(2);
    await write("saved/state.json", JSON.stringify({ _data_files: [{ filename: "../secret.arrow" }] }));
    await expect(sourceFiles(at("saved"))).rejects.toThrow(/expected _data_files with names of Arrow files/);
  });

  test("a broken file is told as such", async () => {
    await write("broken.arrow", tableToIPC(table(), "stream").slice(0, 300));
    await expect(readPreferences(at("broken.arrow"))).rejects.toThrow(DataError);
  });
});
