import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { labelFromScores } from "../../method/labels/label.ts";
import { serializeLabel } from "../../method/labels/label-file.ts";
import { countByProbability, filterLabels, indexLabels, readLabelRow } from "./label-index.ts";

let folder: string;
// Scores are log-odds: P = 1 / (1 + exp(-1)) = .731, .881 (margin -2), .5 (tie), .5 (cut off)
const labels = [
  labelFromScores({ id: "ä1", scoreA: 1, scoreB: 0, teacher: "t" }),
  labelFromScores({ id: "b2", scoreA: 0, scoreB: 2, flags: ["odd"], teacher: "t" }),
  labelFromScores({ id: "c3", scoreA: 1, scoreB: 1, teacher: "t" }),
  labelFromScores({ id: "d4", scoreA: 1, scoreB: 0, flags: ["truncated"], teacher: "t" }),
  labelFromScores({ id: "e5", scoreA: 1, scoreB: 0, teacher: "t" }),
];
const lines = (rows: readonly string[]) => rows.map((row) => `${row}\n`).join("");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-index-"));
  await writeFile(join(folder, "labels.jsonl"), lines(labels.map(serializeLabel)));
  const training = ["ä1", "b2", "e5"].map((id) =>
    JSON.stringify({ prompt: `p ${id} ü`, chosen: "c", rejected: "r", id }),
  );
  await writeFile(join(folder, "training.jsonl"), lines(training));
});
afterAll(() => rm(folder, { recursive: true }));

test("rows come back by their places, with the texts of those that are trained on", async () => {
  const index = await indexLabels(folder);
  expect(index.rows).toBe(5);
  for (const [row, { id }] of labels.entries()) {
    const found = await readLabelRow(folder, index, row);
    expect(found.label).toEqual(labels[row]);
    const trained = ["ä1", "b2", "e5"].includes(id);
    expect(found.training?.["prompt"]).toBe(trained ? `p ${id} ü` : undefined);
  }
});

test("filters and orders, each and together", async () => {
  const index = await indexLabels(folder);
  const rows = (filter: Parameters<typeof filterLabels>[1]) => [...filterLabels(index, filter)];
  expect(rows({})).toEqual([0, 1, 2, 3, 4]);
  expect(rows({ preferred: ["a", "b"] })).toEqual([0, 1, 4]);
  expect(rows({ preferred: ["tie"] })).toEqual([2]);
  expect(rows({ low: 0.6, high: 0.8 })).toEqual([0, 4]);
  expect(rows({ flag: "odd" })).toEqual([1]);
  expect(rows({ flag: "nothing has it" })).toEqual([]);
  expect(rows({ trained: false })).toEqual([2, 3]);
  expect(rows({ sort: "sure", preferred: ["a", "b"] })).toEqual([1, 0, 4]);
  expect(rows({ sort: "unsure", preferred: ["a", "b"] })).toEqual([0, 4, 1]);
  // .5 in the first of twenty parts, .731 in the tenth, .881 in the sixteenth
  const counts = countByProbability(index, filterLabels(index, {}));
  expect(counts.flatMap((count, i) => (count > 0 ? [[i, count]] : []))).toEqual([
    [0, 2],
    [9, 2],
    [15, 1],
  ]);
});

test("more rows than a chunk or a first set of columns holds, and a line that is no label with its place", async () => {
  const many = Array.from({ length: 20_000 }, (_, i) =>
    labelFromScores({ id: `row ${i}`, scoreA: i, scoreB: 0.5, teacher: "t" }),
  );
  const other = await mkdtemp(join(tmpdir(), "wt-index-"));
  await writeFile(join(other, "labels.jsonl"), lines(many.map(serializeLabel)));
  const index = await indexLabels(other);
  expect(index.rows).toBe(20_000);
  for (const row of [0, 1023, 1024, 13_337, 19_999])
    expect((await readLabelRow(other, index, row)).label.id).toBe(`row ${row}`);
  await writeFile(join(other, "labels.jsonl"), `${serializeLabel(many[0]!)}\n{"id":"x"}\n`);
  await expect(indexLabels(other)).rejects.toThrow("labels.jsonl:2: ");
  await rm(other, { recursive: true });
});
