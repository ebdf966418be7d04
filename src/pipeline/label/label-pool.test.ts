import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyFolder } from "../../../test/helpers/tiny-folder.ts";
import { createLog } from "../../base/core/log.ts";
import { HELD_OUT_FILE } from "../../method/labels/held-out-file.ts";
import type { TeacherChoice } from "../../method/teacher/choice.ts";
import { labelPoolFile } from "./label-pool.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-label-pool-"));
});
afterAll(() => rm(folder, { recursive: true }));

const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

test("labelled pairs that cannot calibrate are refused before anything is scored", async () => {
  const pool = join(folder, "pool.jsonl");
  const texts = (i: number) => ({ prompt: `p${i}`, chosen: ` good ${i}`, rejected: ` bad ${i}` });
  await writeFile(pool, lines(Array.from({ length: 12 }, (_, i) => texts(i))));
  const heldOut = join(folder, HELD_OUT_FILE);
  await writeFile(heldOut, lines([{ id: "a", margin: 0.5, preferred: "a" }]));
  // Its content decides, not its name.
  const renamed = join(folder, "renamed.jsonl");
  await writeFile(renamed, lines([{ id: "a", margin: 0.5, preferred: "a", unit: "p" }]));
  const few = join(folder, "few.jsonl");
  await writeFile(few, lines([texts(20), texts(21)]));
  const other = join(folder, "other.jsonl");
  await writeFile(other, lines([{ question: "p", answer: "a" }]));
  const said: string[] = [];
  const log = createLog({ write: (text: string) => said.push(text), isTTY: false } as never, {
    quiet: false,
  });
  const label = (calibrate: string) =>
    labelPoolFile({
      ...{
        pool,
        calibrate,
        teacher: { kind: "random", seed: 1 } as const,
        set: [],
        seed: 1,
        code: "1.0.0",
        log,
      },
      ...{ out: join(folder, "labels"), read: { onBadRow: "fail" as const } },
    });
  await expect(label(renamed)).rejects.toThrow("renamed.jsonl: holds margins of pairs by another teacher");
  await expect(label(heldOut)).rejects.toThrow(
    /held-out\.jsonl: holds margins of pairs by another teacher and not their texts.*labelled\.jsonl/,
  );
  await expect(label(few)).rejects.toThrow(
    "few.jsonl: expected at least 10 pairs that people decided, got 2",
  );
  await expect(label(other)).rejects.toThrow("fit no known shape");
  expect(said.join("")).not.toContain("stage label");
  expect((await readdir(folder)).filter((name) => name.startsWith("labels"))).toEqual([]);
});

describe("what a caller tells a teacher is in the result's key", () => {
  const label = (out: string, teacher: TeacherChoice, more: { dryRun?: boolean } = {}) =>
    labelPoolFile({
      ...{ pool: join(folder, "told.jsonl"), teacher, set: [], seed: 1, code: "1.0.0" },
      ...{ out: join(folder, out), read: {}, ...more },
    });
  const pairs = Array.from({ length: 6 }, (_, i) => ({
    ...{ id: `t${i}`, prompt: `p${i}` },
    ...{ response_a: ` one ${i}`, response_b: ` two ${i}` },
  }));
  beforeAll(() => writeFile(join(folder, "told.jsonl"), lines(pairs)));

  const told = <T>(value: T) => new Map(pairs.map(({ id }) => [id, value]));

  test("other gold rewards, given as a map, are other labels", async () => {
    const gold = (scoreA: number): TeacherChoice => ({
      kind: "gold",
      rewards: async () => told({ scoreA, scoreB: 0 }),
    });
    expect((await label("gold", gold(1))).facts!.counts).toMatchObject({ a: 6, b: 0 });
    expect((await label("gold", gold(1))).step.state).toBe("cached");
    expect((await label("gold", gold(-1))).facts!.counts).toMatchObject({ a: 0, b: 6 });
  });

  test("other human labels, given as a map, are other labels", async () => {
    const human = (said: "a" | "b"): TeacherChoice => ({
      ...{ kind: "noisy-human", seed: 1, noise: { kind: "flip", rate: 0 } },
      choices: async () => told(said),
    });
    expect((await label("human", human("a"))).facts!.counts).toMatchObject({ a: 6, b: 0 });
    expect((await label("human", human("b"))).facts!.counts).toMatchObject({ a: 0, b: 6 });
  });

  test("another tokenizer of a served teacher is another key", async () => {
    const [one, two] = await Promise.all(
      ["one", "two"].map((name) => writeTinyFolder(folder, name, { seed: 1 })),
    );
    const config = join(two!, "tokenizer_config.json");
    await writeFile(
      config,
      JSON.stringify({ ...JSON.parse(await readFile(config, "utf8")), add_bos_token: false }),
    );
    const served = (tokenizer: string): TeacherChoice => ({
      ...{ kind: "remote", url: "http://127.0.0.1:9/v1", model: "m", tokenizer },
    });
    const keyOf = async (tokenizer: string) =>
      (await label("served", served(tokenizer), { dryRun: true })).step.key;
    expect(await keyOf(one!)).toBe(await keyOf(one!));
    expect(await keyOf(one!)).not.toBe(await keyOf(two!));
  });
});
