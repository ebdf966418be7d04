/** `best-<step>/` in a run's folder: the weights of the best validation, whole or not there, with checksums. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { contentsProblem, readContents } from "../../base/core/contents.ts";
import { exists, readJson, writeDirAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { checksumsOf, restoreFile, type SavedArrays, writeArrays } from "./state.ts";

const WEIGHTS = "parameters.safetensors";
const CHECKSUMS = "checksums.json";
const pathOf = (folder: string, step: number) => join(folder, `best-${step}`);

/** Keeps the parameters as they are after a step. */
export async function keepBest(
  folder: string,
  step: number,
  runtime: Runtime,
  parameters: SavedArrays,
): Promise<void> {
  await writeDirAtomic(pathOf(folder, step), async (inside) => {
    await writeArrays(join(inside, WEIGHTS), runtime, parameters);
    await writeJsonAtomic(join(inside, CHECKSUMS), await readContents(inside));
  });
}

/** Puts the parameters of a step back into the store. @throws CheckpointError as `restoreFile` */
export const restoreBest = (
  folder: string,
  step: number,
  runtime: Runtime,
  parameters: SavedArrays,
): Promise<void> => restoreFile(join(pathOf(folder, step), WEIGHTS), runtime, parameters);

/** What is wrong with the weights of a step; undefined when every byte is as it was written. */
export async function bestProblem(folder: string, step: number): Promise<string | undefined> {
  const path = pathOf(folder, step);
  const checksums = checksumsOf([WEIGHTS]).safeParse(
    await readJson(join(path, CHECKSUMS)).catch(() => undefined),
  );
  const problem = checksums.success
    ? (await contentsProblem(path, checksums.data))?.text
    : `${CHECKSUMS} cannot be read`;
  return problem === undefined ? undefined : `the best weights so far, best-${step}: ${problem}`;
}

/** Steps whose weights are kept, in order. */
async function bestSteps(folder: string): Promise<number[]> {
  if (!(await exists(folder))) return [];
  const steps = (await readdir(folder)).flatMap((name) => {
    const match = /^best-(\d+)$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
  return steps.sort((a, b) => a - b);
}

/** Removes the weights of steps after one: of an attempt that got further than its last checkpoint. */
export async function clearBestAfter(folder: string, step: number): Promise<void> {
  await remove(
    folder,
    (await bestSteps(folder)).filter((one) => one > step),
  );
}

/** Removes what no checkpoint needs: each needs the last best at or before it. @param oldest - step of the oldest checkpoint kept */
export async function pruneBest(folder: string, oldest: number): Promise<void> {
  const before = (await bestSteps(folder)).filter((one) => one <= oldest);
  await remove(folder, before.slice(0, -1));
}

async function remove(folder: string, steps: readonly number[]): Promise<void> {
  for (const step of steps) await rm(pathOf(folder, step), { recursive: true });
}
