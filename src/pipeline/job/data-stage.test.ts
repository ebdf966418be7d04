/** The data stage: parts of files and of several sources, kept apart. Length: each test writes its own small files and says what becomes of each row. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../base/core/log.ts";
import { parseColumnMap } from "../../method/data/adapters/column-map.ts";
import { unitOf } from "../../method/data/normalise.ts";
import { readPool } from "../../method/data/pool.ts";
import type { DataSource, FilesData } from "../recipe/job-settings.ts";
import { openPipeline } from "../stages/pipeline.ts";
import type { Artefact } from "../stages/stage.ts";
import { poolFolder, readFacts, readHidden, readLabelled, readPrompts, readTest } from "./data-files.ts";
import { filesStage } from "./data-stage.ts";
import { bootstrapRows, splitLabelled } from "./labelled-split.ts";
import { readPeople } from "./people-file.ts";
import { peopleTables } from "./report-people.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-data-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Writes rows and names them as a source. */
async function source(name: string, rows: readonly object[]): Promise<DataSource> {
  const file = join(folder, name);
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return { source: file, onBadRow: "fail" };
}

const judged = (...prompts: string[]) =>
  prompts.map((prompt) => ({ prompt, chosen: ` good ${prompt}`, rejected: ` bad ${prompt}` }));
const unjudged = (...prompts: string[]) =>
  prompts.map((prompt) => ({ prompt, response_a: ` x ${prompt}`, response_b: ` y ${prompt}` }));
const names = (from: string, count: number) => Array.from({ length: count }, (_, i) => `${from}${i}`);

const NONE = { labelled: 0, pool: 0, test: 0 };
const stage = (data: Partial<FilesData>): Promise<Artefact> => {
  const pipeline = openPipeline({ folder: join(folder, "run"), code: "1" });
  const deps = {
    pipeline,
    log: silentLog,
    runtime: () => {
      throw new Error("nothing is computed");
    },
  };
  return filesStage(deps, { kind: "files", split: NONE, files: {}, testPrompts: 8, ...data }, 22);
};
const prompts = (rows: readonly { prompt: unknown }[]) => rows.map(({ prompt }) => prompt).sort();

test("three files: what the pool shares with the labelled pairs, and the test with either, is left out", async () => {
  const files = {
    labelled: await source("labelled.jsonl", judged("l0", "l1", "both")),
    // "Both!" is the prompt "both" in other clothes; u0 stands twice, once with its responses the other way round.
    pool: await source("pool.jsonl", [
      ...unjudged("u0", "u1", "Both!"),
      { prompt: "u0", response_a: " y u0", response_b: " x u0" },
    ]),
    test: await source("test.jsonl", judged("t0", "l1", "u1")),
  };
  const data = await stage({ files });
  expect(prompts(await readLabelled(data))).toEqual(["both", "l0", "l1"]);
  expect(prompts(await readPool(poolFolder(data)))).toEqual(["u0", "u1"]);
  expect(prompts(await readTest(data))).toEqual(["t0"]);
  expect(await readHidden(data)).toEqual([]);
  const facts = await readFacts(data);
  expect(facts.rows).toBe(10);
  expect(facts.parts["pool"]).toEqual({ rows: 2, prompts: 2 });
  expect(Object.fromEntries(facts.findings.map(({ kind, count }) => [kind, count]))).toMatchObject({
    "exact duplicates removed": 1,
    "unlabelled pairs left out: prompt also labelled": 1,
    "unlabelled pairs without a human label to measure by": 2,
    "test rows left out: prompt also in training": 2,
  });
});

/** A dialogue: each row goes on from the rejected response of the one before. */
const dialogue = (name: string, turns: number) => {
  const prompt = (turn: number): string =>
    turn === 0
      ? `Human: ${name} 0`
      : `${prompt(turn - 1)}\nAssistant: bad ${name} ${turn - 1}\nHuman: ${name} ${turn}`;
  return Array.from({ length: turns }, (_, turn) => ({
    prompt: prompt(turn),
    chosen: `\nAssistant: good ${name} ${turn}`,
    rejected: `\nAssistant: bad ${name} ${turn}`,
  }));
};

test("one file: a dialogue is in one part, its rows are one unit everywhere, and one prompt of it is answered", async () => {
  const rows = names("d", 30).flatMap((name) => dialogue(name, 3));
  const data = await stage({
    main: await source("main.jsonl", rows),
    split: { labelled: 30, pool: 30, test: 30 },
    testPrompts: 100,
  });
  const parts = [await readLabelled(data), await readPool(poolFolder(data)), await readTest(data)];
  const seen = parts.map((part) => new Set(part.map(({ prompt }) => String(prompt).match(/d\d+/)![0])));
  expect(seen.map(({ size }) => size)).toEqual([10, 10, 10]);
  expect(new Set(seen.flatMap((one) => [...one])).size).toBe(30);
  for (const part of parts) expect(new Set(part.map(unitOf)).size).toBe(10);
  expect(await readPrompts(data)).toHaveLength(10);
  const { findings } = await readFacts(data);
  const count = (start: string) => findings.find(({ kind }) => kind.startsWith(start))!.count;
  expect(count("rows of dialogues")).toBe(90);
  expect(count("of these, in two parts if split by prompt")).toBeGreaterThan(60);
  expect(count("test prompts not answered")).toBe(20);
});

test("files of their own: a pool pair whose dialogue is labelled, and a test row whose dialogue is trained on, is left out", async () => {
  const [first, second, third] = dialogue("d", 3);
  const [, next] = dialogue("e", 2);
  const files = {
    labelled: await source("labelled.jsonl", [...judged("l0"), second!]),
    pool: await source("pool.jsonl", [...judged("u0", "u1"), first!]),
    test: await source("test.jsonl", [...judged("t0"), third!, next!]),
  };
  const data = await stage({ files });
  expect((await readPool(poolFolder(data))).map(({ prompt }) => prompt).sort()).toEqual(["u0", "u1"]);
  expect(prompts(await readTest(data))).toEqual([next!.prompt, "t0"]);
  const { findings } = await readFacts(data);
  expect(Object.fromEntries(findings.map(({ kind, count }) => [kind, count]))).toMatchObject({
    "unlabelled pairs left out: dialogue also labelled": 1,
    "test rows left out: dialogue also in training": 1,
  });
});

test("a file of judged pairs as the pool: their labels are hidden, joined by id", async () => {
  const files = {
    labelled: await source("labelled.jsonl", judged("l0")),
    pool: await source("pool.jsonl", judged(...names("u", 40))),
    test: await source("test.jsonl", judged("t0")),
  };
  const data = await stage({ files });
  const hidden = new Map((await readHidden(data)).map(({ id, preferred }) => [id, preferred]));
  const pool = await readPool(poolFolder(data));
  for (const { id, a } of pool) expect(hidden.get(id)).toBe(String(a).startsWith(" good") ? "a" : "b");
  // The order is drawn: neither side is always the better one.
  expect(new Set(hidden.values())).toEqual(new Set(["a", "b"]));
});

test("a split beside files: more labelled pairs are added, and rows that are numbered alike stay apart", async () => {
  const main = await source(
    "main.jsonl",
    judged(...names("m", 10)).map((row, i) => ({ id: `${i}`, ...row })),
  );
  const more = judged("extra0", "extra1").map((row, i) => ({ id: `${i}`, ...row }));
  const data = await stage({
    main,
    split: { labelled: 0.5, pool: 0.3, test: 0.2 },
    files: { labelled: await source("more.jsonl", more) },
  });
  const labelled = await readLabelled(data);
  expect(labelled).toHaveLength(7);
  expect(new Set(labelled.map(({ id }) => id)).size).toBe(7);
  expect(prompts(labelled).slice(0, 2)).toEqual(["extra0", "extra1"]);
  expect([(await readPool(poolFolder(data))).length, (await readTest(data)).length]).toEqual([3, 2]);
});

test("prompts to answer are conversations where the rows are, so that a student reads them as it learnt them", async () => {
  const turn = (content: string) => [
    { role: "system", content: "Be brief." },
    { role: "user", content },
  ];
  const answer = (content: string) => [{ role: "assistant", content }];
  const rows = names("q", 3).flatMap((q) =>
    ["x", "y"].map((tail) => ({ prompt: turn(q), chosen: answer(`good ${tail}`), rejected: answer("bad") })),
  );
  const files = {
    labelled: await source("labelled.jsonl", judged("l0")),
    pool: await source("pool.jsonl", unjudged("u0")),
    test: await source("test.jsonl", rows),
  };
  expect(await readPrompts(await stage({ files }))).toEqual(names("q", 3).map(turn));
});

test("of a test file with more prompts than are asked for a sample is drawn, whatever the order of the file", async () => {
  const answers = async (name: string, test: readonly string[]) => {
    const files = {
      labelled: await source("labelled.jsonl", judged("l0")),
      pool: await source("pool.jsonl", unjudged("u0")),
      test: await source(name, judged(...test)),
    };
    return await readPrompts(await stage({ files, testPrompts: 10 }));
  };
  const all = names("t", 60);
  const drawn = await answers("one.jsonl", all);
  expect(drawn).toHaveLength(10);
  expect(await answers("two.jsonl", all.toReversed())).toEqual(drawn);
  // The first ten of the file would be none of the later half.
  expect(drawn.some((prompt) => all.indexOf(String(prompt)) >= 30)).toBe(true);
  expect(await answers("few.jsonl", ["b", "a"])).toEqual(["b", "a"]);
});

test("one part of a split in a file of its own: the rest of the source is divided", async () => {
  const data = await stage({
    main: await source("main.jsonl", judged(...names("m", 10))),
    split: { labelled: 0.6, pool: 0, test: 0.4 },
    files: { pool: await source("pool.jsonl", unjudged(...names("u", 5))) },
  });
  const sizes = [await readLabelled(data), await readPool(poolFolder(data)), await readTest(data)];
  expect(sizes.map(({ length }) => length)).toEqual([6, 5, 4]);
});

test("labelled rows that are numbered like the pool's get other ids, and the pool keeps its own", async () => {
  const numbered = (rows: readonly object[]) => rows.map((row, i) => ({ id: `${i}`, ...row }));
  const files = {
    labelled: await source("labelled.jsonl", numbered(judged("l0", "l1"))),
    pool: await source("pool.jsonl", numbered(judged("u0", "u1"))),
    test: await source("test.jsonl", numbered(judged("t0"))),
  };
  const data = await stage({ files });
  expect((await readPool(poolFolder(data))).map(({ id }) => id)).toEqual(["0", "1"]);
  expect((await readLabelled(data)).map(({ id }) => id)).toEqual(["labelled:0", "labelled:1"]);
});

test("pairs of one group stay together when some are held out, and when they are cut into folds", async () => {
  // Scenarios without a prompt: seven groups of four, each group by its first sentence.
  const lines = Array.from({ length: 28 }, (_, i) => {
    const opening = `Opening ${Math.floor(i / 4)}.`;
    return `"${opening} It was good ${i}.","${opening} It was bad ${i}."\n`;
  });
  const file = join(folder, "util_train.csv");
  await writeFile(file, lines.join(""));
  const main = { source: file, format: "ethics-whole", onBadRow: "fail" as const };
  const data = await stage({ main, split: { labelled: 20, pool: 4, test: 4 } });
  const groupOf = new Map((await readLabelled(data)).map(({ id, meta }) => [id, meta?.group]));
  expect(new Set(groupOf.values()).size).toBe(5);
  expect((await readTest(data)).every(({ meta }) => meta?.group !== undefined)).toBe(true);
  const label = { calibration: "platt", selection: { kind: "all" }, weight: { form: "uniform" } } as const;
  for (const [how, part] of [
    [{ heldOut: 0.4, folds: 0 }, {}],
    [{ heldOut: 0, folds: 2 }, { fold: 1 }],
  ] as const) {
    const { train, heldOut } = await splitLabelled(data, { seed: 22, label: { ...label, ...how } }, part);
    expect(train.length + heldOut.length).toBe(20);
    const learned = new Set(train.map(({ id }) => groupOf.get(id)));
    expect(heldOut.filter(({ id }) => learned.has(groupOf.get(id)))).toEqual([]);
  }
  const drawn = bootstrapRows(await readLabelled(data), 1);
  // Whole groups are drawn: each row as often as the others of its group.
  expect(drawn).toHaveLength(20);
  expect(new Set(drawn.map(({ id }) => id)).size).toBeLessThan(20);
});

test("what each person said stays with the pairs, and how far they agree goes to the report", async () => {
  const said = [
    [1, 1, 2],
    [2, 2, 2],
    [0, 0, 1],
    [1, 2, 0],
  ];
  const rows = names("q", 12).map((prompt, i) => {
    const [p, q, r] = said[i % 4]!;
    return { id: prompt, prompt, x: ` x ${prompt}`, y: ` y ${prompt}`, p, q, r };
  });
  const map = parseColumnMap("id=id,prompt=prompt,a=x,b=y,label=p;q;r,values=1:a;2:b;0:tie");
  const data = await stage({
    main: { ...(await source("people.jsonl", rows)), map },
    split: { labelled: 2, pool: 2, test: 2 },
  });
  const people = await readPeople(data);
  expect(people).toHaveLength(12);
  expect(people.map(({ part }) => part).sort()).toEqual([
    ...["labelled", "labelled", ...new Array(6).fill("none"), "pool", "pool", "test", "test"],
  ]);
  const pool = new Map((await readPool(poolFolder(data))).map((pair) => [pair.id, pair]));
  for (const { id, part, first, people: answers } of people) {
    const i = Number(id.slice(1)) % 4;
    expect(Object.values(answers)).toEqual(said[i]!.map((one) => ["tie", "first", "second"][one]));
    if (part === "pool") expect(pool.get(id)![first as "a" | "b"]).toBe(` x ${id}`);
    if (part === "labelled") expect(first).toBe(i === 0 ? "chosen" : "rejected");
  }
  const facts = await readFacts(data);
  expect(facts.people).toMatchObject({ judged: 12, majority: { first: 3, second: 3, tie: 3, none: 3 } });
  expect(facts.findings).toContainEqual({
    kind: "left out: no answer has a majority of the people",
    count: 3,
  });
  const [table] = peopleTables(facts.people);
  expect(table?.rows.map(([who, , , measure]) => [who, measure])).toEqual([
    ["p and q", "Cohen's kappa"],
    ["p and r", "Cohen's kappa"],
    ["q and r", "Cohen's kappa"],
    ["all 3", "Krippendorff's alpha, nominal"],
  ]);
});

test("several sources: shares and key hold files, weights and their reading; a dialogue over two files is in one part", async () => {
  const asked = (name: string, i: number) => [
    { role: "user", content: `What is ${name} number ${i} good for?` },
  ];
  const answer = (content: string) => [{ role: "assistant", content }];
  const talk = (i: number) => ({
    prompt: asked("tool", i),
    chosen: answer(`It is made for sawing board ${i}.`),
    rejected: answer(`It is a rare kind of fruit ${i}.`),
  });
  const further = (i: number) => ({
    prompt: [...talk(i).prompt, ...talk(i).rejected, { role: "user", content: "Really?" }],
    chosen: answer("No."),
    rejected: answer("Yes."),
  });
  const [a, b] = [
    await source(
      "a.jsonl",
      Array.from({ length: 30 }, (_, i) => talk(i)),
    ),
    await source(
      "b.jsonl",
      Array.from({ length: 10 }, (_, i) => further(i)),
    ),
  ];
  const mixed = (weights: readonly (number | undefined)[], more: object = {}): DataSource => ({
    source: [a, b].map(({ source: file }, i) => ({ file: file as string, weight: weights[i], ...more })),
    onBadRow: "fail",
  });
  const split = { labelled: 0.4, pool: 0.4, test: 0.2 };
  const all = await stage({ main: mixed([undefined, undefined]), split });
  const parts = [await readLabelled(all), await readPool(poolFolder(all)), await readTest(all)];
  expect(parts.map((rows) => rows.length).reduce((x, y) => x + y)).toBe(40);
  const partOf = new Map(
    parts.flatMap((rows, part) => rows.map((row): [string, number] => [JSON.stringify(row.prompt), part])),
  );
  for (let i = 0; i < 10; i++)
    expect(partOf.get(JSON.stringify(further(i).prompt))).toBe(partOf.get(JSON.stringify(talk(i).prompt)));
  const even = await stage({ main: mixed([1, 1]), split });
  expect((await readFacts(even)).sources?.map(({ taken }) => taken)).toEqual([10, 10]);
  const others = [mixed([2, 1]), mixed([1, 1], { ignore: ["tools"] })];
  const keys = await Promise.all(others.map(async (main) => (await stage({ main, split })).folder));
  expect(new Set([all.folder, even.folder, ...keys]).size).toBe(4);
  expect((await stage({ main: mixed([1, 1]), split })).folder).toBe(even.folder);
  await writeFile(b.source as string, `${JSON.stringify(further(3))}\n`.repeat(2));
  expect((await stage({ main: mixed([1, 1]), split })).folder).not.toBe(even.folder);
});
