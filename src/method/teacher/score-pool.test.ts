import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { numberedPairs, slowTeacher } from "../../../test/helpers/labelling-process.ts";
import type { CandidatePair } from "../data/rows.ts";
import { type LabelPoolOptions, labelPool } from "./score-pool.ts";
import { readScores } from "./scores-folder.ts";
import type { PairScore, Teacher } from "./teacher.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "labelling-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A teacher that counts what it is asked. */
function counting(): Teacher & { asked: string[] } {
  const asked: string[] = [];
  return {
    ...slowTeacher(0),
    asked,
    async scorePairs(pairs) {
      asked.push(...pairs.map(({ id }) => id));
      return slowTeacher(0).scorePairs(pairs);
    },
  };
}

const pool = (count: number) => [...numberedPairs(count)];
const label = (teacher: Teacher, pairs: CandidatePair[], more: Partial<LabelPoolOptions> = {}) =>
  labelPool({ teacher, pairs, folder, shardSize: 10, pollMs: 5, ...more });
async function scoresIn(path = folder): Promise<PairScore[]> {
  const scores: PairScore[] = [];
  for await (const score of readScores(path)) scores.push(score);
  return scores;
}
const shards = async () => (await readdir(join(folder, "shards"))).sort();

describe("labelPool", () => {
  test("gives every pair its scores, in the order of the pool", async () => {
    const pairs = pool(34);
    const { report, manifest } = await label(slowTeacher(0), pairs);
    expect(await scoresIn()).toEqual(await slowTeacher(0).scorePairs(pairs));
    // 34 = 3 · 10 + 4
    expect(manifest).toMatchObject({ pairs: 34, shardSize: 10, shards: { length: 4 } });
    expect(report).toMatchObject({ pairs: 34, scored: 34, reused: 0, shards: 4, flags: {} });
    expect(report.pairsPerSecond).toBeGreaterThan(0);
    expect(await readdir(join(folder, "claims"))).toEqual([]);
  });

  test("scores nothing a second time, and only the new shards of a pool that grew", async () => {
    await label(slowTeacher(0), pool(34));
    const again = counting();
    const { report } = await label(again, pool(34));
    expect(again.asked).toEqual([]);
    expect(report).toMatchObject({ scored: 0, reused: 34, pairsPerSecond: null });
    // The shard that held the last 4 pairs now holds 6: it and nothing else is new.
    await label(again, pool(36));
    expect(again.asked).toEqual(
      pool(36)
        .slice(30)
        .map(({ id }) => id),
    );
    expect((await scoresIn()).map(({ id }) => id)).toEqual(pool(36).map(({ id }) => id));
  });

  test("shares the work with another call in the same folder, and none of it is done twice", async () => {
    const teachers = [counting(), counting(), counting()];
    const reports = await Promise.all(teachers.map((teacher) => label(teacher, pool(200))));
    const asked = teachers.flatMap((teacher) => teacher.asked);
    expect(asked.length).toBe(200);
    expect(new Set(asked).size).toBe(200);
    expect(reports.map(({ report }) => report.scored)).toEqual(
      teachers.map((teacher) => teacher.asked.length),
    );
    expect(await scoresIn()).toEqual(await slowTeacher(0).scorePairs(pool(200)));
  });

  test("goes on at the next shard after an error, and an error leaves nothing half-written", async () => {
    const broken: Teacher = {
      ...slowTeacher(0),
      async scorePairs(pairs) {
        if (pairs[0]!.id === "pair-20") throw new Error("out of memory");
        return slowTeacher(0).scorePairs(pairs);
      },
    };
    await expect(label(broken, pool(40))).rejects.toThrow("out of memory");
    // The two shards before it, and none or one that was in hand beside it.
    const done = (await shards()).length;
    expect([2, 3]).toContain(done);
    expect(await readdir(join(folder, "claims"))).toEqual([]);
    await expect(scoresIn()).rejects.toThrow("the pool is not labelled to its end");
    const rest = counting();
    await label(rest, pool(40));
    expect(rest.asked).toHaveLength(40 - 10 * done);
  });

  test("stops at once when asked to, even inside a shard, and keeps what is finished", async () => {
    const controller = new AbortController();
    const teacher: Teacher = {
      ...slowTeacher(0),
      scorePairs: (pairs) => {
        if (pairs[0]!.id !== "pair-20") return slowTeacher(0).scorePairs(pairs);
        controller.abort();
        return new Promise(() => {});
      },
    };
    await expect(label(teacher, pool(40), { signal: controller.signal })).rejects.toThrow(
      "label: interrupted",
    );
    // The third shard is begun when one of the first two is done; the other was in hand.
    expect([1, 2]).toContain((await shards()).length);
    expect(await readdir(join(folder, "claims"))).toEqual([]);
  });

  test("refuses another teacher's folder, an empty pool and an id that comes twice", async () => {
    await label(slowTeacher(0), pool(3));
    const other = { ...slowTeacher(0), manifest: { ...slowTeacher(0).manifest, code: "2" } };
    await expect(label(other, pool(3))).rejects.toThrow("holds the scores of another teacher");
    await expect(label(slowTeacher(0), [])).rejects.toThrow("holds no pairs");
    await expect(label(slowTeacher(0), [...pool(2), ...pool(1)])).rejects.toThrow('id "pair-0" comes twice');
    await expect(label(slowTeacher(0), pool(2), { shardSize: 0 })).rejects.toThrow("got 0");
  });

  test("refuses a pool that changes between its readings", async () => {
    let reading = 0;
    const pairs = () => [{ id: "x", prompt: "p", a: `a${reading++}`, b: "b" }];
    await expect(labelPool({ teacher: slowTeacher(0), pairs, folder })).rejects.toThrow(
      "changed while it was being labelled",
    );
  });

  test("finds damage: a shard of which a byte changed, or whose end is missing", async () => {
    await label(slowTeacher(0), pool(10));
    const file = join(folder, "shards", (await shards())[0]!);
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace("pair-3", "pair-4"));
    await expect(scoresIn()).rejects.toThrow("its checksum does not fit");
    await writeFile(file, text.slice(0, text.length / 2));
    await expect(scoresIn()).rejects.toThrow(/is damaged|is not valid JSON/);
  });

  test("counts the pairs of each flag", async () => {
    const pairs = [
      { id: "1", prompt: "p", a: "x", b: "x" },
      { id: "2", prompt: "p", a: "", b: "x" },
      { id: "3", prompt: "p", a: "y", b: "x" },
      { id: "4", prompt: "p", a: "z", b: "z" },
    ];
    expect((await label(slowTeacher(0), pairs)).report.flags).toEqual({ empty: 1, identical: 2 });
  });
});

describe("several processes in one folder", () => {
  const script = fileURLToPath(new URL("../../../test/helpers/labelling-process.ts", import.meta.url));
  const start = () => spawn(process.execPath, ["--import", "tsx", script, folder, "3000", "25"]);
  const ended = (child: ChildProcess) =>
    new Promise<string>((resolve) => {
      let output = "";
      child.stdout!.on("data", (chunk) => {
        output += chunk;
      });
      child.on("close", (code) => resolve(code === 0 ? output : `failed ${code}`));
    });
  const doneShards = async () =>
    (await readdir(join(folder, "shards")).catch(() => [])).filter((name) => !name.startsWith(".")).length;

  test("of which two are killed: every pair is there once, as if one process had done it all", async () => {
    const first = [start(), start(), start()];
    const ends = first.map(ended);
    // Two die in the middle of the work, wherever they are.
    while ((await doneShards()) < 6) await new Promise((resolve) => setTimeout(resolve, 5));
    first[0]!.kill("SIGKILL");
    while ((await doneShards()) < 12) await new Promise((resolve) => setTimeout(resolve, 5));
    first[1]!.kill("SIGKILL");
    const late = start();
    const reports = await Promise.all([ends[2]!, ended(late)]);
    expect(await Promise.all([ends[0], ends[1]])).toEqual(["failed null", "failed null"]);
    for (const report of reports) expect(JSON.parse(report)).toMatchObject({ pairs: 3000, shards: 120 });
    expect(await scoresIn()).toEqual(await slowTeacher(0).scorePairs(pool(3000)));
    expect(await doneShards()).toBe(120);
    expect((await shards()).filter((name) => name.startsWith(".tmp-"))).toEqual([]);
  });
});
