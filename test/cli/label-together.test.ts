/** Several `label` commands at one `--out`, some of them killed; `npm run soak` is the same at full size. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { labelUnderKills } from "../helpers/kill-label.ts";
import { writeShortPairs } from "../helpers/short-pairs.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { nodeArguments, weakTeacher } from "./spawn.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-together-"));
  await writeTinyModel(at("model"), { family: "llama", seed: 1 });
});
afterEach(() => rm(folder, { recursive: true }));

const label = () => [
  ...["label", at("pool.jsonl"), "--teacher", "likelihood", "--model", at("model"), "--threads", "1"],
  ...["--max-length", "200", "--max-prompt-length", "100"],
];

test("four processes, one killed again and again: the result is that of one alone, no row lost, none twice", async () => {
  await writeShortPairs(at("pool.jsonl"), 4000);
  const run = {
    command: [...nodeArguments, ...label()],
    folder,
    workers: 4,
    killEveryMs: 200,
    mostKills: 4,
    seed: 5,
  };
  const { kills, rows, ids, different, left } = await labelUnderKills(run);
  expect(kills).toBeGreaterThan(0);
  expect({ rows, ids, different, left }).toEqual({ rows: 4000, ids: 4000, different: [], left: [] });
});

test("workers that only score leave the labels to another, and score nothing twice", async () => {
  await writeShortPairs(at("pool.jsonl"), 700);
  const out = ["--out", at("out"), "--json"];
  const workers = await Promise.all([1, 2].map(() => weakTeacher([...label(), ...out, "--score-only"])));
  for (const { code, stderr, stdout } of workers) {
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ name: "label", state: "shared" });
  }
  const last = await weakTeacher([...label(), ...out]);
  expect(JSON.parse(last.stdout)).toMatchObject({ state: "resume", counts: { pairs: 700 } });
  const refused = await weakTeacher([...label(), ...out, "--score-only", "--fresh"]);
  expect(refused).toMatchObject({ code: 2 });
});
