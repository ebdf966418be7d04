/** What Python's `datasets` saves, read here: the rows are those of its own JSON Lines. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPreferences } from "../../src/method/data/load.ts";
import { python, runPython } from "./python.ts";

describe.skipIf(python === undefined)("datasets on disk (scripts/python-env.sh)", () => {
  let folder: string;
  const rowsOf = async (name: string) => (await readPreferences(join(folder, name))).rows;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "saved-"));
    runPython("saved_datasets.py", [folder]);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.each([["one"], ["shards"], ["dict/train"], ["hub"], ["hub/data/train-*.parquet"]])(
    "%s",
    async (name) => {
      const rows = await rowsOf("twin.jsonl");
      expect(rows).toHaveLength(7);
      expect(await rowsOf(name)).toEqual(rows);
    },
  );

  test("rows that were selected, in their order", async () => {
    expect((await rowsOf("chosen")).map(({ id }) => id)).toEqual(["r5", "r1", "r3"]);
  });

  test("a dataset of several splits asks for one", async () => {
    await expect(rowsOf("dict")).rejects.toThrow(/holds several splits.*dict\/train" or ".*dict\/test"/);
  });
});
