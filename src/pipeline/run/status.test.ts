import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openClaims } from "../../base/core/claims.ts";
import { DataError } from "../../base/core/errors.ts";
import { silentLog } from "../../base/core/log.ts";
import { shardPath, workShards } from "../../base/core/shard-work.ts";
import { defineStage, type Running } from "../stages/define.ts";
import { openPipeline } from "../stages/pipeline.ts";
import { runSingle } from "../stages/single.ts";
import type { Stage } from "../stages/stage.ts";
import { folderStatus } from "./status.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-status-"));
});
afterEach(() => rm(folder, { recursive: true }));

const NAMES = Array.from({ length: 10 }, (_, i) => i.toString(16).repeat(64));
/** Ten shards of 5 pairs under `scores`; `work` may stop them. */
const stage = (work: (name: string) => Promise<string>): Stage => ({
  ...{ name: "label", version: 1, config: {}, inputs: {} },
  share: async (at) => {
    await mkdir(at.path("scores"), { recursive: true });
    const shards = NAMES.map((digest) => ({ digest, pairs: 5 }));
    await writeFile(at.path("scores", "manifest.json"), JSON.stringify({ shards }));
    await workShards({
      ...{ name: "label", folder: at.path("scores"), digests: NAMES, work },
      async *inputs() {
        yield* NAMES;
      },
    });
  },
  run: (at) => writeFile(at.path("all"), "1"),
});
const run = (work: (name: string) => Promise<string>) =>
  runSingle({ out: join(folder, "out"), code: "1" }, ({ pipeline }) => pipeline.stage(stage(work)));
const status = () => folderStatus(join(folder, "out"), "1");

test("of work in shards: rate and time left while it runs, its error when it failed, and when it is done", async () => {
  const boom = async (name: string) => {
    if (name === NAMES[4]) throw new DataError("pool", 7, "boom.");
    return name;
  };
  await expect(run(boom)).rejects.toThrow("boom");
  const [failed] = (await status()).stages;
  expect(failed).toMatchObject({ name: "label", state: "failed", failure: { message: "pool:7: boom." } });
  expect(failed!.shards[0]!.shardsDone).toBeGreaterThanOrEqual(4);

  let go: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const running = run(async (name) => {
    await gate;
    return name;
  });
  while ((await status()).stages[0]?.state !== "running")
    await new Promise((resolve) => setTimeout(resolve, 5));
  while (((await status()).stages[0]?.shards[0]?.claims.length ?? 0) < 2)
    await new Promise((resolve) => setTimeout(resolve, 5));
  const [live] = (await status()).stages;
  expect(live).toMatchObject({ failure: null, holders: [{ pid: process.pid, living: true }] });
  expect(live!.shards[0]).toMatchObject({
    name: "scores",
    shards: 10,
    items: 50,
    claims: [{ pid: process.pid }, { pid: process.pid }],
  });
  go();
  await running;
  expect(await status()).toMatchObject({ stages: [{ name: "label", state: "done" }], planProblem: null });
});

test("counts the rate from the shards' times, and tells a dead holder", async () => {
  const work = join(folder, "out.work", "stages", ".work-label-0123456789ab", "scores");
  await mkdir(join(work, "shards"), { recursive: true });
  const shards = NAMES.map((digest) => ({ digest, pairs: 5 }));
  await writeFile(join(work, "manifest.json"), JSON.stringify({ shards }));
  for (const [i, name] of NAMES.slice(0, 4).entries()) {
    await writeFile(shardPath(work, name), "");
    await utimes(shardPath(work, name), 1000 + 2 * i, 1000 + 2 * i);
  }
  const claims = await openClaims(join(work, "claims"));
  const held = await claims.take(NAMES[4]!);
  const [live] = (await status()).stages;
  // Shards at 0, 2, 4 and 6 s: 3 · 5 pairs in 6 s; 30 pairs are left.
  expect(live!.shards[0]).toMatchObject({ itemsDone: 20, perSecond: 2.5, secondsLeft: 12 });
  await held!.release();
  await writeFile(
    join(work, "claims", `${NAMES[5]}.claim`),
    JSON.stringify({ pid: 1, host: "elsewhere", space: "", started: "", token: "x" }),
  );
  await utimes(join(work, "claims", `${NAMES[5]}.claim`), 1, 1);
  const [dead] = (await status()).stages;
  expect(dead).toMatchObject({ state: "stopped" });
  expect(dead!.shards[0]).toMatchObject({ claims: [{ host: "elsewhere", living: false }], perSecond: null });
});

test("of a run whose recipe cannot be planned tells what is there, and why no more", async () => {
  const pipeline = openPipeline({ folder: join(folder, "out"), code: "1" });
  const { share: _, ...plain } = stage(async () => "");
  await pipeline.stage({ ...plain, name: "data" });
  await writeFile(join(folder, "out", "recipe.yaml"), "models: 3\n");
  const { stages, planProblem } = await status();
  expect(stages).toMatchObject([{ name: "data", state: "done" }]);
  expect(planProblem).toContain("models");
});

test("leaves out a failure under other settings once the stage is finished, and keeps a later one", async () => {
  const pipeline = openPipeline({ folder: join(folder, "out"), code: "1" });
  const { share: _, ...plain } = stage(async () => "");
  await pipeline.stage({ ...plain, name: "data" });
  const failure = { stage: "data", key: "k", code: "data", message: "boom", host: "h", pid: 1 };
  const file = join(folder, "out", "stages", ".failed-data-0123456789ab.json");
  const states = async () => (await status()).stages.map(({ state }) => state);
  await writeFile(file, JSON.stringify({ ...failure, at: "2000-01-01T00:00:00.000Z" }));
  expect(await states()).toEqual(["done"]);
  await writeFile(file, JSON.stringify({ ...failure, at: "2999-01-01T00:00:00.000Z" }));
  expect(await states()).toEqual(["done", "failed"]);
});

test("of anything else is an error", async () => {
  await expect(status()).rejects.toThrow("is no run and no output of label or generate");
});

test("of work without shards: what its progress counts, rate and time left, and nothing once nobody is at it", async () => {
  let go: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const counting = defineStage({
    version: 1,
    async run({ work, tools }: Running<object, Record<string, never>>) {
      const progress = tools.log.progress("student-weak", 40, "steps");
      progress.update(4, "", 4);
      await new Promise((resolve) => setTimeout(resolve, 2100));
      progress.update(14, "loss 0.6", 4);
      await gate;
      progress.end();
      await writeFile(work.path("all"), "1");
    },
  });
  const place = join(folder, "run");
  await mkdir(join(place, "stages"), { recursive: true });
  const running = counting(
    {
      pipeline: openPipeline({ folder: place, code: "1" }),
      runtime: () => {
        throw new Error("is not needed");
      },
      log: silentLog,
    },
    { name: "student-weak", config: {}, inputs: {} },
  );
  const look = async () => (await folderStatus(place, "1")).stages[0];
  while ((await look())?.progress?.done !== 14) await new Promise((resolve) => setTimeout(resolve, 20));
  const { state, progress } = (await look())!;
  expect([state, progress]).toEqual([
    "running",
    {
      ...{ label: "student-weak", unit: "steps", done: 14, total: 40, pid: process.pid },
      perSecond: expect.any(Number),
      secondsLeft: expect.any(Number),
    },
  ]);
  // Ten steps of this process in the seconds since it began: four were there before.
  expect(progress!.perSecond! * progress!.secondsLeft!).toBeCloseTo(26, 6);
  expect(progress!.perSecond!).toBeLessThan(5);
  go();
  await running;
  expect(await look()).toMatchObject({ state: "done", progress: null });
});
