import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { loadRecipe } from "../../recipe/parse.ts";
import type { StageStep } from "../../stages/steps.ts";
import { planRayJobs } from "./ray-run.ts";

const step = (name: string, inputs: string[], more: Partial<StageStep> = {}): StageStep => ({
  ...{ name, state: "depends", key: undefined, folder: undefined, elapsedSeconds: undefined },
  ...{ inputs, shared: name.endsWith("-scores") },
  ...more,
});
const STEPS = [
  step("data", [], { state: "cached" }),
  step("teacher-sft", ["data"]),
  step("pool-scores", ["teacher-sft", "data"]),
];

async function planned(...set: string[]) {
  const recipe = await loadRecipe("demo", { set: ["executor.kind=ray", ...set] });
  const { executor: settings } = recipe;
  if (settings.kind !== "ray") throw new Error("not ray");
  return planRayJobs({ folder: "/runs/x", recipe, settings }, STEPS);
}

test("a job asks for what its stage was given; the last pattern that fits counts", async () => {
  const [sft, scores] = await planned(
    "executor.cpus=4",
    "executor.gpus=0.5",
    "executor.env={HF_HOME: /shared, my_Flag: 'on'}",
    'executor.stages={"*": {memory: 2G}, "*-scores": {array: 3, cpus: 2, gpus: 1, resources: {fast_Disk: 1}}}',
  );
  expect(sft!.request).toMatchObject({
    ...{ entrypoint_num_cpus: 4, entrypoint_num_gpus: 0.5, entrypoint_memory: 2 * 1024 ** 3 },
    runtime_env: { env_vars: { HF_HOME: "/shared", my_Flag: "on" } },
    metadata: { folder: "/runs/x", stage: "teacher-sft" },
  });
  expect(scores).toMatchObject({ after: ["teacher-sft"], tasks: 3 });
  expect(scores!.request).toMatchObject({
    ...{ entrypoint_num_cpus: 2, entrypoint_num_gpus: 1, entrypoint_resources: { fast_Disk: 1 } },
  });
});

test("what a shell makes of it is the command, after what sets it up", async () => {
  const [sft] = await planned(
    'executor.setup=[export GREETING="it\'s"]',
    'executor.command=[sh, -c, \'printf "%s|" "$GREETING" "$@"\', "my $HOME"]',
  );
  const { stdout } = spawnSync("sh", ["-c", sft!.request.entrypoint], { encoding: "utf8" });
  expect(stdout).toBe("it's|stage|/runs/x|--only|teacher-sft|");
});

test.each([
  ["executor.memory=16", "executor.memory: expected a number with K, M, G or T, such as 16G"],
  ["executor.partition=x", "executor.partition: unknown setting"],
  ["executor.stages={pool-score: {cpus: 2}}", 'fits no stage of this run; did you mean "pool-scores"?'],
  [
    "executor.stages={teacher-sft: {array: 2}}",
    "teacher-sft has array: 2, but its work is not cut into shards",
  ],
])("--set %s is refused", async (set, problem) => {
  await expect(planned(set)).rejects.toThrow(problem);
});
