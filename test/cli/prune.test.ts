/** Models of a finished run taken off the disk: what is told, reported and compared stays, and a later run makes again what it needs, to the same bytes. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
let recipe: string;
const out = () => join(folder, "out");
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-prune-"));
  recipe = await writeTinyRecipe(folder);
  const made = await run();
  expect(made.code, made.stderr).toBe(0);
}, 300_000);
afterAll(() => rm(folder, { recursive: true }));

const run = (...more: string[]) => weakTeacher(["run", recipe, "--out", out(), "--json", ...more]);
const prune = async (...more: string[]) => {
  const { code, stdout, stderr } = await weakTeacher(["prune", out(), "--json", ...more]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as {
    bytes: number;
    finished: boolean;
    models: { stage: string; folder: string; kept: string | null }[];
    attempts: { stage: string; kept: string | null }[];
  };
};
const models = async () =>
  (await readdir(join(out(), "stages"), { recursive: true }))
    .filter((path) => /model\.safetensors$/.test(path))
    .sort();
const steps = (stdout: string) =>
  JSON.parse(stdout).steps as { name: string; state: string; pruned?: boolean }[];
const named = (stdout: string, state: string) =>
  steps(stdout)
    .filter((step) => step.state === state)
    .map(({ name }) => name)
    .sort();
const report = async () => {
  const { times: _, ...rest } = JSON.parse(await readFile(join(out(), "report.json"), "utf8"));
  return rest;
};

test("says first what would go; removes it with --yes; then status, report, compare and a second run go on without", async () => {
  const before = { models: await models(), report: await report() };
  const plan = await prune();
  expect(plan).toMatchObject({ finished: true, attempts: [] });
  expect(plan.bytes).toBeGreaterThan(10_000);
  expect(await models()).toEqual(before.models);

  const done = await prune("--keep", "students", "--yes");
  const kept = done.models.filter((part) => part.kept !== null).map(({ stage }) => stage);
  expect(kept.sort()).toEqual(["student-human", "student-weak"]);
  expect(done.bytes).toBeLessThan(plan.bytes);
  expect((await models()).map((path) => path.replace(/-[0-9a-f]{12}\/.*/, ""))).toEqual(kept);

  const status = await weakTeacher(["status", out()]);
  expect(status.stdout).toMatch(/teacher-sft +done in .*, pruned \([\d.]+ kB\)/);
  expect(status.stdout).toMatch(/student-weak +done in [\d.]+\w*\n/);
  const verified = await weakTeacher(["status", out(), "--verify"]);
  expect(verified.code, verified.stdout).toBe(0);

  const again = await run();
  expect(again.code, again.stderr).toBe(0);
  expect(new Set(steps(again.stdout).map(({ state }) => state))).toEqual(new Set(["cached"]));
  expect(again.stderr).not.toContain("starts");
  const written = await weakTeacher(["report", out()]);
  expect(written.code, written.stderr).toBe(0);
  expect(await report()).toEqual(before.report);
  const other = join(folder, "other");
  expect((await weakTeacher(["run", recipe, "--out", other, "--set", "seed=5", "--quiet"])).code).toBe(0);
  const compared = await weakTeacher(["compare", out(), other, "--out", join(folder, "comparison")]);
  expect(compared.code, compared.stderr).toBe(0);
}, 300_000);

test("a stage that needs a pruned model has it made again, to the same bytes, and only that", async () => {
  const records = async () => {
    const names = (await readdir(join(out(), "stages"))).filter((name) => !name.startsWith("."));
    const texts = names.map(async (name) => readFile(join(out(), "stages", name, "stage.json"), "utf8"));
    return new Map(
      (await Promise.all(texts)).map((text) => [JSON.parse(text).identity.name, JSON.parse(text)]),
    );
  };
  await prune("--yes");
  expect(await models()).toEqual([]);
  const before = await records();
  const beta = ["--set", "student.prefer.beta=0.5"];
  const plan = await run(...beta, "--dry-run");
  // The students' starts are needed; the teacher is not, and neither are students of the other beta.
  const needed = ["student-sft-human", "student-sft-weak"];
  expect(
    steps(plan.stdout)
      .filter(({ state, pruned }) => state === "run" && pruned)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(needed);
  const text = await weakTeacher(["run", recipe, "--out", out(), ...beta, "--dry-run"]);
  expect(text.stdout).toMatch(/student-sft-weak +runs again: it was pruned, and a stage after it needs it/);
  expect(text.stdout).toMatch(/teacher-sft +kept, pruned \(took/);
  const made = await run(...beta);
  expect(made.code, made.stderr).toBe(0);
  expect(named(made.stdout, "run")).toEqual(
    [
      ...needed,
      ...["student", "generate", "test-accuracy"].flatMap((name) => [`${name}-weak`, `${name}-human`]),
    ].sort(),
  );
  const after = await records();
  expect(after.get("student-sft-weak")).not.toHaveProperty("pruned");
  expect(after.get("student-sft-weak").digest).toBe(before.get("student-sft-weak").digest);
  expect((await readdir(join(out(), "stages"))).filter((name) => name.startsWith("."))).toEqual([]);
}, 300_000);

test("a pruned model says so where it is opened, and one stage by itself is made whole again", async () => {
  await prune("--yes");
  const teacher = (await readdir(join(out(), "stages"))).find((name) => name.startsWith("teacher-prefer-"))!;
  const at = join(out(), "stages", teacher);
  const pairs = join(folder, "pairs.jsonl");
  const label = await weakTeacher([
    ...["label", pairs, "--model", at, "--reference", at, "--out", join(folder, "labels")],
  ]);
  expect(label.code).toBe(1);
  expect(label.stderr).toContain("has no weights. Its weights were pruned.");
  expect(label.stderr).toContain("stage RUN --only teacher-prefer");
  const blocked = await weakTeacher(["stage", out(), "--only", "teacher-prefer"]);
  expect(blocked.code).toBe(1);
  expect(blocked.stderr).toContain("teacher-sft, which it needs, was pruned. Run that first");
  for (const name of ["teacher-sft", "teacher-prefer"]) {
    const stage = await weakTeacher(["stage", out(), "--only", name]);
    expect(stage.code, stage.stderr).toBe(0);
  }
  expect(existsSync(join(at, "model", "model.safetensors"))).toBe(true);
  expect(existsSync(join(at, "model", "PRUNED"))).toBe(false);
}, 300_000);

test("what is begun stays unless it is asked for, and models that stages to come may need stay", async () => {
  const attempt = join(out(), "stages", ".work-student-weak-0123456789ab");
  await mkdir(join(attempt, "scratch"), { recursive: true });
  await writeFile(join(attempt, "scratch", "checkpoint"), "x".repeat(1000));
  const plan = await prune();
  expect(plan).toMatchObject({ finished: false, attempts: [{ stage: "student-weak", bytes: 1000 }] });
  expect(
    plan.models
      .filter((part) => part.kept === null)
      .every(({ stage }) => /^student-(weak|human)$/.test(stage)),
  ).toBe(true);
  expect(plan.models.find(({ stage }) => stage === "teacher-sft")?.kept).toBe("stages to come may need it");
  await prune("--yes");
  expect(existsSync(attempt)).toBe(true);
  await prune("--attempts", "--yes");
  expect(existsSync(attempt)).toBe(false);
}, 300_000);

test("what is no run, and names that nothing has, are refused", async () => {
  const wrong = await weakTeacher(["prune", out(), "--keep", "studnets"]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('did you mean "students"?');
  const none = await weakTeacher(["prune", join(folder, "student")]);
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("is no run and no study");
  const single = join(
    out(),
    "stages",
    (await readdir(join(out(), "stages"))).find((name) => name.startsWith("teacher-sft"))!,
  );
  expect((await weakTeacher(["prune", single])).stderr).toContain("is one command's result");
});
