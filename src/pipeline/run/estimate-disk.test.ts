import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { writeTinyRecipe } from "../../../test/helpers/tiny-recipe.ts";
import { folderBytes } from "../../base/core/files.ts";
import { silentLog } from "../../base/core/log.ts";
import { trainingDisk } from "../../method/train/estimate.ts";
import { loadRecipe } from "../recipe/parse.ts";
import { runRecipe } from "../run/run.ts";
import { formatDisk, sumDisk } from "./estimate-disk.ts";

const disk = vi.hoisted(() => ({ free: undefined as number | undefined }));
vi.mock(import("node:fs/promises"), async (original) => {
  const real = await original();
  const statfs = async (path: string) => {
    const info = await real.statfs(path);
    return disk.free === undefined ? info : { ...info, blocks: 1e9, bsize: 1, bavail: disk.free };
  };
  return { ...real, statfs: statfs as typeof real.statfs };
});

let folder: string;
let recipe: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-estimate-disk-"));
  recipe = await writeTinyRecipe(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const CODE = "1.0.0";
const load = (out: string, ...set: string[]) =>
  loadRecipe(recipe, { set: [`out=${join(folder, out)}`, ...set] });

test("a model stays, and checkpoints lie beside it: as many as are kept and the one that is written", () => {
  const size = { parameters: 100, trainable: 100, steps: 1000 };
  const settings = { saveSteps: 500, saveTotalLimit: 2, validation: undefined };
  expect(trainingDisk(size, settings)).toEqual({ kept: 400, peak: 400 + 2 * 1200 });
  expect(trainingDisk(size, { ...settings, saveSteps: 10 })).toEqual({ kept: 400, peak: 400 + 3 * 1200 });
  // Interrupted it saves too, however short it is.
  expect(trainingDisk({ ...size, steps: 3 }, settings).peak).toBe(400 + 1200);
  expect(trainingDisk({ ...size, trainable: 5 }, settings).peak).toBe(400 + 2 * 60);
  expect(trainingDisk({ ...size, trainable: 5 }, settings, true)).toEqual({ kept: 20, peak: 20 + 2 * 60 });
});

test("stages work beside what those before them left", () => {
  const sum = sumDisk([
    { stage: "one", kept: 10, peak: 40 },
    { stage: "two", kept: 20, peak: 25 },
    { stage: "three", kept: 5, peak: 12 },
  ]);
  expect(sum).toMatchObject({ end: 35, peak: 42, peakAt: "three" });
  expect(formatDisk(sum, 50)).toMatch(
    /^one +10 B on the disk, with checkpoints up to 40 B while it works\n[\s\S]*\ndisk: up to 42 B more, while three works, and 35 B at the end, .*; 50 B are free$/,
  );
  expect(formatDisk(sumDisk([]), undefined)).toBe("disk: no model is to be made");
});

test("what a dry run says a run leaves is what it leaves, and of what is kept it asks for nothing", async () => {
  const { disk: planned } = await runRecipe(await load("out"), { code: CODE, dryRun: true });
  expect(planned!.stages.map(({ stage }) => stage)).toEqual(
    expect.arrayContaining([
      "teacher-sft",
      "teacher-prefer",
      "student-sft-weak",
      "student-weak",
      "student-human",
    ]),
  );
  expect(planned!.peak).toBeGreaterThan(planned!.end);
  await runRecipe(await load("out"), { code: CODE });
  const stages = join(folder, "out", "stages");
  let bytes = 0;
  for (const path of await readdir(stages, { recursive: true }))
    if (path.endsWith("model.safetensors")) bytes += (await stat(join(stages, path))).size;
  // Headers of the files are not in the estimate.
  expect(bytes).toBeGreaterThan(planned!.end);
  expect(bytes).toBeLessThan(1.1 * planned!.end);
  const again = await runRecipe(await load("out"), { code: CODE, dryRun: true });
  expect(again.disk).toMatchObject({ stages: [], peak: 0, end: 0 });
}, 300_000);

test("a disk without room for it is told at once and stops the run before anything is half written", async () => {
  disk.free = 1.02 * 2 ** 20;
  const said: string[] = [];
  const log = { ...silentLog, warn: (text: string) => said.push(text) };
  await expect(runRecipe(await load("full"), { code: CODE, log })).rejects.toThrow(
    /takes [\d.]+ kB of disk, expected [\d.]+ MB free \(what is written beside it included\), got 1\.07 MB\. Nothing was written\. Free space/,
  );
  expect(said.join("\n")).toMatch(/1\.07 MB are free, and up to .* are needed while .* works/);
  const stages = join(folder, "full", "stages");
  expect((await readdir(stages)).filter((name) => /^teacher-/.test(name))).toEqual([]);
  expect(
    (await readdir(stages, { recursive: true })).filter((path) => path.endsWith(".safetensors")),
  ).toEqual([]);
  // With room it goes on from what is there.
  disk.free = undefined;
  const { steps } = await runRecipe(await load("full"), { code: CODE });
  expect(steps.find(({ name }) => name === "data")!.state).toBe("cached");
  expect(await folderBytes(stages)).toBeGreaterThan(0);
}, 300_000);
