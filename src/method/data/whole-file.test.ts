/** Prompts that are repeated in their responses, and files of which only some rows are conversations. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { said, user } from "../../../test/helpers/shape-samples.ts";
import { readCandidates, readPreferences } from "./load.ts";
import type { CandidatePair } from "./rows.ts";
import { openCandidates } from "./stream-candidates.ts";

async function file(rows: readonly object[]): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), "wt-whole-")), "pairs.jsonl");
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

/** The rows of a file, the same read as a stream, and the report. */
async function read(rows: readonly object[]) {
  const path = await file(rows);
  const loaded = await readPreferences(path);
  const listed = await readCandidates(path, { seed: 3 });
  const stream = await openCandidates(path, { seed: 3 });
  const streamed: CandidatePair[] = [];
  for await (const pair of stream.pairs()) streamed.push(pair);
  expect(streamed).toEqual(listed.pairs);
  expect(stream.report).toEqual(listed.report);
  return loaded;
}

const sums = [2, 3, 4, 5].map((n) => ({
  prompt: `Task ${n}: double ${n}.\n`,
  chosen: `Task ${n}: double ${n}.\nThat is ${2 * n}.`,
  rejected: `Task ${n}: double ${n}.\nCannot say.`,
}));

test("a prompt that begins both responses of every row is taken off, and said", async () => {
  const { rows, report } = await read(sums);
  expect(rows.map(({ chosen }) => chosen)).toEqual(["That is 4.", "That is 6.", "That is 8.", "That is 10."]);
  expect(rows.every(({ rejected }) => rejected === "Cannot say.")).toBe(true);
  expect(report.repeats).toEqual({ takenOff: 8, left: 0 });
  // What is shown is what will be trained on.
  expect(report.preview[0]).toMatchObject({ first: "That is 4.", second: "Cannot say." });
});

test("ids are those of the file as it stands", async () => {
  const alone = await readPreferences(await file(sums.slice(0, 1)));
  const quoted = await readPreferences(
    await file([
      sums[0]!,
      { prompt: "a b", chosen: "c", rejected: "d" },
      { prompt: "e f", chosen: "g", rejected: "h" },
    ]),
  );
  expect(alone.rows[0]!.chosen).toBe("That is 4.");
  expect(quoted.rows[0]!.chosen).toBe(sums[0]!.chosen);
  expect(alone.rows[0]!.id).toBe(quoted.rows[0]!.id);
});

test("one side alone can repeat the prompt", async () => {
  const { rows, report } = await read(sums.map((row) => ({ ...row, rejected: "Cannot say." })));
  expect(rows[0]).toMatchObject({ chosen: "That is 4.", rejected: "Cannot say." });
  expect(report.repeats).toEqual({ takenOff: 4, left: 0 });
});

test("a response that only happens to quote its prompt keeps it: fewer than half of all do", async () => {
  const others = ["far", "near", "high"].map((word) => ({
    prompt: `How ${word}?`,
    chosen: "So.",
    rejected: "Not so.",
  }));
  const quoting = { prompt: "Who is there?", chosen: "Who is there? It is me.", rejected: "Nobody." };
  const { rows, report } = await read([...others, quoting]);
  expect(rows[3]!.chosen).toBe("Who is there? It is me.");
  expect(report.repeats).toEqual({ takenOff: 0, left: 1 });
});

test("a word that goes on is no end of a prompt", async () => {
  const { rows } = await read([
    { prompt: "Hi", chosen: "Hi! What is it?", rejected: "Hills are high." },
    { prompt: "Hello", chosen: "Hello, you.", rejected: "Hellos are many." },
  ]);
  expect(rows.map(({ chosen }) => chosen)).toEqual(["Hi! What is it?", "Hello, you."]);
});

test("white space at the ends of a prompt need not be the same; nothing but the prompt leaves an empty response", async () => {
  const { rows } = await read([
    { prompt: "天为什么蓝？", chosen: "天为什么蓝？散射。", rejected: "天为什么蓝？" },
    { prompt: " Why? ", chosen: "Why?\nSo.", rejected: "Why? No." },
  ]);
  expect(rows[0]).toMatchObject({ chosen: "散射。", rejected: "", meta: { flags: ["empty"] } });
  expect(rows[1]).toMatchObject({ chosen: "\nSo.", rejected: " No." });
});

test("message lists that hold the whole conversation lose the prompt, row by row", async () => {
  const told = { role: "system", content: "Be brief." };
  const { rows, report } = await read([
    { prompt: [user("One?")], chosen: [user("One?"), said("1")], rejected: [user("One?"), said("no")] },
    { prompt: [told, user("Two?")], chosen: [user("Two?"), said("2")], rejected: [said("no")] },
    { prompt: [user("Three?")], chosen: [said("3")], rejected: [said("no")] },
  ]);
  expect(rows.map(({ prompt, chosen, rejected }) => [prompt.length, chosen, rejected])).toEqual([
    [1, [said("1")], [said("no")]],
    [2, [said("2")], [said("no")]],
    [1, [said("3")], [said("no")]],
  ]);
  expect(report.repeats).toEqual({ takenOff: 3, left: 0 });
  await expect(
    read([{ prompt: [user("One?")], chosen: [user("Two?"), said("2")], rejected: [said("no")] }]),
  ).rejects.toThrow(/not the end of prompt/);
});

test("rows without a system message beside rows with one are conversations, too", async () => {
  const row = (n: number, more: object) => ({
    prompt: `Number ${n}?`,
    chosen: `It is ${n}.`,
    rejected: "No.",
    ...more,
  });
  const { rows } = await read([row(1, {}), row(2, { system: "Be brief." }), row(3, { system: "" })]);
  expect(rows.map(({ prompt }) => prompt)).toEqual([
    [user("Number 1?")],
    [{ role: "system", content: "Be brief." }, user("Number 2?")],
    [user("Number 3?")],
  ]);
  expect(rows[0]!.chosen).toEqual([said("It is 1.")]);
  const plain = await read([row(1, { system: "" }), row(2, { system: null })]);
  expect(plain.rows.map(({ prompt }) => prompt)).toEqual(["Number 1?", "Number 2?"]);
});
