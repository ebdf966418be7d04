/** `inspect --explain` through the command: what each token adds, in numbers, in colours, and under --json. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
let args: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-heat-"));
  const [policy, reference] = [
    await writeTinyFolder(folder, "policy", { seed: 1 }),
    await writeTinyFolder(folder, "reference", { seed: 2 }),
  ];
  const rows = [
    { prompt: "one", chosen: " yes", rejected: " no" },
    { prompt: "two", chosen: " fine", rejected: " bad" },
  ];
  await writeFile(join(folder, "pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  args = ["inspect", join(folder, "pairs.jsonl"), "--explain", "--model", policy, "--reference", reference];
});
afterAll(() => rm(folder, { recursive: true }));

test("sums equal scores, beta scales them, and the same pair reads in colours and without", async () => {
  const json = async (...more: string[]) => {
    const outcome = await weakTeacher([...args, "--row", "2", "--json", ...more]);
    expect(outcome.code, outcome.stderr).toBe(0);
    return JSON.parse(outcome.stdout).explanation;
  };
  const [one, twice] = [await json(), await json("--beta", "0.2")];
  const total = one.a.reduce((sum: number, { value }: { value: number }) => sum + value, 0);
  expect(total).toBeCloseTo(one.scoreA, 4);
  expect(one.a.map(({ text }: { text: string }) => text).join("")).toMatch(/^ fine/);
  expect(one.margin).toBeCloseTo(one.scoreA - one.scoreB, 12);
  // default beta 0.1
  expect(twice.scoreA / one.scoreA).toBeCloseTo(2, 6);
  const plain = await weakTeacher(args);
  expect(plain.stdout).toMatch(/row 1 .*[\s\S]*\[y [+-]?\d+\.\d{3}\]\[e /);
  const coloured = await weakTeacher(args, { env: { NO_COLOR: "", FORCE_COLOR: "1" } });
  expect(coloured.stdout).toContain("\u001b[48;5;");
  expect(coloured.stdout).not.toContain("[token number]");
});

test("without a reference nothing is explained, and without --explain a reference has no effect", async () => {
  const missing = await weakTeacher(args.slice(0, -2));
  expect(missing).toMatchObject({ code: 2, stdout: "" });
  expect(missing.stderr).toContain("--reference: is missing");
  const useless = await weakTeacher(["inspect", args[1]!, "--beta", "1"]);
  expect(useless).toMatchObject({ code: 2 });
  expect(useless.stderr).toContain("--beta: has no effect without --explain");
});
