import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { weakTeacher } from "./spawn.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-status-cli-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("tells what label made, and refuses what is no output of ours", async () => {
  const pool = join(folder, "pool.jsonl");
  await writeFile(pool, `${JSON.stringify({ prompt: "p", response_a: "a", response_b: "bb" })}\n`);
  await weakTeacher(["label", pool, "--teacher", "longer", "--out", join(folder, "out")]);
  const said = await weakTeacher(["status", join(folder, "out"), "--watch"]);
  expect(said).toMatchObject({ code: 0 });
  expect(said.stdout).toMatch(/: 1 of 1 stages done\n {2}label {2}done in \d/);
  const none = await weakTeacher(["status", folder, "--json"]);
  expect(none.code).toBe(2);
  expect(JSON.parse(none.stdout).error.message).toContain("is no run");
});
