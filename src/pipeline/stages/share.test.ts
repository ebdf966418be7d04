/** Stages that several processes work on at once: here several pipelines in one process, which know nothing of each other. */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../base/core/log.ts";
import { clearShardWork, shardPath, workShards } from "../../base/core/shard-work.ts";
import { runSingle } from "./single.ts";
import type { Stage } from "./stage.ts";
import { othersGone, workTogether } from "./workers.ts";

let folder: string;
let out: string;
let made: string[];
let ran: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-share-"));
  out = join(folder, "out");
  made = [];
  ran = 0;
});
afterEach(() => rm(folder, { recursive: true }));

const NAMES = Array.from({ length: 12 }, (_, i) => `shard${i}`);
async function* inputs() {
  for (const name of NAMES) yield name;
}

/** Twelve shards, each its name in capitals, put together into one file. */
const stage = (part: Partial<Stage> = {}): Stage => ({
  name: "capitals",
  version: 1,
  config: {},
  inputs: {},
  share: (work) =>
    workShards({
      name: "capitals",
      folder: work.folder,
      digests: NAMES,
      inputs,
      pollMs: 2,
      work: async (name) => {
        made.push(name);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return name.toUpperCase();
      },
    }),
  run: async (work) => {
    ran++;
    await clearShardWork(work.folder);
    const texts = await Promise.all(NAMES.map((name) => readFile(shardPath(work.folder, name), "utf8")));
    await writeFile(work.path("all"), texts.join(" "));
  },
  ...part,
});

const run = (options: Partial<Parameters<typeof runSingle>[0]> = {}, one = stage()) =>
  runSingle({ out, code: "1", ...options }, ({ pipeline }) => pipeline.stage(one));

test("four at once share the work, one finishes, and all tell of its result", async () => {
  const steps = await Promise.all([run(), run(), run(), run()]);
  expect(made.sort()).toEqual([...NAMES].sort());
  expect(ran).toBe(1);
  expect(steps.filter(({ state }) => state === "cached")).toHaveLength(3);
  expect(steps.every((step) => step.folder === out)).toBe(true);
  expect(await readFile(join(out, "all"), "utf8")).toBe(NAMES.map((name) => name.toUpperCase()).join(" "));
  // Nothing is left beside the result, and a fifth has nothing to do.
  expect(await readdir(folder)).toEqual(["out"]);
  expect((await run()).state).toBe("cached");
  expect(made).toHaveLength(12);
});

test("only the shared work: no result, and whoever finishes does none of it again", async () => {
  const steps = await Promise.all([run({ shareOnly: true }), run({ shareOnly: true })]);
  expect(steps.map(({ state }) => state)).toEqual(["shared", "shared"]);
  expect(existsSync(out)).toBe(false);
  expect(ran).toBe(0);
  expect((await run()).state).toBe("resume");
  expect(made).toHaveLength(12);
  expect((await run({ shareOnly: true })).state).toBe("cached");
});

test("an error of the shared work is the run's error, is kept for status, and what is done stays", async () => {
  const broken = stage({
    share: (work) =>
      workShards({
        name: "capitals",
        folder: work.folder,
        digests: NAMES,
        inputs,
        work: async (name) => {
          if (name === "shard5") throw new Error("out of memory");
          return name.toUpperCase();
        },
      }),
  });
  await expect(run({}, broken)).rejects.toThrow("out of memory");
  const inside = await readdir(join(`${out}.work`, "stages"));
  expect(inside.filter((name) => name.startsWith(".failed-capitals-"))).toHaveLength(1);
  await run();
  // Shards 0 to 4 were kept, and one that was in hand beside the broken one may be.
  expect(made.length).toBeLessThanOrEqual(7);
  expect(await readdir(folder)).toEqual(["out"]);
});

test("whoever waits says for whom: for shards in others' hands, and for those that still share", async () => {
  const said: string[] = [];
  const log = { ...silentLog, info: (text: string) => void said.push(text) };
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let begun = 0;
  const slow = stage({
    share: (work) =>
      workShards({
        ...{ name: "capitals", folder: work.folder, digests: NAMES.slice(0, 2), inputs, pollMs: 2, log },
        work: async (name) => {
          begun++;
          await held;
          return name.toUpperCase();
        },
      }),
    run: (work) => writeFile(work.path("all"), "made"),
  });
  const first = run({}, slow);
  await expect.poll(() => begun).toBe(2);
  const second = run({}, slow);
  const whom = `process ${process.pid} on ${hostname()} (`;
  await expect.poll(() => said.join("\n")).toContain(`capitals: ${whom}`);
  release();
  await Promise.all([first, second]);

  const lock = join(folder, "lock");
  let leave = () => {};
  let joined = false;
  const working = workTogether(lock, () => {
    joined = true;
    return new Promise((resolve) => {
      leave = resolve;
    });
  });
  await expect.poll(() => joined).toBe(true);
  await othersGone(lock, {
    pollMs: 2,
    onWait: (holders) => {
      expect(holders).toMatchObject([{ pid: process.pid, since: expect.any(String) }]);
      leave();
    },
  });
  await working;
});
