/**
 * Runs or plans a recipe with several seeds. `seed-<n>/` in the folder is a run of its own, with its recipe and its report; the folder has the
 * report over all. Results of stages lie together in the folder's `stages/`, to which each run's `stages` is a link, so that what does
 * not depend on the seed is made once. Any number of processes may do the same: each takes seeds that nobody is at.
 */
import { symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { AlignError, ConfigError, messageOf } from "../../base/core/errors.ts";
import { ensureFolder, exists, writeFileAtomic } from "../../base/core/files.ts";
import { silentLog } from "../../base/core/log.ts";
import { writeReport } from "../../report/render.ts";
import { computeOf } from "../recipe/job.ts";
import { loadRecipe } from "../recipe/parse.ts";
import { withWholePaths } from "../recipe/paths.ts";
import { RESOLVED } from "../recipe/resolved.ts";
import type { Recipe } from "../recipe/schema.ts";
import { seedFolder, seedsOf, withSeed } from "../recipe/seeds.ts";
import { recipeYaml } from "../recipe/write.ts";
import { openRuns } from "../results/compare/run-folder.ts";
import { seedsReport } from "../results/seeds/report.ts";
import { type Helpers, inTurn } from "./in-turn.ts";
import { type RunOptions, type RunOutcome, reportRun, runRecipe } from "./run.ts";
import type { RunReport } from "./run-reports.ts";

/** How to run; `jobs`, `startHelpers` and `helper` as for studies. */
export type SeedsOptions = Omit<RunOptions, "threads"> & {
  /** Processes that share the seeds and the cores, this one included; default 1. */
  readonly jobs?: number;
  readonly startHelpers?: (count: number) => Helpers;
  /** Compute only, beside the process that writes the report. */
  readonly helper?: boolean;
};

/** The run of one seed. */
export type SeedRun = { readonly key: string; readonly seed: number; readonly outcome: RunOutcome };

/** What came of all; no report where nothing was computed, or all is left to a cluster. */
export type SeedsOutcome = {
  readonly folder: string;
  readonly runs: readonly SeedRun[];
  readonly report: RunReport | undefined;
};

/**
 * Runs a recipe once for each of its seeds, going on from what is kept.
 * @throws as `runRecipe`, for the first seed that fails, with everything finished kept; ConfigError for jobs that have no effect
 */
export async function runSeeds(given: Recipe, options: SeedsOptions): Promise<SeedsOutcome> {
  const asked = withWholePaths(given);
  const folder = resolve(asked.out);
  const seeds = seedsOf(asked);
  const { jobs = 1, helper = false, dryRun = false } = options;
  checkJobs(asked, options);
  const places = seeds.map((seed) => ({ key: `seed-${seed}`, seed, folder: seedFolder(folder, seed) }));
  if (dryRun) {
    const runs: SeedRun[] = [];
    for (const { key, seed, folder: own } of places) {
      const place = await plannedIn(asked, folder, own);
      runs.push({ key, seed, outcome: await runRecipe(withSeed(asked, seed, place), options) });
    }
    return { folder, runs, report: undefined };
  }
  await openFolder(asked, folder, seeds);
  const many = Math.min(jobs, seeds.length);
  const helpers = !helper && many > 1 ? options.startHelpers?.(many - 1) : undefined;
  try {
    const runs = await runAll(asked, folder, places, options, many);
    const left = runs.some(({ outcome }) => outcome.report === undefined);
    if (helper || left) return { folder, runs, report: undefined };
    return { folder, runs, report: await writeSeedsReport(folder, seeds, options.code) };
  } finally {
    await helpers?.stop();
  }
}

/** @throws ConfigError for several processes where they are of no use */
function checkJobs({ executor }: Recipe, { jobs = 1, fresh }: SeedsOptions): void {
  if (jobs > 1 && executor.kind !== "local")
    throw new ConfigError(
      "--jobs: has no effect with an executor that is a cluster, whose jobs share the work. Leave it out.",
    );
  if (jobs > 1 && fresh === true)
    throw new ConfigError(
      "--fresh: with --jobs, processes would each compute all again. Give one of the two.",
    );
}

type Place = { readonly key: string; readonly seed: number; readonly folder: string };

async function runAll(
  asked: Recipe,
  folder: string,
  places: readonly Place[],
  options: SeedsOptions,
  processes: number,
): Promise<SeedRun[]> {
  const { log = silentLog, helper = false } = options;
  const done = new Map<string, SeedRun>();
  const { threads } = computeOf(asked);
  // A recipe's own number of threads is every process's.
  const own =
    processes < 2 || asked.threads !== undefined
      ? {}
      : { threads: Math.max(1, Math.floor(threads / processes)) };
  const run = async ({ key, seed, folder: place }: Place) => {
    log.info(`seed ${seed}: run ${places.findIndex((one) => one.seed === seed) + 1} of ${places.length}`);
    const outcome = await runRecipe(withSeed(asked, seed, place), { ...options, ...own });
    done.set(key, { key, seed, outcome });
  };
  if (asked.executor.kind !== "local") await allOf(places.map(run));
  // A helper begins at the other end, so that two seldom want what does not depend on the seed at once.
  else await inTurn(folder, helper ? places.toReversed() : places, run);
  return places.map(({ key }) => done.get(key)!);
}

/** Waits for all, also where one fails: jobs of the others are followed to their end. @throws what the first that failed threw */
async function allOf(runs: readonly Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(runs);
  const failed = settled.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Where a seed's run is planned: in its folder, before there is one among the results of all. */
async function plannedIn({ executor }: Recipe, folder: string, own: string): Promise<string> {
  return executor.kind !== "local" || (await exists(join(own, "stages"))) ? own : folder;
}

/** The recipe of all, a folder for each seed, and the link to the results. */
async function openFolder(asked: Recipe, folder: string, seeds: readonly number[]): Promise<void> {
  try {
    await ensureFolder(join(folder, "stages"));
    for (const seed of seeds) {
      const own = seedFolder(folder, seed);
      await ensureFolder(own);
      await symlink(join("..", "stages"), join(own, "stages"), "junction").catch(
        (error: NodeJS.ErrnoException) => {
          // Another process's link, or a run that has results of its own.
          if (error.code !== "EEXIST") throw error;
        },
      );
    }
  } catch (cause) {
    throw new AlignError(
      "io",
      `${folder}: cannot be made: ${messageOf(cause)}. Choose another folder with --out.`,
      {
        cause,
      },
    );
  }
  await writeFileAtomic(join(folder, RESOLVED), recipeYaml({ ...asked, seeds: [...seeds] }));
}

/** Writes the report over all seeds into their folder, from the runs' own reports and measurements. */
async function writeSeedsReport(
  folder: string,
  seeds: readonly number[],
  version: string,
): Promise<RunReport> {
  const runs = await openRuns(seeds.map((seed) => seedFolder(folder, seed)));
  const data = seedsReport(runs, { version, folder });
  return { ...(await writeReport(folder, data)), data };
}

/** The seeds whose runs a folder holds; undefined where it is no such folder. */
export async function seedsIn(folder: string): Promise<readonly number[] | undefined> {
  if (!(await exists(join(folder, RESOLVED)))) return undefined;
  const recipe = await loadRecipe(join(folder, RESOLVED), { set: [`out=${JSON.stringify(folder)}`] });
  return recipe.seeds === undefined ? undefined : seedsOf(recipe);
}

/** Writes all reports of finished seeds again; nothing is computed. @throws as `reportRun` */
export async function reportSeeds(
  folder: string,
  seeds: readonly number[],
  options: RunOptions,
): Promise<SeedsOutcome> {
  const at = resolve(folder);
  const runs: SeedRun[] = [];
  for (const seed of seeds)
    runs.push({ key: `seed-${seed}`, seed, outcome: await reportRun(seedFolder(at, seed), options) });
  return { folder: at, runs, report: await writeSeedsReport(at, seeds, options.code) };
}
