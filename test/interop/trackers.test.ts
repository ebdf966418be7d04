/** What TensorBoard, W&B (offline) and MLflow (SQLite) themselves hold of a run, and hold once, however often it is imported. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { weakTeacher } from "../cli/spawn.ts";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { trackersPython } from "./python.ts";

type Values = Record<string, number>;

describe.skipIf(trackersPython === undefined)("trackers (scripts/python-env.sh trackers)", () => {
  let folder: string;
  let run: string;
  /** Points of each training by our own files: step and values, under TensorBoard's names. */
  const curves: Record<string, Values[]> = {};
  const stageFolders: Record<string, string> = {};
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "trackers-"));
    run = join(folder, "mine");
    const recipe = await writeTinyRecipe(folder);
    const made = await weakTeacher(["run", recipe, "--out", run, "--set", "arms=[sft, weak]"]);
    expect(made.code, made.stderr).toBe(0);
    for (const stage of await readdir(join(run, "stages"))) {
      const text = await readFile(join(run, "stages", stage, "log/metrics.jsonl"), "utf8").catch(() => "");
      if (text === "") continue;
      const name = stage.replace(/-[0-9a-f]{12}$/, "");
      stageFolders[name] = join(run, "stages", stage);
      curves[name] = text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Values)
        .map(({ global_step, ...rest }) => ({
          _step: global_step!,
          ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [`train/${key}`, value])),
        }));
    }
    expect(Object.keys(curves).sort()).toEqual([
      "student-sft-weak",
      "student-weak",
      "teacher-prefer",
      "teacher-sft",
    ]);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("TensorBoard reads the event file that a training wrote", async () => {
    const file = join(stageFolders["student-weak"]!, "log/events.out.tfevents.0.weak-teacher");
    const read = JSON.parse(await python("test/interop/read_trackers.py", ["tensorboard", file]));
    const points = curves["student-weak"]!;
    expect(Object.keys(read).sort()).toEqual(
      Object.keys(points[0]!)
        .filter((key) => key !== "_step")
        .sort(),
    );
    for (const [tag, values] of Object.entries(read as Record<string, number[][]>))
      expect(values, tag).toEqual(points.map((point) => [point._step, Math.fround(point[tag]!)]));
  });

  test("W&B, offline: points, config and figures, once; what was cut off is written again", async () => {
    const home = join(folder, "wandb-home");
    await mkdir(home);
    const env = { WANDB_MODE: "offline", WANDB_DIR: home, WANDB_SILENT: "true" };
    const imported = () => python("assets/trackers/import_run.py", [run, "--to", "wandb"], env);
    const held = async () => JSON.parse(await python("test/interop/read_trackers.py", ["wandb", home]));
    // A run without its report first: as if the import had come too early.
    await rename(join(run, "report.json"), join(run, "aside.json"));
    expect(await imported()).toMatch(/mine has no figures yet/);
    await rename(join(run, "aside.json"), join(run, "report.json"));
    await checkWandb(await held(), {});
    expect(await imported()).toMatch(/student-weak: there already, 5 points/);
    await checkWandb(await held(), await finalFigures());
    await imported();
    await checkWandb(await held(), await finalFigures());
    // As a kill leaves it: points in a file, and no word that it is whole.
    const offline = (await readdir(join(home, "wandb"))).filter((name) => name.startsWith("offline-run-"));
    for (const name of offline) await rm(join(home, "wandb", name, "weak-teacher.json"));
    expect(await imported()).toMatch(/was cut off by an earlier import and is written again/);
    await checkWandb(await held(), await finalFigures());
  });

  test("MLflow, SQLite: points, parameters and figures, once, under the run", async () => {
    const env = { MLFLOW_TRACKING_URI: `sqlite:///${join(folder, "mlflow.db")}` };
    for (const already of [
      /student-weak: 60 values written, 0 there/,
      /student-weak: 0 values written, 60 there/,
    ])
      expect(
        await python("assets/trackers/import_run.py", [run, "--to", "mlflow", "--project", "p"], env),
      ).toMatch(already);
    const runs = JSON.parse(await python("test/interop/read_trackers.py", ["mlflow", "p"], env)) as {
      name: string;
      parent: string | null;
      params: Record<string, string>;
      metrics: Record<string, number[][]>;
    }[];
    expect(runs.map(({ name }) => name).sort()).toEqual([...Object.keys(curves), "mine"].sort());
    for (const { name, parent, params, metrics } of runs) {
      expect(parent).toBe(name === "mine" ? null : "mine");
      if (name === "mine") {
        expect(params["teacher.prefer.adam_epsilon"]).toBe("1e-08");
        const figures = Object.entries(await finalFigures());
        expect(metrics).toEqual(Object.fromEntries(figures.map(([key, value]) => [key, [[0, value]]])));
        continue;
      }
      expect(params.stage).toBe(name);
      for (const [tag, values] of Object.entries(metrics))
        expect(values, tag).toEqual(curves[name]!.map((point) => [point._step, point[tag]]));
      expect(Object.keys(metrics)).toHaveLength(Object.keys(curves[name]![0]!).length - 1);
    }
  });

  test("a training by itself, and a folder that is none", async () => {
    const alone = join(folder, "alone");
    await cp(stageFolders["teacher-sft"]!, alone, { recursive: true });
    const env = { MLFLOW_TRACKING_URI: `sqlite:///${join(folder, "alone.db")}` };
    expect(await python("assets/trackers/import_run.py", [alone, "--to", "mlflow"], env)).toMatch(
      /^teacher-sft: \d+ values written, 0 there already\n$/,
    );
    await expect(python("assets/trackers/import_run.py", [home(), "--to", "mlflow"], env)).rejects.toThrow(
      /holds no log\/metrics\.jsonl, no stages and no report\.json\. Name the folder of a run/,
    );
  });

  const home = () => join(folder, "weak");

  async function checkWandb(runs: WandbRun[], figures: Values): Promise<void> {
    expect(runs.map(({ name }) => name).sort()).toEqual([...Object.keys(curves), "mine"].sort());
    for (const { name, group, points, config, summary } of runs) {
      expect(group).toBe("mine");
      if (name !== "mine") {
        expect(points, name).toEqual(curves[name]);
        expect(config.stage).toBe(name);
        continue;
      }
      expect(points).toEqual([]);
      expect(summary).toEqual(figures);
      expect(config.name).toBe("tiny");
      expect((config.teacher as { prefer: { adam_epsilon: number } }).prefer.adam_epsilon).toBe(1e-8);
    }
  }

  /** Estimates, intervals and numbers of the report's arms and agreements. */
  async function finalFigures(): Promise<Values> {
    const report = JSON.parse(await readFile(join(run, "report.json"), "utf8"));
    const found: Values = {};
    const take = (name: string, { estimate, low, high, n }: Values) => {
      Object.assign(found, { [name]: estimate });
      for (const [part, value] of Object.entries({ low, high, n }))
        if (value !== undefined) found[`${name}/${part}`] = value;
    };
    for (const arm of report.arms)
      for (const [key, value] of Object.entries(arm as Record<string, Values>))
        if (typeof value?.estimate === "number") take(`${arm.name}/${key}`, value);
    for (const row of report.agreement) take(`labels/${row.labeller} with ${row.against}`, row.agreement);
    expect(found["weak/testAccuracy"]).toBeGreaterThanOrEqual(0);
    return found;
  }
});

type WandbRun = {
  name: string;
  group: string;
  points: Values[];
  config: Record<string, unknown>;
  summary: Values;
};

async function python(file: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  const options = { env: { ...process.env, ...env }, maxBuffer: 2 ** 26 };
  return (await promisify(execFile)(trackersPython!, [path, ...args], options)).stdout;
}
