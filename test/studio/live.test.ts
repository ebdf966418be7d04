/** A real run while it trains: its curves are there before the stage is done, and are those of the file when it is. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lookAtRun } from "../../src/pipeline/run/live-run.ts";
import { nodeArguments } from "../cli/spawn.ts";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-live-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Updates of a training that is still far from its end when it is looked at. */
const EPOCHS = 5000;

test("curves of a training are there while it trains", async () => {
  const [recipe, out] = [await writeTinyRecipe(folder), join(folder, "run")];
  const args = ["run", recipe, "--out", out, "--set", `teacher.prefer.num_train_epochs=${EPOCHS}`];
  const run = spawn(process.execPath, [...nodeArguments, ...args], { stdio: "ignore" });
  const ended = new Promise((resolve) => run.on("close", resolve));
  try {
    let steps = 0;
    while (run.exitCode === null && steps < 3) {
      const { stages } = await lookAtRun(out);
      const stage = stages.find((one) => one.stage.startsWith("teacher-prefer-"));
      steps = stage?.points["loss"]?.length ?? 0;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(steps).toBeGreaterThanOrEqual(3);
    const done = (await readdir(join(out, "stages"))).filter((name) => name.startsWith("teacher-prefer-"));
    expect(done).toEqual([]);
  } finally {
    run.kill("SIGKILL");
    await ended;
  }
});
