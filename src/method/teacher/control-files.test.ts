import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { goldRewards } from "./control-files.ts";

const IDS = ["9007199254740992", "9007199254740993"];
const rows = IDS.map(
  (id, i) => `{"id": ${id}, "prompt": "q${i}?", "response_a": " yes", "response_b": " no"}`,
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weak-teacher-controls-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

test("gold rewards beyond 2^53 find their pair by number or by text, and never another's", async () => {
  const pairs = await write("pairs.jsonl", rows.join("\n"));
  const gold = await write(
    "gold.jsonl",
    `{"id": ${IDS[0]}, "goldA": 1, "goldB": 0}\n{"id": "${IDS[1]}", "goldA": 0, "goldB": 1}\n`,
  );
  expect(await goldRewards([gold], [pairs], { seed: 1 })).toEqual(
    new Map([
      [IDS[0], { scoreA: 1, scoreB: 0 }],
      [IDS[1], { scoreA: 0, scoreB: 1 }],
    ]),
  );
});
