/** `stage`, and what `run` says of the Slurm executor where nothing is submitted; the real Slurm is in test/slurm. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
let recipe: string;
let out: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-stage-"));
  recipe = await writeTinyRecipe(folder);
  out = join(folder, "run");
});
afterAll(() => rm(folder, { recursive: true }));

const run = (...more: string[]) => weakTeacher(["run", recipe, "--out", out, ...more]);
const SLURM = ["--set", "executor=slurm"];

describe("run with executor: slurm", () => {
  test("--dry-run prints every script with what it comes after, and writes and submits nothing", async () => {
    const { code, stdout, stderr } = await run(...SLURM, "--dry-run", "--set", "executor.time=30");
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^# ── data\n#!\/bin\/bash\n#SBATCH --job-name=wt-[0-9a-f]{10}-data\n/m);
    expect(stdout).toContain("# ── weak-labels, after data, pool-scores, held-out-scores\n");
    expect(stdout.match(/^#SBATCH --time=30$/gm)!.length).toBe(stdout.match(/^exec .* --only /gm)!.length);
    expect(stdout).not.toContain("report ");
    expect(existsSync(out)).toBe(false);
    const plan = JSON.parse((await run(...SLURM, "--dry-run", "--detach", "--json")).stdout);
    expect(plan.jobs.at(-1)).toMatchObject({ stage: "report" });
    expect(plan.jobs.map(({ stage }: { stage: string }) => stage)).toEqual([
      ...plan.steps.map(({ name }: { name: string }) => name),
      "report",
    ]);
  });

  test("options and settings without an effect are refused with exit code 2, before anything is written", async () => {
    const refused = async (problem: string, ...more: string[]) => {
      const { code, stderr } = await run(...more);
      expect(code, stderr).toBe(2);
      expect(stderr).toContain(problem);
    };
    await refused("--detach: has no effect on this machine", "--detach");
    await refused("--fresh: jobs of a cluster go on from what is kept", "--fresh", ...SLURM);
    await refused(
      'executor.partion: unknown setting; did you mean "partition"?',
      "--set",
      "executor={kind: slurm, partion: x}",
    );
    await refused(
      'executor.stages.pool-score: fits no stage of this run; did you mean "pool-scores"?',
      ...["--dry-run", "--set", "executor={kind: slurm, stages: {pool-score: {array: 2}}}"],
    );
    expect(existsSync(out)).toBe(false);
  });
});

describe("stage", () => {
  const stage = (only: string, ...more: string[]) => weakTeacher(["stage", out, "--only", only, ...more]);

  test("computes one stage of a run, with what it needs taken from before", async () => {
    // An input is missing in the first stage of all: the run ends there, and its folder is begun.
    await rm(join(folder, "pairs.jsonl"));
    expect((await run()).code).toBe(1);
    await writeTinyRecipe(folder);
    const data = await stage("data", "--json");
    expect(data.code, data.stderr).toBe(0);
    expect(JSON.parse(data.stdout)).toMatchObject({ name: "data", state: "run", inputs: [], shared: false });
    const teacher = await stage("teacher-sft");
    expect(teacher.code, teacher.stderr).toBe(0);
    expect(teacher.stdout).toMatch(/^teacher-sft {2}done in /);
    expect((await stage("data")).stdout).toContain("kept");
    const made = (await readdir(join(out, "stages"))).filter((name) => !name.startsWith("."));
    expect(made.map((name) => name.replace(/-[0-9a-f]{12}$/, "")).sort()).toEqual(["data", "teacher-sft"]);
  });

  test("in a run on a cluster, models are those that the submitting process downloaded: nodes may have no network", async () => {
    const file = join(out, "recipe.yaml");
    const local = (await readFile(file, "utf8")).replace("kind: local", "kind: slurm");
    await mkdir(join(out, "slurm"));
    await writeFile(join(out, "slurm", "recipe.yaml"), local);
    await writeFile(file, local.replace(join(folder, "weak"), "hub:nobody/nothing@0"));
    const teacher = await stage("teacher-prefer");
    expect(teacher.code, teacher.stderr).toBe(0);
    expect(teacher.stdout).toMatch(/^teacher-prefer {2}done in /);
  });

  test("says which input is not there, which stages there are, and that a folder is no run", async () => {
    const early = await stage("weak-labels");
    expect(early.code).toBe(1);
    expect(early.stderr).toContain(
      "stage weak-labels: pool-scores and held-out-scores are not there, which it needs",
    );
    const unknown = await stage("techer-sft");
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('this run has no such stage; did you mean "teacher-sft"?');
    const none = await weakTeacher(["stage", join(folder, "none"), "--only", "data"]);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("recipe.yaml");
  });
});
