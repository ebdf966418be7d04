/** `status --verify`: every file of every finished stage, read whole. */
import { readdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { InterruptedError } from "../../base/core/errors.ts";
import { seedFolder } from "../recipe/seeds.ts";
import { readStageRecord } from "../stages/cache.ts";
import { PUT_BACK, stageProblem } from "../stages/verify.ts";
import { seedsIn } from "./run-seeds.ts";

/** What came of it: stages whose files are all as they were made, and one line for each that has changed. */
export type Verified = { readonly stages: number; readonly problems: readonly string[] };

/**
 * Reads all files of a run's finished stages, or of an output folder.
 * @throws InterruptedError when `signal` fires between two stages
 */
export async function verifyFolder(path: string, signal?: AbortSignal): Promise<Verified> {
  const problems: string[] = [];
  let stages = 0;
  for (const folder of await stageFolders(resolve(path))) {
    if (signal?.aborted) throw new InterruptedError("status --verify");
    const record = await readStageRecord(folder);
    if (record === undefined) continue;
    const problem = await stageProblem(folder, record, { all: true });
    if (problem === undefined) stages++;
    else problems.push(`${folder}: ${problem.text}. ${PUT_BACK}`);
  }
  return { stages, problems };
}

/** Folders that may be finished stages, each once: seeds share one folder of results. */
export async function stageFolders(folder: string): Promise<string[]> {
  const seeds = (await seedsIn(folder).catch(() => undefined)) ?? [];
  const places = [folder, `${folder}.work`, ...seeds.map((seed) => seedFolder(folder, seed))];
  const inside = async (place: string) =>
    (await readdir(join(place, "stages")).catch(() => [])).map((name) => join(place, "stages", name)).sort();
  const found = [folder, ...(await Promise.all(places.map(inside))).flat()];
  const real = await Promise.all(found.map((path) => realpath(path).catch(() => path)));
  return [...new Set(real)];
}
