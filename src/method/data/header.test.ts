/** Whether a CSV file's first line names its columns: said, known from the names that are wanted, or judged by its looks and told. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseColumnMap } from "./adapters/column-map.ts";
import { readCandidates, readPreferences } from "./load.ts";
import { formatLoadReport } from "./load-report.ts";
import { openCandidates } from "./stream-candidates.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weak-teacher-header-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const BLANK = ",ask,better,worse\n0,What is tea?, A drink., A car.\n1,What is ice?, Cold water., A song.\n";
const map = parseColumnMap("prompt=ask,chosen=better,rejected=worse");

describe("a data frame saved with its index", () => {
  test("is read by the names of --map", async () => {
    const { rows, report } = await readPreferences(await write("frame.csv", BLANK), { map });
    expect(rows.map(({ prompt, chosen, rejected }) => [prompt, chosen, rejected])).toEqual([
      ["What is tea?", " A drink.", " A car."],
      ["What is ice?", " Cold water.", " A song."],
    ]);
    expect(report.notes).toEqual(["the header leaves a name blank: the column is called index"]);
  });

  test("is read by a known shape's names", async () => {
    const file = await write("known.csv", BLANK.replace("ask,better,worse", "prompt,chosen,rejected"));
    expect((await readPreferences(file)).rows).toHaveLength(2);
    const tabs = await write(
      "known.tsv",
      BLANK.replace("ask,better,worse", "prompt,chosen,rejected").replaceAll(",", "\t"),
    );
    expect((await readPreferences(tabs)).rows).toMatchObject([{ chosen: " A drink." }, {}]);
  });
});

test("names with spaces are a header where the map has them, with a byte-order mark, CRLF and quotes", async () => {
  const file = await write(
    "spaces.csv",
    '\ufeff"the question","answer (good)",answer bad\r\nWhy?," So.\r\nYes."," No."\r\n',
  );
  const spaced = parseColumnMap("prompt=the question,chosen=answer (good),rejected=answer bad");
  expect((await readPreferences(file, { map: spaced })).rows).toMatchObject([
    { prompt: "Why?", chosen: " So.\r\nYes.", rejected: " No." },
  ]);
});

test("without names that are known its looks decide, which is told; the flag decides over all", async () => {
  const byPlace = parseColumnMap("prompt=column1,response_a=column2,response_b=column3");
  const pool = await write("words.csv", "Dog,cat,cow\nSun,moon,star\n");
  const { pairs } = await readCandidates(pool, { map: byPlace, seed: 1 });
  expect(pairs.map(({ prompt }) => prompt)).toEqual(["Dog", "Sun"]);
  await expect(readCandidates(pool, { map: byPlace, header: true, seed: 1 })).rejects.toThrow(
    /"column1" is missing.*columns are Dog, cat, cow/,
  );
  await expect(readCandidates(pool, { seed: 1 })).rejects.toThrow(
    /Note: the first line is taken for the names of the columns \(Dog, cat, cow\); --header no if it is a row/,
  );
  const scenarios = await write("util.csv", "I ate. It was good.,I ate. It was bad.\n");
  const { report } = await readPreferences(scenarios);
  expect(formatLoadReport(report)[1]).toBe(
    "  note: the first line (I ate. It was good., I ate. It was bad.) is taken for a row, and the columns are called column1, column2; --header yes if it names them",
  );
  expect((await openCandidates(scenarios, { seed: 1 })).report.notes).toEqual(report.notes);
});

test("two columns of one name are refused, and a flag on a file that has no such line is told", async () => {
  await expect(
    readPreferences(await write("twice.csv", "prompt,chosen,rejected,chosen\na,b,c,d\n")),
  ).rejects.toThrow(/twice\.csv:1: names the column "chosen" twice/);
  const lines = await write("a.jsonl", '{"prompt":"p","chosen":" a","rejected":" b"}\n');
  expect((await readPreferences(lines, { header: true })).report.notes).toEqual([
    expect.stringContaining("without effect on this one"),
  ]);
});
