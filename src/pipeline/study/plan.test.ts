import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { toyStages } from "../../../test/helpers/toy-stages.ts";
import { readStageRecord } from "../stages/cache.ts";
import { openPipeline, type Pipeline } from "../stages/pipeline.ts";
import { openStudyPlan } from "./plan.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-study-plan-"));
});
afterEach(() => rm(folder, { recursive: true }));

const { writes } = toyStages(() => []);

async function variant(pipeline: Pipeline, by: number): Promise<void> {
  const model = await pipeline.stage(writes("model", "model"));
  await pipeline.stage(writes("measured", `by ${by}`, { config: { by }, inputs: { model } }));
}

test("a model that was pruned counts as one to compute where a cell to come needs it, and as kept where none does", async () => {
  await variant(openPipeline({ folder, code: "1.0.0" }), 1);
  const names = await readdir(join(folder, "stages"));
  const place = join(folder, "stages", names.find((name) => name.startsWith("model-"))!);
  await writeFile(
    join(place, "stage.json"),
    JSON.stringify({ ...(await readStageRecord(place)), pruned: ["out"] }),
  );
  await rm(join(place, "out"));
  const statesOf = async (by: number) => {
    const { pipeline, stages } = openStudyPlan(folder, "1.0.0").variant();
    await variant(pipeline, by);
    return stages.map(({ name, state }) => `${name} ${state}`);
  };
  expect(await statesOf(1)).toEqual(["model cached", "measured cached"]);
  expect(await statesOf(2)).toEqual(["model run", "measured run"]);
});
