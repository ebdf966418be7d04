import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../../base/core/errors.ts";
import { silentLog } from "../../base/core/log.ts";
import { readCandidates, readPreferences } from "./load.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weak-teacher-load-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function jsonl(name: string, records: readonly unknown[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(
    path,
    records.map((record) => `${typeof record === "string" ? record : JSON.stringify(record)}\n`).join(""),
  );
  return path;
}

const good = { prompt: "p", chosen: "c", rejected: "r" };

describe("preferences", () => {
  test("come with a report of what was understood, in three rows", async () => {
    const heard: string[] = [];
    const path = await jsonl(
      "ok.jsonl",
      [1, 2, 3, 4].map((i) => ({ ...good, prompt: `p${i}` })),
    );
    const { rows, ties, report } = await readPreferences(path, {
      log: { ...silentLog, info: (line) => heard.push(line) },
    });
    expect(rows.map(({ id, ...texts }) => texts)).toEqual(
      [1, 2, 3, 4].map((i) => ({ ...good, prompt: `p${i}` })),
    );
    expect(ties).toEqual([]);
    expect(report).toMatchObject({
      format: "trl",
      records: 4,
      rows: 4,
      ties: 0,
      bad: [],
      leftOut: {},
      flags: {},
    });
    expect(report.preview).toHaveLength(3);
    expect(heard).toEqual([
      expect.stringContaining("ok.jsonl: read as trl: columns prompt, chosen, rejected"),
      "  line 1: p1 │ c > r",
      "  line 2: p2 │ c > r",
      "  line 3: p3 │ c > r",
      "  4 records: 4 preferences, 0 ties, 0 unlabelled, 0 bad",
    ]);
  });

  test("the second response preferred becomes chosen, with its score; a tie is kept apart", async () => {
    const base = { prompt: "p", response_a: "x", response_b: "y" };
    const path = await jsonl("arena.jsonl", [
      { ...base, id: "s", winner_model_a: 0, winner_model_b: 1, winner_tie: 0 },
      { ...base, id: "t", winner_model_a: 0, winner_model_b: 0, winner_tie: 1 },
    ]);
    const { rows, ties, report } = await readPreferences(path);
    expect(rows).toMatchObject([{ id: "s", chosen: [{ content: "y" }], rejected: [{ content: "x" }] }]);
    expect(ties).toMatchObject([{ id: "t", meta: { flags: ["tie"] } }]);
    expect(report).toMatchObject({ rows: 1, ties: 1, flags: { tie: 1 } });
  });

  test("scores follow their responses, and a score that contradicts the preference is flagged", async () => {
    const base = { history: "p", human_ref_A: "x", human_ref_B: "y", score_A: 3, score_B: 9 };
    const { rows } = await readPreferences(
      await jsonl("shp.jsonl", [
        { ...base, labels: 0 },
        { ...base, labels: 1 },
      ]),
    );
    expect(rows[0]).toMatchObject({ chosen: "y", meta: { scoreChosen: 9, scoreRejected: 3 } });
    expect(rows[0]?.meta).not.toHaveProperty("flags");
    expect(rows[1]).toMatchObject({
      chosen: "x",
      meta: { flags: ["score-contradicts"], scoreChosen: 3, scoreRejected: 9 },
    });
  });

  test("empty and identical responses are flagged, never dropped in silence", async () => {
    const { rows, report } = await readPreferences(
      await jsonl("odd.jsonl", [good, { ...good, chosen: " " }, { ...good, chosen: "r" }]),
    );
    expect(rows.map((row) => row.meta?.flags)).toEqual([undefined, ["empty"], ["identical"]]);
    expect(report.flags).toEqual({ empty: 1, identical: 1 });
  });
});

describe("bad rows", () => {
  test("fail by default, all in one error, the first twenty by file, line and column", async () => {
    const path = await jsonl("bad.jsonl", [
      good,
      { prompt: "p", chosen: "c" },
      "{",
      ...Array.from({ length: 22 }, () => ({ ...good, chosen: 3 })),
      ...Array.from({ length: 30 }, () => good),
    ]);
    const error = await readPreferences(path).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ file: path, line: 2 });
    const lines = (error as DataError).message.split("\n");
    expect(lines[0]).toMatch(/bad\.jsonl:2: "rejected" is missing\. Fill it in/);
    expect(lines[1]).toMatch(/bad\.jsonl:3: is not valid JSON/);
    expect(lines[2]).toMatch(/bad\.jsonl:4: "chosen" is a number, expected text\. /);
    // 20 listed + "… and 4 more" + the share: 1 + 1 + 22 = 24 bad of 1 + 24 + 30 = 55
    expect(lines).toHaveLength(22);
    expect(lines[20]).toBe("… and 4 more bad rows.");
    expect(lines[21]).toBe(
      "24 of 55 records are bad. Correct them, or leave them out with --on-bad-row skip (in a recipe data.on_bad_row: skip).",
    );
  });

  test("can be skipped, and are counted and kept in the report", async () => {
    const { rows, report } = await readPreferences(
      await jsonl("skip.jsonl", [good, { prompt: "p", chosen: "c" }, good]),
      { onBadRow: "skip" },
    );
    expect(rows).toHaveLength(2);
    expect(report).toMatchObject({
      records: 3,
      rows: 2,
      bad: [{ line: 2, column: "rejected", problem: "is missing" }],
    });
  });

  test("an id that comes twice is bad: labels are joined by it", async () => {
    const path = await jsonl("ids.jsonl", [
      { ...good, id: "a" },
      { ...good, id: "a" },
    ]);
    await expect(readPreferences(path)).rejects.toThrow(
      /ids\.jsonl:2: "id" is "a", which .*ids\.jsonl:1 has already/,
    );
  });
});

describe("what cannot be read", () => {
  test("an unknown shape names the columns found, the one missing and all known shapes", async () => {
    const path = await jsonl("unknown.jsonl", [{ prompt: "p", chosen: "c", rejectd: "r" }]);
    await expect(readPreferences(path)).rejects.toThrow(
      /columns prompt, chosen, rejectd fit no known shape\. "rejected" is missing; did you mean the column "rejectd"\?[\s\S]*--map[\s\S]*arena:/,
    );
  });

  test("a pool is no preference data; a file of nothing but bad rows leaves nothing", async () => {
    const pool = await jsonl("pool.jsonl", [{ prompt: "p", response_a: "x", response_b: "y" }]);
    await expect(readPreferences(pool)).rejects.toThrow(/pairs that nobody judged/);
    const bad = await jsonl("none.jsonl", ["{", "{"]);
    await expect(readPreferences(bad)).rejects.toThrow(/2 of 2 records are bad/);
    const half = await jsonl("half.jsonl", [{ prompt: "p", chosen: 1, rejected: 2 }]);
    await expect(readPreferences(half, { onBadRow: "skip" })).rejects.toThrow(
      /no row is left of 1 \(1 bad\)/,
    );
  });
});

test("map, format and limit are obeyed", async () => {
  const path = await jsonl(
    "other.jsonl",
    [1, 2, 3].map((i) => ({ q: `p${i}`, good: "c", bad: "r" })),
  );
  const { rows } = await readPreferences(path, {
    map: { prompt: "q", chosen: "good", rejected: "bad" },
    limit: 2,
  });
  expect(rows.map((row) => row.prompt)).toEqual(["p1", "p2"]);
  await expect(readPreferences(path, { format: "trl" })).rejects.toThrow(/"prompt" is missing/);
});

test("a name to leave out that no row has is told, with the column that may be meant", async () => {
  const path = await jsonl("i.jsonl", [{ ...good, system: "Be brief.", tools: [] }]);
  const { report } = await readPreferences(path, { ignore: ["sytem", "system", "tools"] });
  expect(report.notes).toEqual([
    '--ignore sytem: no row that was read has it, so it leaves nothing out; did you mean "system"?',
  ]);
  const messages = { ...good, prompt: [{ role: "user", content: "p", name: "Ann" }] };
  const chat = await jsonl("n.jsonl", [
    {
      ...messages,
      chosen: [{ role: "assistant", content: "c" }],
      rejected: [{ role: "assistant", content: "r" }],
    },
  ]);
  expect((await readPreferences(chat, { ignore: ["name"] })).report.notes).toEqual([]);
});

test("candidates: preferences get a drawn order and labels apart, a pool keeps its order and has none", async () => {
  const judged = await jsonl(
    "judged.jsonl",
    Array.from({ length: 40 }, (_, i) => ({
      id: `i${i}`,
      prompt: "p",
      chosen: `good${i}`,
      rejected: `bad${i}`,
    })),
  );
  const { pairs, humanLabels } = await readCandidates(judged, { seed: 1 });
  expect(new Set(humanLabels.map((label) => label.preferred))).toEqual(new Set(["a", "b"]));
  for (const [i, { id, preferred }] of humanLabels.entries()) {
    expect(pairs[i]?.id).toBe(id);
    expect(preferred === "a" ? pairs[i]?.a : pairs[i]?.b).toBe(`good${i}`);
  }
  const pool = await jsonl("free.jsonl", [{ prompt: "p", response_a: "x", response_b: "y" }]);
  expect(await readCandidates(pool, { seed: 1 })).toMatchObject({
    pairs: [{ a: "x", b: "y" }],
    humanLabels: [],
    report: { unlabelled: 1, rows: 0 },
  });
});

describe("lists of responses", () => {
  test("RM-Bench's three by three are nine pairs a row, with their styles; RewardBench 2's each chosen with each rejected", async () => {
    const path = await jsonl("styles.jsonl", [
      { id: 3, domain: "code", prompt: "p?", chosen: ["a", "aa", "aaa"], rejected: ["b", "bb", "bbb"] },
    ]);
    const { rows, report } = await readPreferences(path);
    expect(report).toMatchObject({ format: "rm-bench", records: 1, rows: 9 });
    expect(rows[5]).toMatchObject({
      chosen: "aa",
      rejected: "bbb",
      meta: { subset: "code", item: { row: "3", chosen: 1, rejected: 2 } },
    });
    expect(new Set(rows.map(({ id }) => id)).size).toBe(9);
    const many = await jsonl("best.jsonl", [
      { id: "tied:1", subset: "Ties", prompt: "p?", chosen: ["x", "y"], rejected: ["z"] },
      { id: "9", subset: "Math", prompt: "q?", chosen: ["x"], rejected: ["u", "v", "w"] },
    ]);
    const best = await readPreferences(many);
    expect(best.report).toMatchObject({ format: "rewardbench-2", rows: 5 });
    expect(best.rows.map(({ meta }) => meta?.item?.row)).toEqual(["tied:1", "tied:1", "9", "9", "9"]);
  });
});
