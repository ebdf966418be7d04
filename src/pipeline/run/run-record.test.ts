/** A whole tiny run whose recipe has relative paths, reported, exported and run again elsewhere: from its folder alone, or with its inputs moved. */
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyRecipe } from "../../../test/helpers/tiny-recipe.ts";
import { openSource } from "../export/source.ts";
import { loadRecipe } from "../recipe/parse.ts";
import { reportRun, runRecipe } from "./run.ts";
import { folderStatus } from "./status.ts";

const CODE = "1.0.0";
let folder: string;
/** Where recipe and inputs lie, before they are moved. */
const home = () => join(folder, "home");
const out = () => join(folder, "out");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-record-"));
  await mkdir(home());
  const recipe = await writeTinyRecipe(home());
  // As a person writes it: from the recipe's folder.
  await writeFile(recipe, (await readFile(recipe, "utf8")).replaceAll(`${home()}/`, ""));
  const made = await runRecipe(await loadRecipe(recipe, { set: [`out=${out()}`] }), { code: CODE });
  expect(made.steps.length).toBeGreaterThan(10);
}, 300_000);
afterAll(() => rm(folder, { recursive: true }));

const reportIn = async (place: string) => {
  const { times: _, ...rest } = JSON.parse(await readFile(join(place, "report.json"), "utf8"));
  return rest;
};

test("the run's own recipe has whole paths, and its results do not", async () => {
  const written = await readFile(join(out(), "recipe.yaml"), "utf8");
  for (const name of ["weak", "student", "pairs.jsonl"])
    expect(written).toContain(`: ${join(home(), name)}\n`);
  const stages = join(out(), "stages");
  const records = (await readdir(stages, { recursive: true })).filter((path) => /\.jsonl?$/.test(path));
  for (const path of records) expect(await readFile(join(stages, path), "utf8"), path).not.toContain(folder);
  const { dataQuality } = await reportIn(out());
  expect(dataQuality[0].file).toBe("pairs.jsonl");
});

test("inputs elsewhere and a recipe beside them: the same run, and nothing is computed", async () => {
  const other = join(folder, "other");
  await rename(home(), other);
  const recipe = await loadRecipe(join(other, "tiny.yaml"), { set: [`out=${out()}`] });
  const { steps } = await runRecipe(recipe, { code: CODE, dryRun: true });
  expect(steps.filter(({ state }) => state !== "cached").map(({ name }) => name)).toEqual([]);
  await rename(other, home());
}, 60_000);

test("a report whose inputs stand is written again and not computed again", async () => {
  const again = async (...set: string[]) => {
    const recipe = await loadRecipe(join(home(), "tiny.yaml"), { set: [`out=${out()}`, ...set] });
    return runRecipe(recipe, { code: CODE });
  };
  await again();
  const pages = () =>
    Promise.all(["html", "json", "md"].map((end) => readFile(join(out(), `report.${end}`), "utf8")));
  await reportRun(out(), { code: CODE });
  const computed = await pages();
  await Promise.all(["html", "json", "md"].map((end) => rm(join(out(), `report.${end}`))));
  await again();
  expect(await pages()).toEqual(computed);
  // What is kept is what is written: a mark in it comes through, until something that it was computed from is another.
  const mark = async () => {
    const record = join(out(), "run.json");
    const text = await readFile(record, "utf8");
    expect(text).toContain("percentile bootstrap");
    await writeFile(record, text.replace("percentile bootstrap", "marked"));
  };
  const method = async () => (await reportIn(out())).intervals.method as string;
  await mark();
  await again();
  expect(await method()).toContain("marked");
  await again("eval.n_bootstrap=150");
  expect(await method()).toMatch(/^percentile bootstrap over prompts, 150 /);
  await again();
  await mark();
  await reportRun(out(), { code: CODE });
  expect(await method()).toContain("percentile bootstrap");
}, 120_000);

test("a run that is not finished is told by the plan of its begin: as a plan made now, without what that needs", async () => {
  const cut = join(folder, "cut");
  await cp(out(), cut, { recursive: true });
  await rm(join(cut, "run.json"));
  for (const name of await readdir(join(cut, "stages")))
    if (/^(student-human|test-accuracy-human|generate-human)/.test(name))
      await rm(join(cut, "stages", name), { recursive: true });
  const open = async () => {
    const { stages, planProblem } = await folderStatus(cut, CODE);
    return { problem: planProblem, open: stages.flatMap((one) => (one.state === "open" ? [one.name] : [])) };
  };
  const human = { problem: null, open: ["student-human", "generate-human", "test-accuracy-human"] };
  // The inputs are elsewhere: nobody could plan this run now.
  const away = join(folder, "away");
  await rename(home(), away);
  expect(await open()).toEqual(human);
  await rename(away, home());
  // Of another version it is no word, nor of another recipe; then a plan is made, which says the same.
  const plan = join(cut, "plan.json");
  const text = await readFile(plan, "utf8");
  for (const other of [text.replace(CODE, "0.0.1"), text.replace(/"recipe":\s*"./, '"recipe":"x'), "{"]) {
    expect(other).not.toBe(text);
    await writeFile(plan, other.replace('"generate-human"', '"nonsense"'));
    expect(await open()).toEqual(human);
  }
});

test("moved, with all inputs gone, it is reported and exported as before, and its status is known", async () => {
  const before = await reportIn(out());
  const rows = (await openSource(out(), { code: CODE, arm: "weak" })).rows;
  await rename(home(), join(folder, "gone"));
  const moved = join(folder, "somewhere", "else");
  await mkdir(join(folder, "somewhere"));
  await rename(out(), moved);
  await rm(join(moved, "report.json"));
  // From any working directory, by a relative path too.
  await reportRun(relative(process.cwd(), moved), { code: CODE });
  expect(await reportIn(moved)).toEqual(before);
  const exported = await openSource(moved, { code: CODE, arm: "weak" });
  expect(exported.rows).toEqual(rows);
  expect(exported.sftRows!.length).toBeGreaterThan(0);
  const status = await folderStatus(moved, CODE);
  expect(status.planProblem).toBeNull();
  expect(status.stages.every(({ state }) => state === "done")).toBe(true);
  // Another version computes other stages: the record is not for it.
  await expect(reportRun(moved, { code: "1.0.1" })).rejects.toThrow();
  const record = await readFile(join(moved, "run.json"), "utf8");
  expect(record).not.toContain(out());
  // One stage gone: the run is not finished any more.
  const stages = join(moved, "stages");
  const labels = (await readdir(stages)).find((name) => name.startsWith("weak-labels-"))!;
  await rename(join(stages, labels), join(folder, labels));
  await rename(join(folder, "gone"), home());
  await expect(reportRun(moved, { code: CODE })).rejects.toThrow(/stages are not finished: .*weak-labels/);
}, 60_000);
