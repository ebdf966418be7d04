import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { toyStages } from "../../../test/helpers/toy-stages.ts";
import { readStageRecord } from "./cache.ts";
import { openPipeline } from "./pipeline.ts";
import type { PipelineOptions } from "./steps.ts";
import { boundSeen } from "./verify.ts";

let folder: string;
let ran: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-pruned-"));
  ran = [];
});
afterEach(() => rm(folder, { recursive: true }));

const open = (options: Partial<PipelineOptions> = {}) => openPipeline({ folder, code: "1.0.0", ...options });
const { writes } = toyStages(() => ran);

/** Takes a stage's one file away, as `prune` does. */
async function prune(name: string): Promise<void> {
  const place = join(
    folder,
    "stages",
    (await readdir(join(folder, "stages"))).find((one) => one.startsWith(`${name}-`))!,
  );
  await writeFile(
    join(place, "stage.json"),
    JSON.stringify({ ...(await readStageRecord(place)), pruned: ["out"] }),
  );
  await rm(join(place, "out"));
}

/** base → model → measured(by); the text of `model` is the caller's. */
async function line(pipeline: ReturnType<typeof open>, by: number, text = "model") {
  const base = await pipeline.stage(writes("base", "base"));
  const model = await pipeline.stage(writes("model", text, { inputs: { base } }));
  await pipeline.stage(writes("measured", `by ${by}`, { config: { by }, inputs: { model } }));
  return pipeline.steps().map(({ name, state, pruned }) => `${name} ${state}${pruned ? " pruned" : ""}`);
}

test("what nothing needs stays pruned; what a stage needs is made again, and all before it that was pruned", async () => {
  await line(open(), 1);
  await prune("base");
  await prune("model");
  ran = [];
  expect(await line(open(), 1)).toEqual(["base cached pruned", "model cached pruned", "measured cached"]);
  expect(ran).toEqual([]);
  expect(await line(open({ mode: "plan" }), 2)).toEqual([
    "base run pruned",
    "model run pruned",
    "measured run",
  ]);
  expect(ran).toEqual([]);
  expect(await line(open(), 2)).toEqual(["base run", "model run", "measured run"]);
  expect(ran).toEqual(["base", "model", "measured"]);
  expect(await line(open(), 2)).toEqual(["base cached", "model cached", "measured cached"]);
});

test("two stages that need one pruned model have it made again once", async () => {
  await line(open(), 1);
  await prune("model");
  ran = [];
  const pipeline = open();
  await line(pipeline, 2);
  await line(pipeline, 3);
  expect(ran).toEqual(["model", "measured", "measured"]);
});

test("one that comes out otherwise is said, and the next run computes what follows from it", async () => {
  await line(open(), 1, "as on one processor");
  await prune("model");
  await expect(line(open(), 2, "as on another")).rejects.toThrow(
    /stage model: its files were pruned, and made again they are not what they were.*Run the same command again/,
  );
  ran = [];
  expect(await line(open(), 2, "as on another")).toEqual(["base cached", "model cached", "measured run"]);
  expect(ran).toEqual(["measured"]);
});

test("a file that was not pruned and is gone makes the stage anew, as before", async () => {
  await line(open(), 1);
  const names = await readdir(join(folder, "stages"));
  await rm(join(folder, "stages", names.find((name) => name.startsWith("model-"))!, "out"));
  ran = [];
  await line(open(), 1);
  expect(ran).toEqual(["model"]);
});

test("files that were seen are forgotten from the oldest on, when they are too many", async () => {
  const seen = join(folder, "seen");
  for (const i of [1, 2, 3, 4, 5]) await writeFile(join(folder, `${i}.json`), `${i}`);
  await boundSeen(seen);
  expect(await boundSeen(folder, 5)).toBeUndefined();
  expect((await readdir(folder)).length).toBe(5);
  const { utimes } = await import("node:fs/promises");
  for (const i of [1, 2, 3, 4, 5]) await utimes(join(folder, `${i}.json`), i, i);
  await boundSeen(folder, 4);
  expect((await readdir(folder)).sort()).toEqual(["4.json", "5.json"]);
  expect(await readFile(join(folder, "5.json"), "utf8")).toBe("5");
});
