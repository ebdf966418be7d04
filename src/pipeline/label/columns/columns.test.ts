import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { labelFromScores } from "../../../method/labels/label.ts";
import { serializeLabel } from "../../../method/labels/label-file.ts";
import { lookBeside } from "./beside.ts";
import { indexLabels } from "./build.ts";
import { keptFile, readKept, stampOf, writeKept } from "./kept.ts";
import { openLabelIndex } from "./open.ts";
import { agreementOf, filterLabels, histogramsOf } from "./query.ts";
import { idsOfRows, readLabelRow } from "./rows.ts";
import { searchTexts } from "./search.ts";

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
    expect(found.texts?.prompt).toBe(trained ? `p ${id} ü` : undefined);
  }
});

test("filters and orders, each and together", async () => {
  const index = await indexLabels(folder);
  const rows = (filter: Parameters<typeof filterLabels>[1]) => [...filterLabels(index, filter)];
  expect(rows({})).toEqual([0, 1, 2, 3, 4]);
  expect(rows({ preferred: ["a", "b"] })).toEqual([0, 1, 4]);
  expect(rows({ preferred: ["tie"] })).toEqual([2]);
  expect(rows({ p: [0.6, 0.8] })).toEqual([0, 4]);
  expect(rows({ flag: "odd" })).toEqual([1]);
  expect(rows({ flag: "nothing has it" })).toEqual([]);
  expect(rows({ trained: false })).toEqual([2, 3]);
  expect(rows({ sort: "sure", preferred: ["a", "b"] })).toEqual([1, 0, 4]);
  expect(rows({ sort: "unsure", preferred: ["a", "b"] })).toEqual([0, 4, 1]);
  // .5 in the first of twenty parts, .731 in the tenth, .881 in the sixteenth
  const { counts } = histogramsOf(index, filterLabels(index, {})).p;
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

describe("labels of a run", () => {
  let root: string;
  let stages: string;
  const at = (...parts: string[]) => join(stages, "weak-labels-k", ...parts);
  const made = [
    labelFromScores({ id: "x1", scoreA: 2, scoreB: 0, teacher: "t" }),
    labelFromScores({ id: "x2", scoreA: 0, scoreB: 1, flags: ["unselected"], teacher: "t" }),
    labelFromScores({ id: "x3", scoreA: 0, scoreB: 3, teacher: "u" }),
    labelFromScores({ id: "x4", scoreA: 1, scoreB: 1, teacher: "t" }),
    labelFromScores({ id: "x5", scoreA: 1, scoreB: 0, teacher: "t" }),
  ];
  const record = (name: string, digest: string, inputs: Record<string, string>) =>
    JSON.stringify({
      ...{
        format: 2,
        key: "k",
        digest,
        outputs: {},
        finishedAt: "",
        elapsedSeconds: 0,
        resumed: false,
        node: "",
      },
      identity: { name, version: 1, code: "c", config: {}, inputs },
    });

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "wt-run-index-"));
    stages = join(root, "stages");
    const data = join(stages, "data-d");
    for (const folder of [at(), join(data, "pool"), join(data, "hidden")])
      await mkdir(folder, { recursive: true });
    await writeFile(join(data, "stage.json"), record("data", "dddd", {}));
    await writeFile(at("stage.json"), record("weak-labels", "llll", { data: "dddd" }));
    await writeFile(at("labels.jsonl"), lines(made.map(serializeLabel)));
    const pool = made.map(({ id }, i) =>
      JSON.stringify({
        ...{ id, prompt: i < 2 ? "One" : "Zwei Ätherwölfe", response_a: "a".repeat(10 + i) },
        response_b: i === 2 ? [{ role: "assistant", content: 'a "quoted" word' }] : "bbb",
      }),
    );
    await writeFile(join(data, "pool", "pool.jsonl"), lines(pool));
    const human = { x1: "a", x2: "a", x3: "b", x5: "tie" };
    const said = Object.entries(human).map(([id, preferred]) => JSON.stringify({ id, preferred }));
    await writeFile(join(data, "hidden", "human-labels.jsonl"), lines(said));
    const trained = [made[0]!, made[2]!].map(({ id }) =>
      JSON.stringify({ prompt: "p", chosen: "c", rejected: "r", id }),
    );
    await writeFile(at("training.jsonl"), lines(trained));
  });
  afterAll(() => rm(root, { recursive: true }));

  test("texts are the pool's, people's words the hidden ones; filters by both, and how often the teacher is with people", async () => {
    const index = await indexLabels(at());
    const rows = (filter: Parameters<typeof filterLabels>[1]) => [...filterLabels(index, filter)];
    expect(rows({ people: "any" })).toEqual([0, 1, 2, 4]);
    expect(rows({ people: "other" })).toEqual([1]);
    expect(rows({ people: "same" })).toEqual([0, 2]);
    expect(rows({ source: "u" })).toEqual([2]);
    expect(rows({ source: "nobody" })).toEqual([]);
    expect(rows({ selected: false })).toEqual([1]);
    expect(rows({ trained: true })).toEqual([0, 2]);
    // Margins 2, -1, -3, 0, 1; characters of the preferred response less the other's: 10-3, 3-11, 15-12, none, 14-3
    expect(rows({ margin: [1.5, 3] })).toEqual([0, 2]);
    expect(rows({ gap: [-10, 5] })).toEqual([1, 2]);
    expect(index.gap.slice(0, 5)).toEqual(new Float32Array([7, -8, 3, Number.NaN, 11]));
    const { texts, human } = await readLabelRow(at(), index, 3);
    expect([texts?.a, texts?.b, human]).toEqual(["a".repeat(13), "bbb", null]);
    // Two of three, in two prompts: one of two in the first, one of one in the second.
    expect(agreementOf(index, filterLabels(index, {}))).toMatchObject({ estimate: 2 / 3, n: 2 });
    expect(agreementOf(index, filterLabels(index, { source: "u" }))).toMatchObject({ estimate: 1, n: 1 });
    expect(agreementOf(index, filterLabels(index, { preferred: ["tie"] }))).toBeNull();
  });

  test("a search finds texts and not names, without telling capitals, in conversations too, letters beyond ASCII and quotes too", async () => {
    const index = await indexLabels(at());
    const found = async (text: string) => {
      const search = searchTexts(index, text);
      await search.done;
      expect(search.failure).toBeUndefined();
      expect(search.share).toBe(1);
      return [...search.rows.keys()].filter((row) => search.rows[row] === 1);
    };
    expect(await found("one")).toEqual([0, 1]);
    expect(await found("äTHERwölFE")).toEqual([2, 3, 4]);
    expect(await found("WÖ")).toEqual([2, 3, 4]);
    expect(await found("öÄ")).toEqual([]);
    expect(await found("ö")).toEqual([2, 3, 4]);
    expect(await found('"QUOTED"')).toEqual([2]);
    expect(await found("response_a")).toEqual([]);
    expect(await found("x1")).toEqual([]);
    expect(await found("nothing has it")).toEqual([]);
  });

  test("kept beside the folder and read again equal; another size, time or byte of any file, and it is made anew", async () => {
    const beside = await lookBeside(at());
    const index = await indexLabels(at());
    const stamp = await stampOf(beside);
    await writeKept(at(), index, stamp);
    expect(await readdir(stages)).toContain(".weak-labels-k.columns");
    expect(await readdir(at())).toEqual(["labels.jsonl", "stage.json", "training.jsonl"]);
    const kept = (await readKept(at(), stamp))!;
    expect(kept.rows).toBe(5);
    for (const filter of [
      {},
      { people: "same" },
      { gap: [0, 100] },
      { flag: "unselected" },
      { sort: "sure" },
    ] as const)
      expect(filterLabels(kept, filter)).toEqual(filterLabels(index, filter));
    expect(kept.lines.slice(0, 6)).toEqual(index.lines.slice(0, 6));
    const hidden = beside.files.find((file) => file.endsWith("human-labels.jsonl"))!;
    await utimes(hidden, new Date(0), new Date(0));
    const later = await stampOf(beside);
    expect(later).not.toBe(stamp);
    expect(await readKept(at(), later)).toBeUndefined();
    await writeFile(keptFile(at()), "not whole");
    expect(await readKept(at(), stamp)).toBeUndefined();
  });

  test("a thread reads what is not kept, and says what is wrong as if it had been read here", async () => {
    await rm(keptFile(at()), { force: true });
    const warned: string[] = [];
    const log = { warn: (text: string) => void warned.push(text) };
    const opening = openLabelIndex(at(), log);
    const index = await opening.index;
    expect(opening.share).toBe(1);
    expect([...filterLabels(index, { people: "other" })]).toEqual([1]);
    expect(await readKept(at(), await stampOf(await lookBeside(at())))).toBeDefined();
    const ids: string[] = [];
    for await (const id of idsOfRows(at(), index, [4, 0])) ids.push(id);
    expect(ids).toEqual(["x5", "x1"]);
    const broken = join(root, "broken");
    await mkdir(broken);
    await writeFile(join(broken, "labels.jsonl"), '{"id":"x"}\n');
    await expect(openLabelIndex(broken, log).index).rejects.toMatchObject({ code: "data" });
    expect(warned).toEqual([]);
  });
});

test("of people's answers merged into labels the teacher's own word is compared, not the label that is theirs", async () => {
  const merged = await mkdtemp(join(tmpdir(), "wt-merged-index-"));
  const own = labelFromScores({ id: "m1", scoreA: 0, scoreB: 1, teacher: "t" });
  const human = labelFromScores({ id: "m1", scoreA: 1, scoreB: 0, teacher: "human" }, { calibrate: () => 1 });
  await writeFile(join(merged, "labels.jsonl"), lines([human].map(serializeLabel)));
  await writeFile(join(merged, "teacher-labels.jsonl"), lines([own].map(serializeLabel)));
  await writeFile(join(merged, "answers.jsonl"), '{"id":"m1","answer":"a"}\n');
  const index = await indexLabels(merged);
  expect([...filterLabels(index, { people: "other" })]).toEqual([0]);
  expect([...filterLabels(index, { people: "same" })]).toEqual([]);
  expect(await readLabelRow(merged, index, 0)).toMatchObject({ human: "a", own: "b" });
  await rm(merged, { recursive: true });
});

test("a row of texts without an id, or that is no JSON, is told with its line and not left out", async () => {
  const at = join(folder, "odd-texts");
  await mkdir(at);
  await writeFile(join(at, "labels.jsonl"), lines(labels.map(serializeLabel)));
  const row = { prompt: "p", chosen: "c", rejected: "r", id: "ä1" };
  const indexed = async (second: string) => {
    await writeFile(join(at, "training.jsonl"), lines([JSON.stringify(row), second]));
    return indexLabels(at);
  };
  await expect(indexed(JSON.stringify({ ...row, id: undefined }))).rejects.toThrow(
    /training\.jsonl:2: has no id, expected one in every row/,
  );
  await expect(indexed("null")).rejects.toThrow("training.jsonl:2: has no id");
  await expect(indexed('{"id": "b2"')).rejects.toThrow("training.jsonl:2: is not valid JSON");
  expect((await indexed(JSON.stringify({ ...row, id: "b2" }))).rows).toBe(5);
});
