/**
 * One stage, run at most once: kept results are taken, an attempt that was cut off goes on, another process's is waited for. Work that a
 * stage lets processes share is done together with them, and one of them closes it.
 */
import { join } from "node:path";
import { InterruptedError } from "../../base/core/errors.ts";
import { type Lock, removeDeadLock, takeLock } from "../../base/core/lock.ts";
import { formatSeconds, type Log, silentLog } from "../../base/core/log.ts";
import { tellWaits } from "../../base/core/waiting.ts";
import {
  discardStage,
  diskError,
  type Found,
  findAt,
  findStage,
  finishRecorded,
  finishStage,
  lockPath,
  openWork,
  publishStage,
} from "./cache.ts";
import { whyAnew, writeAsked } from "./differences.ts";
import { clearFailure, recordFailure } from "./failures.ts";
import { folderIdentity, inPlace } from "./in-place.ts";
import type { PrunedStages } from "./pruned.ts";
import {
  type Artefact,
  artefactAt,
  folderName,
  type Identity,
  keyOf,
  type Stage,
  stagesBefore,
  type WorkFolder,
} from "./stage.ts";
import type { PipelineOptions, StageState, StageStep } from "./steps.ts";
import { refuseChanged } from "./verify.ts";
import { othersGone, workTogether } from "./workers.ts";

/** How a stage of a run is seen to. */
export type How = {
  /** Where its step is written down. */
  readonly note: (step: StageStep) => void;
  /** Stages before it whose files were pruned. */
  readonly pruned: PrunedStages;
  /** It is asked for with all its files: a result that was pruned is made again. */
  readonly whole: boolean;
};

/** One stage, as it is being run. */
type Run = How & {
  readonly options: PipelineOptions;
  readonly stage: Stage;
  readonly identity: Identity;
  readonly folder: string;
  readonly log: Log;
  /** When the result was made that `fresh` does without, if there is one. */
  readonly stale: string | undefined;
};

/**
 * Gives a stage's result, computing it if it is not kept.
 * @throws as `Pipeline.stage`
 */
export async function runStage(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity,
  how: How,
): Promise<Artefact> {
  const { log = silentLog, fresh = false } = options;
  const folder = stagesFolder(options);
  const before = fresh ? await lookUp(options, identity) : undefined;
  const stale = before?.state === "cached" ? before.record.finishedAt : undefined;
  const run: Run = { ...how, options, stage, identity, folder, log, stale };
  const kept = fresh ? undefined : await takeKept(run);
  if (kept !== undefined) return kept;
  try {
    await clearFailure(folder, identity);
    await how.pruned.restoreInputs(stage);
    const made = await makeStage(run);
    await clearFailure(folder, identity);
    return made;
  } catch (error) {
    await recordFailure(folder, identity, error);
    throw error;
  }
}

async function makeStage(run: Run): Promise<Artefact> {
  const { options, stage } = run;
  const isShared = stage.share !== undefined;
  if (isShared) await clearAway(run);
  for (;;) {
    const begun = await share(run);
    if (options.shareOnly === true && isShared && begun !== undefined) return sharedAlone(run);
    const lock = await lockStage(run);
    try {
      // Another process may have finished it while this one worked or waited.
      const since = options.fresh === true && !isShared ? undefined : await takeKept(run);
      if (since !== undefined) return since;
      // Whoever was closing it died.
      if (begun === undefined) continue;
      if (isShared) await waitForOthers(run);
      else await discardUnusable(run);
      const made = await takeUnplaced(run);
      if (made !== undefined) return await placeOf(options, made);
      // It was cleared away between our work and our lock.
      if (isShared && (await isElsewhere(run, begun))) continue;
      return await placeOf(options, await compute(run, begun));
    } finally {
      await lock.release();
    }
  }
}

/** A result that is whole, but whoever made it died before it was in its place. */
async function takeUnplaced(run: Run): Promise<Artefact | undefined> {
  const { folder, identity } = run;
  const found = await findStage(folder, identity);
  const whole = isUsable(run, found) ? found : await finishRecorded(folder, identity);
  return whole && tellKept(run, whole);
}

/** What there is when only the shared work was asked for. */
async function sharedAlone(run: Run): Promise<Artefact> {
  const { options, stage, identity, folder, note } = run;
  const kept = await takeKept(run);
  if (kept !== undefined) return kept;
  note(stepOf(options, stage, identity, "shared"));
  return artefactAt(stage.name, folder, undefined);
}

/** Where a stage's result is looked for: its own place, or among the stages. */
export function lookUp(options: PipelineOptions, identity: Identity): Promise<Found> {
  const { publish } = options;
  return publish?.stage === identity.name
    ? findAt(publish.folder, identity)
    : findStage(stagesFolder(options), identity);
}

async function placeOf({ publish }: PipelineOptions, made: Artefact): Promise<Artefact> {
  return publish?.stage === made.stage ? await publishStage(made, publish.folder) : made;
}

/** When the work began, and whether it goes on from an earlier attempt where that is known already. */
type Begun = {
  readonly startedMs: number;
  readonly resumed?: boolean;
  /** The folder in which this process shared the work, and what told it from another of its name. */
  readonly shared?: { readonly folder: string; readonly identity: string | undefined };
};

/** Whether shared work is not where it was done any more. */
async function isElsewhere({ folder, identity }: Run, { shared }: Begun): Promise<boolean> {
  if (shared === undefined) return (await findStage(folder, identity)).state === "absent";
  return shared.identity === undefined || (await folderIdentity(shared.folder)) !== shared.identity;
}

/** Does the part of a stage that processes share; undefined when another process is closing the stage. */
async function share(run: Run): Promise<Begun | undefined> {
  const { options, stage, identity, folder } = run;
  const startedMs = performance.now();
  if (stage.share === undefined) return { startedMs };
  checkNotStopped(options, stage);
  let begun: Begun = { startedMs, resumed: false };
  const done = await workTogether(lockPath(folder, identity), async () => {
    // It may have been finished between our look and our joining, or is whole and not yet in its place.
    const looks = await Promise.all([lookUp(options, identity), findStage(folder, identity)]);
    if (looks.some((found) => isUsable(run, found))) return;
    const work = await openWork(folder, identity, { shared: true });
    const shared = { folder: work.folder, identity: await folderIdentity(work.folder) };
    begun = { startedMs, resumed: work.resumed, shared };
    await tellBegin(run, work);
    const place = { what: `stage ${stage.name}`, folder: work.folder, alone: false };
    await inPlace(place, () => stage.share!(work));
  }).catch((error: unknown) => {
    throw diskError(`stage ${stage.name}`, error);
  });
  return done ? begun : undefined;
}

/** Before processes begin to share a stage: what cannot be used is removed by one of them, while nobody works. */
async function clearAway(run: Run): Promise<void> {
  const { options, identity, folder } = run;
  const { state } = await findStage(folder, identity);
  if (options.fresh !== true && !isUnusable(state)) return;
  const lock = await lockStage(run);
  try {
    await waitForOthers(run);
    await discardUnusable(run);
  } finally {
    await lock.release();
  }
}

async function discardUnusable({ options, identity, folder, log }: Run): Promise<void> {
  const found = await findStage(folder, identity);
  if (found.state === "damaged") log.warn(`stage ${identity.name}: ${found.problem}; it is computed again.`);
  if (options.fresh === true || isUnusable(found.state)) await discardStage(folder, identity);
}

/** Where it is the result itself, one that has changed was refused before (`takeKept`). */
const isUnusable = (state: Found["state"]): boolean => state === "damaged" || state === "changed";

type Kept = Extract<Found, { state: "cached" }>;

const isUsable = ({ stale, whole }: Run, found: Found): found is Kept =>
  found.state === "cached" && found.record.finishedAt !== stale && !(whole && found.pruned);

/** The kept result, if there is one. @throws DataError when files of it have changed since */
async function takeKept(run: Run): Promise<Artefact | undefined> {
  const found = await lookUp(run.options, run.identity);
  if (found.state === "changed" && run.options.fresh !== true) refuseChanged(found.folder, found);
  if (!isUsable(run, found)) return undefined;
  // Of one that was killed between the result and giving its lock back: nobody takes that lock any more.
  await removeDeadLock(lockPath(run.folder, run.identity));
  return tellKept(run, found);
}

function tellKept(
  run: Run,
  { artefact, record, pruned = false }: Pick<Kept, "artefact" | "record"> & { readonly pruned?: boolean },
): Artefact {
  const { options, stage, identity, log, note } = run;
  note({ ...stepOf(options, stage, identity, "cached", record.elapsedSeconds), pruned });
  if (pruned) run.pruned.add(artefact, () => runStage(options, stage, identity, { ...run, whole: true }));
  log.info(`stage ${identity.name}: kept from before${pruned ? ", pruned" : ""}`);
  return artefact;
}

function lockStage({ options: { signal }, identity, folder, log }: Run): Promise<Lock> {
  return takeLock(lockPath(folder, identity), {
    onWait: tellWaits(log, `stage ${identity.name}`),
    signal,
  });
}

/** Waits until nobody shares the stage's work any more. The caller holds the stage's lock. */
function waitForOthers({ options: { signal }, identity, folder, log }: Run): Promise<void> {
  const onWait = tellWaits(log, `stage ${identity.name}`);
  return othersGone(lockPath(folder, identity), { signal, onWait });
}

async function compute(run: Run, begun: Begun): Promise<Artefact> {
  const { options, stage, identity, folder, log, note } = run;
  checkNotStopped(options, stage);
  try {
    const opened = await openWork(folder, identity);
    const work = { ...opened, resumed: begun.resumed ?? opened.resumed };
    if (stage.share === undefined) await tellBegin(run, work);
    const place = { what: `stage ${stage.name}`, folder: work.folder, alone: true };
    await inPlace(place, () => stage.run(work));
    const elapsedSeconds = (performance.now() - begun.startedMs) / 1000;
    const artefact = await finishStage(folder, identity, work, elapsedSeconds);
    note(stepOf(options, stage, identity, work.resumed ? "resume" : "run", elapsedSeconds));
    log.info(`stage ${stage.name}: done in ${formatSeconds(elapsedSeconds)}`);
    return artefact;
  } catch (error) {
    throw diskError(`stage ${stage.name}`, error);
  }
}

/** Says whether it starts or goes on, and why it does not go on from an attempt that is there; a new attempt says what it is to make. */
async function tellBegin({ folder, identity, log }: Run, work: WorkFolder): Promise<void> {
  if (work.resumed) return log.info(`stage ${identity.name}: goes on`);
  const why = await whyAnew(folder, identity);
  log.info(`stage ${identity.name}: starts${why === undefined ? "" : ` ${why}`}`);
  await writeAsked(work, identity);
}

function checkNotStopped({ signal }: PipelineOptions, { name }: Stage): void {
  if (signal?.aborted) throw new InterruptedError(`stage ${name}`);
}

/** What a step says of its place among the others. */
export const graphOf = (stage: Stage) => ({ inputs: stagesBefore(stage), shared: stage.share !== undefined });

/** A step of a stage whose key is known. */
export function stepOf(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity,
  state: StageState,
  elapsedSeconds?: number,
): StageStep {
  const key = keyOf(identity);
  const folder = join(stagesFolder(options), folderName(identity.name, key));
  return { name: identity.name, state, key, folder, elapsedSeconds, ...graphOf(stage) };
}

/** Where results of a run's stages are. */
export function stagesFolder({ folder }: PipelineOptions): string {
  return join(folder, "stages");
}
