/** Several sources as one: shares by weight, ids and groups that do not meet, dialogues across sources, bad rows of all. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findDialogues } from "../split/dialogues.ts";
import { readCandidates, readPreferences } from "./load.ts";
import { formatLoadReport } from "./load-report.ts";
import { sizes } from "./mixture.ts";
import { openCandidates } from "./stream-candidates.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weak-teacher-mixture-"));
});
afterAll(() => rm(folder, { recursive: true }));

const write = async (name: string, rows: readonly object[]): Promise<string> => {
  const file = join(folder, name);
  await writeFile(file, rows.map((row) => JSON.stringify(row)).join("\n"));
  return file;
};

const rowsOf = (name: string, count: number, extra: (i: number) => object = () => ({})) =>
  Array.from({ length: count }, (_, i) => ({
    prompt: `What is ${name} number ${i}?`,
    chosen: `The thing called ${name} ${i}.`,
    rejected: "I do not know.",
    ...extra(i),
  }));

describe("what each source gives", () => {
  test("without weights every pair of each, in the order of the sources; each in its own shape", async () => {
    const a = await write("all-a.jsonl", rowsOf("a", 3));
    const b = await write("all-b.jsonl", [
      { instruction: "Say b.", response1: "b", response2: "c", who: 2, input: "" },
    ]);
    const map = {
      prompt: ["instruction", "input"],
      response_a: "response1",
      response_b: "response2",
      label: ["who"],
      values: { "1": "a", "2": "b" },
    } as const;
    const { rows, report, placeOf } = await readPreferences([{ file: a }, { file: b, map }]);
    expect(rows.map(({ chosen }) => chosen)).toEqual([
      "The thing called a 0.",
      "The thing called a 1.",
      "The thing called a 2.",
      "c",
    ]);
    expect(placeOf.get(rows[3]!.id)).toEqual({ file: b, line: 1 });
    expect(report).toMatchObject({
      format: "trl, map",
      records: 4,
      rows: 4,
      sources: [
        { weight: null, pairs: 3, taken: 3, report: { source: a } },
        { weight: null, pairs: 1, taken: 1, report: { source: b } },
      ],
    });
  });

  test("weights by hand: 1000 and 100 at 0.7 and 0.3 give 233 and 100; the text has a row for each", async () => {
    expect(sizes([w(0.7), w(0.3)], [1000, 100])).toEqual([233, 100]);
    expect(sizes([w(7), w(3)], [1000, 100])).toEqual([233, 100]);
    expect(sizes([w(1), w(1), w(2)], [10, 30, 30])).toEqual([10, 10, 20]);
    expect(() => sizes([w(1000), w(1)], [100, 100])).toThrow(
      /gives no pair with weight 1: the mixture has 100 pairs/,
    );
    const a = await write("w-a.jsonl", rowsOf("a", 40));
    const b = await write("w-b.jsonl", rowsOf("b", 6));
    const source = [
      { file: a, weight: 3 },
      { file: b, weight: 1 },
    ];
    const { rows, report } = await readPreferences(source, { seed: 5 });
    expect(rows.filter(({ prompt }) => String(prompt).includes("is a "))).toHaveLength(18);
    expect(rows.filter(({ prompt }) => String(prompt).includes("is b "))).toHaveLength(6);
    expect(formatLoadReport(report).slice(-4)).toEqual([
      `${a}, ${b}: 2 sources as one, shares by weight, drawn by the seed; as many as there are without taking a pair twice`,
      `  ${a}  trl: 18 of 40 pairs, weight 3 (75.0 %)`,
      `  ${b}  trl: 6 of 6 pairs, weight 1 (25.0 %)`,
      "  together 24 preferences, 0 ties, 0 unlabelled",
    ]);
  });

  test("shares hold to a row, one source gives all it has, and nothing is taken twice", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 20, max: 500 })), {
          minLength: 2,
          maxLength: 5,
        }),
        (parts) => {
          const weights = parts.map(([weight]) => weight);
          const counts = parts.map(([, count]) => count);
          const taken = sizes(weights.map(w), counts);
          const perWeight = Math.min(...counts.map((count, i) => count / weights[i]!));
          expect(taken.some((size, i) => size === counts[i])).toBe(true);
          for (const [i, size] of taken.entries()) {
            expect(size).toBeLessThanOrEqual(counts[i]!);
            expect(Math.abs(size - weights[i]! * perWeight)).toBeLessThanOrEqual(0.5 + 1e-9);
          }
        },
      ),
    );
  });

  test("the draw is the seed's, whatever the order of a file; a smaller share is part of a larger one", async () => {
    const rows = rowsOf("a", 60);
    const a = await write("d-a.jsonl", rows);
    const turned = await write("d-turned.jsonl", [...rows].reverse());
    const b = await write("d-b.jsonl", rowsOf("b", 10));
    const drawn = async (file: string, weight: number, seed: number) =>
      (
        await readPreferences(
          [
            { file, weight },
            { file: b, weight: 1 },
          ],
          { seed },
        )
      ).rows.flatMap(({ id, prompt }) => (String(prompt).includes("is a ") ? [id] : []));
    const twenty = await drawn(a, 2, 1);
    expect(twenty).toHaveLength(20);
    expect(await drawn(a, 2, 1)).toEqual(twenty);
    expect((await drawn(turned, 2, 1)).toSorted()).toEqual(twenty.toSorted());
    expect(await drawn(a, 2, 2)).not.toEqual(twenty);
    const forty = new Set(await drawn(a, 4, 1));
    expect(twenty.every((id) => forty.has(id))).toBe(true);
  });
});

const w = (weight: number) => ({ file: "x", weight });

describe("sources do not mix their names up", () => {
  test("a source that uses another's ids gets its number in front; equal rows are numbered", async () => {
    const a = await write(
      "i-a.jsonl",
      rowsOf("a", 3, (i) => ({ id: i + 1 })),
    );
    const b = await write(
      "i-b.jsonl",
      rowsOf("b", 3, (i) => ({ id: i + 3 })),
    );
    const { rows } = await readPreferences([{ file: a }, { file: b }]);
    expect(rows.map(({ id }) => id)).toEqual(["1", "2", "3", "2:3", "2:4", "2:5"]);
    const c = await write("i-c.jsonl", rowsOf("c", 1));
    const d = await write("i-d.jsonl", rowsOf("c", 1));
    const equal = (await readPreferences([{ file: c }, { file: d }])).rows.map(({ id }) => id);
    expect(equal[1]).toBe(`${equal[0]}-2`);
  });

  test("groups of equal name in two sources are two groups; a dialogue over two sources is one", async () => {
    const group = (topic: string) => (i: number) => ({ topic: `${topic}${i}` });
    const a = await write("g-a.jsonl", rowsOf("a", 1, group("t")));
    const b = await write("g-b.jsonl", rowsOf("b", 1, group("t")));
    const map = { prompt: "prompt", chosen: "chosen", rejected: "rejected", group: "topic" };
    const { rows } = await readPreferences([
      { file: a, map },
      { file: b, map },
    ]);
    expect(new Set(rows.map(({ meta }) => meta?.group)).size).toBe(2);

    const first = await write("t-a.jsonl", [
      { prompt: [u("Name a river in the south.")], chosen: [s("The Po.")], rejected: [s("A stone bridge.")] },
    ]);
    const next = await write("t-b.jsonl", [
      {
        prompt: [u("Name a river in the south."), s("A stone bridge."), u("That is none.")],
        chosen: [s("Sorry.")],
        rejected: [s("It is.")],
      },
    ]);
    const talk = (await readPreferences([{ file: first }, { file: next }])).rows;
    expect(new Set(findDialogues(talk).keys).size).toBe(1);
  });

  test("the same file, or one that two sources have, is refused; so are weights for some", async () => {
    const a = await write("twice-a.jsonl", rowsOf("a", 1));
    await write("twice-b.jsonl", rowsOf("b", 1));
    await expect(readPreferences([{ file: a }, { file: a }])).rejects.toThrow(/names .*twice-a.jsonl twice/);
    await expect(readPreferences([{ file: a }, { file: join(folder, "twice-*.jsonl") }])).rejects.toThrow(
      /twice-a.jsonl is in .* and its pairs would come twice/,
    );
    await expect(readPreferences([{ file: a, weight: 1 }, { file: "b.jsonl" }])).rejects.toThrow(
      /gives b.jsonl no weight/,
    );
    await expect(
      readPreferences([
        { file: a, weight: 0 },
        { file: "b", weight: 1 },
      ]),
    ).rejects.toThrow(/the weight 0, expected a number above 0/);
  });
});

const u = (content: string) => ({ role: "user", content });
const s = (content: string) => ({ role: "assistant", content });

test("bad rows of all sources are listed together, or skipped; a limit is of each", async () => {
  const a = await write("bad-a.jsonl", [...rowsOf("a", 3), { prompt: "p", chosen: 1, rejected: "r" }]);
  const b = await write("bad-b.jsonl", [...rowsOf("b", 3), { prompt: "p", chosen: 2, rejected: "r" }]);
  const source = [{ file: a }, { file: b }];
  await expect(readPreferences(source)).rejects.toThrow(
    /bad-a.jsonl:4.*\n.*bad-b.jsonl:4.*\n2 of 8 records are bad/,
  );
  const { rows, report } = await readPreferences(source, { onBadRow: "skip" });
  expect(rows).toHaveLength(6);
  expect(report.bad).toHaveLength(2);
  const few = await readPreferences([{ file: a, limit: 1 }, { file: b }], { limit: 2 });
  expect(few.rows).toHaveLength(3);
});

test("candidates of several sources come as a stream, too, and hide what people said", async () => {
  const a = await write("c-a.jsonl", rowsOf("a", 5));
  const b = await write("c-b.jsonl", [{ id: "q", prompt: "p", response_a: "x", response_b: "y" }]);
  const source = [{ file: a }, { file: b }];
  const { pairs, humanLabels } = await readCandidates(source, { seed: 3 });
  expect(pairs).toHaveLength(6);
  expect(humanLabels).toHaveLength(5);
  const streamed = [];
  for await (const pair of (await openCandidates(source, { seed: 3 })).pairs()) streamed.push(pair);
  expect(streamed).toEqual(pairs);
});

test("plain text beside conversations: turns become messages, a prompt that is none is told", async () => {
  const chats = await write("k-a.jsonl", [
    { prompt: [u("Hi?")], chosen: [s("Hello.")], rejected: [s("Go.")] },
  ]);
  const asked = await write("k-b.jsonl", [{ instruction: "Say hello.", chosen: "Hello.", rejected: "No." }]);
  const plain = await write("k-c.jsonl", [{ chosen: "Once upon a time.", rejected: "Once upon a dime." }]);
  const two = await readPreferences([{ file: chats }, { file: asked }]);
  expect(two.rows[1]!.prompt).toEqual([u("Say hello.")]);
  expect(two.report.notes).toEqual([]);
  const three = await readPreferences([{ file: chats }, { file: asked }, { file: plain }]);
  expect(three.report.notes).toEqual([
    "1 pairs are plain text and 2 are conversations: a chat template is put around the latter only",
  ]);
});
