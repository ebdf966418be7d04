/** What each token adds, through the command: `inspect --explain`, and the heat maps of a run's report. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTable } from "../helpers/read-table.ts";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import { writeTinyJob } from "../helpers/tiny-job.ts";
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

test("a run's report tints the tokens of its disagreements, which add up to the margin; people are asked about its labels", async () => {
  const recipe = await writeTinyJob(join(folder, "job"), "{ gold: [] }");
  const out = join(folder, "run");
  const outcome = await weakTeacher(["run", recipe, "--out", out, "--set", "arms=[sft]", "--quiet"]);
  expect(outcome.code, outcome.stderr).toBe(0);
  const { examples } = JSON.parse(await readFile(join(out, "report.json"), "utf8")) as {
    examples: Example[];
  };
  expect(examples.length).toBeGreaterThan(0);
  for (const { a, tokensA, tokensB, verdicts } of examples) {
    expect(tokensA.map(({ text }) => text).join("")).toBe(`${a}</s>`);
    const sum = (tokens: Example["tokensA"]) => tokens.reduce((total, { value }) => total + value, 0);
    expect(sum(tokensA) - sum(tokensB)).toBeCloseTo(verdicts[0]!.margin!, 4);
  }
  const page = await readFile(join(out, "report.html"), "utf8");
  expect(page).toMatch(/<span class="token (up|down)4" title/);
  expect(page).toContain("token contributions");
  const stages = await readdir(join(out, "stages"));
  const labels = join(out, "stages", stages.find((name) => name.startsWith("weak-labels"))!);
  const asked = await weakTeacher([
    "ask",
    labels,
    "--among",
    "all",
    "--budget",
    "3",
    "--out",
    join(folder, "q"),
  ]);
  expect(asked.code, asked.stderr).toBe(0);
  const answers = join(folder, "q", "questions.csv");
  await writeFile(answers, (await readFile(answers, "utf8")).replace(/^([0-9a-f]+),,/gm, "$1,b,"));
  const merged = ["ask", labels, "--answers", answers, "--out", join(folder, "merged"), "--json"];
  const { next, ...facts } = JSON.parse((await weakTeacher(merged)).stdout);
  expect(facts).toMatchObject({ answers: { total: 3 }, calibration: { refitted: true } });
  expect(next[0]).toMatch(/^weak-teacher run .*recipe.yaml --set data.labelled=.*labelled.jsonl/);
  // the command it prints teaches the teacher what people said, and takes their prompts out of the pool
  const again = await weakTeacher([...next[0].split(" ").slice(1), "--quiet", "--json"]);
  expect(again.code, again.stderr).toBe(0);
  const { steps } = JSON.parse(again.stdout) as { steps: { name: string; folder: string }[] };
  const data = steps.find(({ name }) => name === "data")!.folder;
  const idsOf = async (file: string) => (await readTable(file)).map(({ id }) => id);
  const answered = await idsOf(join(folder, "merged", "labelled.jsonl"));
  expect(answered).toHaveLength(3);
  // They come from the pool, so among the labelled rows they have ids of their own.
  const known = answered.map((id) => `labelled:${id}`);
  expect(await idsOf(join(data, "labelled.jsonl"))).toEqual(expect.arrayContaining(known));
  expect((await idsOf(join(data, "pool", "pool.jsonl"))).filter((id) => answered.includes(id))).toEqual([]);
});

type Example = {
  a: string;
  tokensA: { text: string; value: number }[];
  tokensB: { text: string; value: number }[];
  verdicts: { margin?: number }[];
};
