/** Ids beyond 2^53, which doubles round: kept apart in every kind of file. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCandidates } from "./load.ts";

const IDS = ["9007199254740992", "9007199254740993", "-9007199254740995"];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weak-teacher-ids-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, data: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, data);
  return path;
}

const rows = IDS.map(
  (id, i) => `{"id": ${id}, "prompt": "q${i}?", "response_a": " yes", "response_b": " no"}`,
);
const idsOf = async (file: string) => (await readCandidates(file, { seed: 1 })).pairs.map(({ id }) => id);

test("JSON Lines, JSON, CSV and Parquet all keep the ids that they hold", async () => {
  const csv = `id,prompt,response_a,response_b\n${IDS.map((id, i) => `${id},q${i}?, yes, no\n`).join("")}`;
  const text = (column: string, of: (i: number) => string) => ({
    name: column,
    data: IDS.map((_, i) => of(i)),
  });
  const parquet = parquetWriteBuffer({
    columnData: [
      { name: "id", data: IDS.map(BigInt), type: "INT64" },
      text("prompt", (i) => `q${i}?`),
      text("response_a", () => " yes"),
      text("response_b", () => " no"),
    ],
  });
  expect(await idsOf(await write("a.jsonl", rows.join("\n")))).toEqual(IDS);
  expect(await idsOf(await write("a.json", `[${rows.join(",\n")}]`))).toEqual(IDS);
  expect(await idsOf(await write("a.csv", csv))).toEqual(IDS);
  expect(await idsOf(await write("a.parquet", new Uint8Array(parquet)))).toEqual(IDS);
});

test("an id that is no integer any more is refused, and so is a member that comes twice", async () => {
  const pair = '"prompt": "q?", "response_a": " yes", "response_b": " no"}';
  await expect(idsOf(await write("e.jsonl", `{"id": 9.007199254740993e15, ${pair}`))).rejects.toThrow(
    /"id" is 9007199254740992, a number so large.*Write ids as text/s,
  );
  await expect(idsOf(await write("twice.jsonl", `{"id": 1, "id": 2, ${pair}`))).rejects.toThrow(
    /:1: is not valid JSON: an object names "id" twice/,
  );
});
