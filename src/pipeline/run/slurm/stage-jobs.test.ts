import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigError } from "../../../base/core/errors.ts";
import { loadRecipe } from "../../recipe/parse.ts";
import type { StageStep } from "../../stages/steps.ts";
import { formatJobs } from "../cluster/stage-job.ts";
import { checkResources, threadsOf } from "../cluster/stage-resources.ts";
import { resourcesOf } from "./resources.ts";
import { planJobs } from "./slurm-run.ts";

const step = (name: string, inputs: string[], more: Partial<StageStep> = {}): StageStep => ({
  ...{ name, state: "depends", key: undefined, folder: undefined, elapsedSeconds: undefined },
  ...{ inputs, shared: name.endsWith("-scores") },
  ...more,
});

/** As the main job's, smaller. */
const STEPS = [
  step("data", [], { state: "cached" }),
  step("teacher-sft", ["data"]),
  step("pool-scores", ["teacher-sft", "data"]),
  step("weak-labels", ["data", "pool-scores"]),
  step("student-weak", ["weak-labels"]),
  step("student-human", ["data"]),
];

const recipeWith = (...set: string[]) =>
  loadRecipe("demo", { set: ["executor.kind=slurm", "threads=2", ...set] });

async function planned(detach: boolean, ...set: string[]) {
  const recipe = await recipeWith(...set);
  const { executor } = recipe;
  if (executor.kind !== "slurm") throw new Error("not slurm");
  return planJobs({ folder: "/runs/x", recipe, settings: executor, detach }, STEPS);
}

test("a job per stage that is not kept, behind those of the stages it takes from", async () => {
  const jobs = await planned(false);
  expect(jobs.map(({ stage, after }) => `${stage} < ${after.join(" ")}`)).toEqual([
    "teacher-sft < ",
    "pool-scores < teacher-sft",
    "weak-labels < pool-scores",
    "student-weak < weak-labels",
    "student-human < ",
  ]);
  expect(jobs[0]!.script).toContain(
    `src/interfaces/cli/main.ts stage /runs/x --only teacher-sft\n`.replace("src/", ""),
  );
  expect(formatJobs(jobs)).toContain("# ── weak-labels, after pool-scores\n#!/bin/bash\n");
});

test("without a follower the report is a job, behind all that nothing else takes from", async () => {
  const jobs = await planned(true);
  const report = jobs.at(-1)!;
  expect(report).toMatchObject({ stage: "report", after: ["student-weak", "student-human"] });
  expect(report.script).toMatch(/report \/runs\/x\n$/);
  expect(jobs.every(({ script }) => script.includes("--kill-on-invalid-dep=yes"))).toBe(true);
});

test("resources of a stage: those of all, then each pattern that fits, the last one counts", async () => {
  const { executor } = await recipeWith(
    "executor.cpus=4",
    "executor.partition=cpu",
    "executor.extra=[--nice=5]",
    'executor.stages={"student-*": {partition: gpu, gres: "gpu:1", extra: [--exclusive]}, student-weak: {cpus: 8}}',
  );
  if (executor.kind !== "slurm") throw new Error("not slurm");
  expect(resourcesOf(executor, "data", 2)).toEqual({ partition: "cpu", cpus: 4, extra: ["--nice=5"] });
  expect(resourcesOf(executor, "student-weak", 2)).toEqual({
    ...{ partition: "gpu", gres: "gpu:1", cpus: 8, extra: ["--nice=5", "--exclusive"] },
  });
  expect([threadsOf(executor, "data", undefined), threadsOf(executor, "student-weak", 2)]).toEqual([4, 2]);
  const jobs = await planned(false, 'executor.stages={"*-scores": {array: 3}}');
  expect(jobs.map(({ tasks }) => tasks)).toEqual([undefined, 3, undefined, undefined, undefined]);
  expect(jobs[1]!.script).toContain("slurm/pool-scores-%A_%a.out\n");
  expect(jobs[1]!.script).toContain("#SBATCH --array=0-2\n");
});

test("what would have no effect is refused, all of it at once", async () => {
  const recipe = await recipeWith(
    'executor.stages={"studnet-*": {cpus: 8}, weak-label: {cpus: 9}, weak-labels: {array: 4}, data: {cpus: 1}}',
  );
  const { executor } = recipe;
  if (executor.kind !== "slurm") throw new Error("not slurm");
  const check = () => checkResources(executor, recipe, STEPS);
  expect(check).toThrow(ConfigError);
  expect(check).toThrow(/executor\.stages\.studnet-\*: fits no stage of this run/);
  expect(check).toThrow(/weak-label: fits no stage of this run; did you mean "weak-labels"\?/);
  expect(check).toThrow(/weak-labels has array: 4, but its work is not cut into shards\. .*pool-scores only/);
  expect(check).toThrow(/data has 1 cpus, expected at least the recipe's threads, 2/);
});

test.each([
  ["executor=slrum", 'expected one of local, slurm, ray, got "slrum"; did you mean "slurm"?'],
  ["executor.partitoin=x", 'executor.partitoin: unknown setting; did you mean "partition"?'],
  ["executor.stages={data: {cpu: 2}}", 'executor.stages.data.cpu: unknown setting; did you mean "cpus"?'],
  ["executor.time=1 hour", "executor.time: expected Slurm's form"],
  ["executor.extra=[--array=0-3]", "is given by the executor itself"],
  ["executor.extra=[-J x]", "is given by the executor itself"],
  ['executor.extra=["--nice=1\\n#SBATCH --uid=0"]', "expected one option of sbatch"],
  ["executor.account=a b", "expected one word without quotes"],
])("--set %s is refused", async (set, problem) => {
  await expect(recipeWith(set)).rejects.toThrow(problem);
});

test("the recipe's executor has the file's names and comes back from the run's folder", async () => {
  const { recipeYaml } = await import("../../recipe/write.ts");
  const { parseDocumentText } = await import("../../../base/settings/document.ts");
  const { resolveRecipe } = await import("../../recipe/parse.ts");
  const recipe = await recipeWith("executor.poll_seconds=2", "executor.stages={data: {memory: 2G}}");
  const yaml = recipeYaml(recipe);
  expect(yaml).toContain("poll_seconds: 2\n");
  expect(resolveRecipe([parseDocumentText(yaml, join("x", "recipe.yaml"))], []).executor).toEqual(
    recipe.executor,
  );
});
