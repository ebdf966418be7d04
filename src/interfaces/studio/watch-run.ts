/** A run's folder watched for one page: looks now and then, and tells what is new. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exists, readJson } from "../../base/core/files.ts";
import { lookAtRun } from "../../pipeline/run/live-run.ts";
import { folderStatus } from "../../pipeline/run/status.ts";
import { SCRATCH } from "../../pipeline/stages/cache.ts";
import { thin } from "../../report/charts/points.ts";
import type { RunGrowthEvent, RunStatus } from "./protocol.ts";

/** Something to tell. `id`: where a stream that is cut off goes on from. */
export type RunEvent =
  | { readonly event: "status"; readonly data: RunStatus; readonly id?: undefined }
  | { readonly event: "growth"; readonly data: RunGrowthEvent; readonly id: string }
  | { readonly event: "beat"; readonly data: null; readonly id?: undefined };

/** Between two looks at the files that grow, ms. */
const LOOK_MS = 1_000;
/** A plan is made for the state of the stages, which takes a tenth of a second: only when a stage came or went, or after so long. */
const STATUS_MS = 20_000;
/** A connection that says nothing for longer may be cut by something between. */
const BEAT_MS = 15_000;
/** Points of one curve in one event: a page draws no more, and the lowest and highest of each stretch stay. */
const MOST_POINTS = 1_000;

/** How to watch. */
export type WatchOptions = {
  /** Of the last growth that was told; empty for everything. */
  readonly cursor: string;
  /** Version of the code, for the plan. */
  readonly code: string;
  readonly signal: AbortSignal;
};

/** Tells the state and all growth so far, then what changes, until `signal` fires. */
export async function* watchRun(
  folder: string,
  { cursor, code, signal }: WatchOptions,
): AsyncGenerator<RunEvent> {
  let [at, seen, statusAt, toldAt] = [cursor, "", 0, 0];
  while (!signal.aborted) {
    const now = performance.now();
    const signature = await signatureOf(folder);
    if (signature !== seen || now - statusAt > STATUS_MS) {
      [seen, statusAt] = [signature, now];
      yield { event: "status", data: await statusOf(folder, code) };
    }
    const { stages, log, cursor: next } = await lookAtRun(folder, at);
    if (next !== at && (stages.length > 0 || log.length > 0 || at === "")) {
      toldAt = now;
      yield { event: "growth", id: next, data: { stages: stages.map(thinned), log } };
    } else if (now - toldAt > BEAT_MS) {
      toldAt = now;
      yield { event: "beat", data: null };
    }
    at = next;
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

const thinned = ({
  points,
  ...stage
}: RunGrowthEvent["stages"][number]): RunGrowthEvent["stages"][number] => ({
  ...stage,
  points: Object.fromEntries(Object.entries(points).map(([name, list]) => [name, thinList(list)])),
});

const thinList = (list: readonly (readonly [number, number])[]): (readonly [number, number])[] =>
  thin(
    list.map(([x, y]) => ({ x, y })),
    MOST_POINTS,
  ).map(({ x, y }) => [x, y] as const);

/** Changes whenever a stage begins, fails, is finished or removed. */
async function signatureOf(folder: string): Promise<string> {
  const names = await readdir(join(folder, "stages")).catch(() => []);
  const report = await stat(join(folder, "report.html")).catch(() => undefined);
  return [...names.sort(), report?.mtimeMs].join("\n");
}

async function statusOf(folder: string, code: string): Promise<RunStatus> {
  const { stages: found, planProblem } = await folderStatus(folder, code);
  // As they were finished; those at work and to come keep the order of the plan.
  const stages = found.toSorted((a, b) =>
    a.finishedAt === null || b.finishedAt === null
      ? Number(a.finishedAt === null) - Number(b.finishedAt === null)
      : a.finishedAt.localeCompare(b.finishedAt),
  );
  return {
    stages,
    planProblem,
    planned: await plannedIn(folder),
    hasReport: await exists(join(folder, "report.html")),
  };
}

async function plannedIn(folder: string): Promise<Record<string, number>> {
  const place = join(folder, "stages");
  const planned: Record<string, number> = {};
  for (const name of await readdir(place).catch(() => [])) {
    const found = (await readJson(join(place, name, SCRATCH, "planned.json")).catch(() => undefined)) as
      | { readonly steps?: unknown }
      | undefined;
    if (typeof found?.steps === "number") planned[name.replace(/^\.work-/, "")] = found.steps;
  }
  return planned;
}
