/** Answers of people and a teacher from files: each on the side that it was given for, whatever order the pairs were drawn in. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseColumnMap } from "../../method/data/adapters/column-map.ts";
import { readCandidates } from "../../method/data/load.ts";
import { readLabelFile } from "../../method/labels/label-file.ts";
import { labelPoolFile } from "./label-pool.ts";
import { readJudged } from "./plan-agreements.ts";

let folder: string;
let file: string;
const MAP = "prompt=q,a=one,b=two,label=anna;ben;model,values=1:a;2:b;0:tie";
const read = { map: parseColumnMap(MAP) };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-plan-"));
  file = join(folder, "answers.jsonl");
  // Anna always takes "good"; Ben calls every fifth pair a tie and else takes "good"; the model takes "bad" on every fourth.
  const rows = Array.from({ length: 40 }, (_, i) => {
    const good = i % 2 === 0 ? 1 : 2;
    return {
      ...{ q: `p${i}`, one: good === 1 ? "good" : "bad", two: good === 1 ? "bad" : "good" },
      ...{ anna: good, ben: i % 5 === 0 ? 0 : good, model: i % 4 === 0 ? 3 - good : good },
    };
  });
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => rm(folder, { recursive: true }));

test("a column is the teacher's: its answers stand beside people's, ties are none", async () => {
  const { people, items } = await readJudged({ file, read, seed: 22, teacher: "model" });
  expect(people).toEqual(["anna", "ben"]);
  expect(items).toHaveLength(40);
  const agree = (of: (item: (typeof items)[number]) => boolean) => items.filter(of).length;
  expect(agree(({ people: [anna, ben] }) => anna === ben)).toBe(32);
  expect(agree(({ people: [, ben] }) => ben === null)).toBe(8);
  expect(agree(({ people: [anna], teacher }) => anna === teacher)).toBe(30);
  // The order of the two responses is drawn: both sides are the good one somewhere.
  expect(new Set(items.map(({ people: [anna] }) => anna))).toEqual(new Set(["a", "b"]));
});

test("labels of a folder stand on the same sides as people's answers", async () => {
  const labels = join(folder, "labels");
  const teacher = { kind: "random", seed: 1 } as const;
  await labelPoolFile({ pool: file, teacher, out: labels, read, seed: 22, set: [], code: "1" });
  const { people, items } = await readJudged({ file, read: undefined, seed: 22, labels });
  expect(people).toEqual(["anna", "ben", "model"]);
  // By the texts: Anna's side is the good one.
  const { pairs } = await readCandidates(file, { ...read, seed: 22 });
  const good = new Map(pairs.map(({ id, a }) => [id, a === "good" ? "a" : "b"]));
  const made = await readLabelFile(join(labels, "labels.jsonl"));
  const right = made.filter(({ id, preferred }) => preferred === good.get(id)).length;
  expect(right).toBeGreaterThan(5);
  expect(right).toBeLessThan(35);
  expect(items.filter(({ people: [anna], teacher }) => anna === teacher)).toHaveLength(right);
});

test("who is missing is said", async () => {
  const asked = { file, read, seed: 22 };
  await expect(readJudged({ ...asked, teacher: "carla" })).rejects.toThrow(
    /no answers under that name .*which has anna, ben, model/,
  );
  const two = { map: parseColumnMap(MAP.replace("anna;ben", "anna")) };
  await expect(readJudged({ ...asked, read: two, teacher: "model" })).rejects.toThrow(
    /expected the answers of two people or more, got those of anna/,
  );
  await expect(readJudged(asked)).rejects.toThrow(/from one place, .* got neither/);
  await expect(readJudged({ ...asked, teacher: "model", labels: "x" })).rejects.toThrow(/got both/);
});
