/**
 * How far a run is, or a folder that `label` or `generate` fills: stages done, running, failed and to come, shards, rate and time left. Told
 * by the files alone, while others write them.
 */

import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { ConfigError, messageOf } from "../../base/core/errors.ts";
import { exists, isLink, readJson } from "../../base/core/files.ts";
import { lookAtLock } from "../../base/core/lock.ts";
import { type ShardSize, type ShardsStatus, shardsStatus } from "../../base/core/shard-status.ts";
import { SHARDS } from "../../base/core/shard-work.ts";
import { RESOLVED } from "../recipe/resolved.ts";
import { seedFolder } from "../recipe/seeds.ts";
import { RECORD, readStageRecord } from "../stages/cache.ts";
import { FAILED, type Failure, readFailure } from "../stages/failures.ts";
import { checkLayout } from "../stages/layout.ts";
import { readProgress, type StageProgress } from "../stages/progress.ts";
import { prunedFiles } from "../stages/verify.ts";
import { readPlan, readRecorded } from "./recorded.ts";
import type { RunPlan } from "./status-plan.ts";

/** A process at work on a stage, or one that died there. */
export type StageHolder = { readonly pid: number; readonly host: string; readonly living: boolean };

/** Work in shards inside a stage: "scores", "parts". */
export type StageShards = ShardsStatus & { readonly name: string };

/**
 * One stage. `done` its result is there, `running` a living process is at it, `failed` the last attempt ended with an error, `stopped` it
 * was begun and nobody is at it, `open` it is to come.
 */
export type StageStatus = {
  readonly name: string;
  readonly state: "done" | "running" | "failed" | "stopped" | "open";
  readonly finishedAt: string | null;
  readonly elapsedSeconds: number | null;
  readonly holders: readonly StageHolder[];
  readonly shards: readonly StageShards[];
  /** What it counts beside shards, such as a training's steps; null where nobody is at it or it counts nothing just now. */
  readonly progress: StageProgress | null;
  readonly failure: Failure | null;
  /** Bytes of it that `prune` took away. */
  readonly pruned: number;
};

/** A run or an output folder. */
export type FolderStatus = {
  readonly folder: string;
  readonly stages: readonly StageStatus[];
  /** Why the stages to come are not known; null where they are, or where there are none. */
  readonly planProblem: string | null;
};

/**
 * Looks at a run's folder, or at an `--out` of `label` or `generate`.
 * @throws ConfigError when it is neither
 */
export async function folderStatus(path: string, code: string): Promise<FolderStatus> {
  const folder = resolve(path);
  await checkLayout(folder);
  const isRun = await exists(join(folder, RESOLVED));
  const plan = isRun ? await planOf(folder, code) : NO_PLAN;
  if ("seeds" in plan) return seedsStatus(folder, plan.seeds, code);
  const stages: StageStatus[] = [];
  const places = [join(folder, "stages"), join(`${folder}.work`, "stages")];
  const whole = await readStageRecord(folder);
  if (whole !== undefined)
    stages.push({
      ...idle(whole.identity.name, "done"),
      ...{ finishedAt: whole.finishedAt, elapsedSeconds: whole.elapsedSeconds },
    });
  let found = whole !== undefined;
  for (const place of places) {
    if (!(await exists(place))) continue;
    found = true;
    // Seeds share one folder of results, by a link: those of others are not this run's.
    stages.push(...(await stagesIn(place, (await isLink(place)) ? idsOf(plan) : undefined)));
  }
  if (!found && !isRun)
    throw new ConfigError(
      `${path}: is no run and no output of label or generate, expected a folder with ${RESOLVED}, stages/ or ${RECORD}, or ${basename(folder)}.work beside it.`,
    );
  const shown = stages.filter((stage) => !isSuperseded(stage, stages));
  const known = new Set(shown.map(({ name }) => name));
  const toCome = plan.steps.flatMap(({ name }) => (known.has(name) ? [] : [idle(name, "open")]));
  return { folder, stages: [...shown, ...toCome], planProblem: plan.problem };
}

const NO_PLAN: RunPlan = { steps: [], problem: null };

/** The stages of a run: of a finished one by its record, of one at work by what was written at its begin, so that nothing of what makes a plan is loaded. */
async function planOf(
  folder: string,
  code: string,
): Promise<RunPlan | { readonly seeds: readonly number[] }> {
  const recorded = await readRecorded(folder, code).catch((error: unknown) => ({
    problem: messageOf(error),
  }));
  if (recorded !== undefined)
    return "problem" in recorded ? { steps: [], ...recorded } : { steps: recorded.steps, problem: null };
  // Which of the stages in a folder that seeds share are this run's, only a plan made now can tell.
  const names = (await isLink(join(folder, "stages"))) ? undefined : await readPlan(folder, code);
  if (names !== undefined)
    return { steps: names.map((name) => ({ name, folder: undefined })), problem: null };
  const { plannedIn } = await import("./status-plan.ts");
  return plannedIn(folder, code);
}

/** All seeds of a folder, stages named by theirs. */
async function seedsStatus(folder: string, seeds: readonly number[], code: string): Promise<FolderStatus> {
  const stages: StageStatus[] = [];
  const problems = new Set<string>();
  for (const seed of seeds) {
    const own = seedFolder(folder, seed);
    if (!(await exists(join(own, RESOLVED)))) stages.push(idle(`seed ${seed}`, "open"));
    else {
      const status = await folderStatus(own, code);
      stages.push(...status.stages.map((stage) => ({ ...stage, name: `seed ${seed}: ${stage.name}` })));
      if (status.planProblem !== null) problems.add(status.planProblem);
    }
  }
  return { folder, stages, planProblem: problems.size === 0 ? null : [...problems].join("; ") };
}

const idsOf = ({ steps }: RunPlan): ReadonlySet<string> =>
  new Set(steps.flatMap(({ folder }) => (folder === undefined ? [] : [basename(folder)])));

/** A failure under other settings, after which the stage was finished. */
const isSuperseded = ({ name, failure }: StageStatus, stages: readonly StageStatus[]): boolean =>
  failure !== null &&
  stages.some(
    (other) => other.name === name && (other.finishedAt ?? "") > failure.at && other.state === "done",
  );

const idle = (name: string, state: StageStatus["state"]): StageStatus => ({
  ...{
    name,
    state,
    finishedAt: null,
    elapsedSeconds: null,
    holders: [],
    shards: [],
    progress: null,
    failure: null,
    pruned: 0,
  },
});

const WORK = ".work-";
const LOCK = ".lock-";

/** `name-0123456789ab`, perhaps with what a lock's or a failure's file has after it. */
const parseName = (text: string) => /^([a-z0-9-]+)-[0-9a-f]{12}(?=\.|$)/.exec(text);

/** @param ids - those that are looked at, `name-0123456789ab`; all without */
async function stagesIn(place: string, ids?: ReadonlySet<string>): Promise<StageStatus[]> {
  const isOwn = (name: string) => {
    const id = /[a-z0-9-]+-[0-9a-f]{12}/.exec(name)?.[0]?.replace(/^(work|failed|lock)-/, "");
    return ids === undefined || (id !== undefined && ids.has(id));
  };
  const names = (await readdir(place).catch(() => [])).filter(isOwn).sort();
  const done = names.filter((name) => !name.startsWith(".")).map((name) => finished(place, name));
  const marks = names.flatMap((name) => {
    const mark = [WORK, FAILED, LOCK].find((one) => name.startsWith(one));
    const parsed = mark === undefined ? null : parseName(name.slice(mark.length));
    return parsed === null ? [] : [parsed[0]];
  });
  const stages = [...new Set(marks)].map((id) => begun(place, names, id));
  const all = [...(await Promise.all(done)), ...(await Promise.all(stages))];
  return all.filter((stage) => stage !== undefined);
}

async function finished(place: string, name: string): Promise<StageStatus | undefined> {
  const record = await readStageRecord(join(place, name));
  if (record === undefined) return undefined;
  const { finishedAt, elapsedSeconds } = record;
  const gone = await prunedFiles(join(place, name), record);
  const pruned = gone.reduce((sum, path) => sum + (record.outputs[path]?.bytes ?? 0), 0);
  return { ...idle(record.identity.name, "done"), finishedAt, elapsedSeconds, pruned };
}

async function begun(place: string, names: readonly string[], id: string): Promise<StageStatus | undefined> {
  const locks = names.filter((name) => name.startsWith(`${LOCK}${id}`) && !name.endsWith(".takeover"));
  const looked = await Promise.all(locks.map((name) => lookAtLock(join(place, name))));
  const holders = looked.filter((holder) => holder !== undefined);
  const failure = (await readFailure(join(place, `${FAILED}${id}.json`))) ?? null;
  const shards = await shardsIn(join(place, `${WORK}${id}`));
  const living =
    holders.some((holder) => holder.living) ||
    shards.some(({ claims }) => claims.some((claim) => claim.living));
  const isBegun = names.includes(`${WORK}${id}`);
  if (!isBegun && !living && failure === null) return undefined;
  const state = living ? "running" : failure !== null ? "failed" : "stopped";
  const progress = (living ? await readProgress(join(place, `${WORK}${id}`)) : undefined) ?? null;
  return { ...idle(parseName(id)![1]!, state), holders, shards, progress, failure };
}

/** Folders of shards in a work folder. */
async function shardsIn(work: string): Promise<StageShards[]> {
  const found: StageShards[] = [];
  for (const name of (await readdir(work).catch(() => [])).sort()) {
    const sizes = await shardSizes(join(work, name));
    if (sizes !== undefined) found.push({ name, ...(await shardsStatus(join(work, name), sizes)) });
  }
  return found;
}

const shardSchema = z.object({
  digest: z.string(),
  pairs: z.number().optional(),
  prompts: z.number().optional(),
});
const manifestSchema = z.object({ shards: z.array(shardSchema) });

/** The shards that a manifest names, of scores (`pairs`) or of a generation (`prompts`). */
async function shardSizes(folder: string): Promise<ShardSize[] | undefined> {
  if (!(await exists(join(folder, SHARDS)))) return undefined;
  const manifest = manifestSchema.safeParse(
    await readJson(join(folder, "manifest.json")).catch(() => undefined),
  );
  return manifest.data?.shards.map(({ digest, pairs, prompts }) => ({
    digest,
    items: pairs ?? prompts ?? 0,
  }));
}
