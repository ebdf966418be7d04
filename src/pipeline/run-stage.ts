/**
 * One stage, run at most once: kept results are taken, an attempt that was cut off goes on, another process's is waited for. Work that a
 * stage lets processes share is done together with them, and one of them closes it.
 */
import { join } from "node:path";
import { InterruptedError } from "../core/errors.ts";
import { formatSeconds, type Log, silentLog } from "../core/log.ts";
import {
  discardStage,
  diskError,
  type Found,
  findAt,
  findStage,
  finishStage,
  lockPath,
  openWork,
  publishStage,
} from "./cache.ts";
import { clearFailure, recordFailure } from "./failures.ts";
import { type Lock, removeDeadLock, takeLock } from "./lock.ts";
import {
  type Artefact,
  artefactAt,
  folderName,
  type Identity,
  keyOf,
  type Stage,
  stagesBefore,
} from "./stage.ts";
import type { PipelineOptions, StageState, StageStep } from "./steps.ts";
import { othersGone, workTogether } from "./workers.ts";

/** Where a step of the run is written down. */
export type Note = (step: StageStep) => void;

/**
 * Gives a stage's result, computing it if it is not kept.
 * @throws as `Pipeline.stage`
 */
export async function runStage(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity,
  note: Note,
): Promise<Artefact> {
  const log = options.log ?? silentLog;
  const kept = options.fresh === true ? undefined : await takeKept(options, stage, identity, note, log);
  if (kept !== undefined) return kept;
  const folder = stagesFolder(options);
  try {
    await clearFailure(folder, identity);
    const made = await makeStage(options, stage, identity, note, log);
    await clearFailure(folder, identity);
    return made;
  } catch (error) {
    await recordFailure(folder, identity, error);
    throw error;
  }
}

async function makeStage(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity,
  note: Note,
  log: Log,
): Promise<Artefact> {
  if (stage.share !== undefined) await clearAway(options, stage, identity, log);
  for (;;) {
    const begun = await share(options, stage, identity, log);
    if (options.shareOnly === true && stage.share !== undefined && begun !== undefined)
      return sharedAlone(options, stage, identity, note, log);
    const lock = await lockStage(options, identity, log);
    try {
      // Another process may have finished it while this one worked or waited.
      const own = options.fresh === true && stage.share === undefined;
      const since = own ? undefined : await takeKept(options, stage, identity, note, log);
      if (since !== undefined) return since;
      // Whoever was closing it died.
      if (begun === undefined) continue;
      if (stage.share === undefined) await discardUnusable(options, stage, identity, log);
      else await othersGone(lockPath(stagesFolder(options), identity), { signal: options.signal });
      const found = await findStage(stagesFolder(options), identity);
      // Whoever closed it died before it was put in its place.
      if (found.state === "cached") return await placeOf(options, found.artefact);
      return await placeOf(options, await compute(options, stage, identity, note, log, begun));
    } finally {
      await lock.release();
    }
  }
}

/** What there is when only the shared work was asked for. */
async function sharedAlone(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity,
  note: Note,
  log: Log,
): Promise<Artefact> {
  const kept = await takeKept(options, stage, identity, note, log);
  if (kept !== undefined) return kept;
  note(stepOf(options, stage, identity, "shared"));
  return artefactAt(stage.name, stagesFolder(options), undefined);
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
type Begun = { readonly startedMs: number; readonly resumed?: boolean };

/** Does the part of a stage that processes share; undefined when another process is closing the stage. */
async function share(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity,
  log: Log,
): Promise<Begun | undefined> {
  const startedMs = performance.now();
  if (stage.share === undefined) return { startedMs };
  checkNotStopped(options, stage);
  const folder = stagesFolder(options);
  let resumed = false;
  const done = await workTogether(lockPath(folder, identity), async () => {
    // It may have been finished between our look and our joining.
    if ((await lookUp(options, identity)).state === "cached") return;
    const work = await openWork(folder, identity, { shared: true });
    resumed = work.resumed;
    log.info(`stage ${stage.name}: ${resumed ? "goes on" : "starts"}`);
    await stage.share!(work);
  }).catch((error: unknown) => {
    throw diskError(`stage ${stage.name}`, error);
  });
  return done ? { startedMs, resumed } : undefined;
}

/** Before processes begin to share a stage: what cannot be used is removed by one of them, while nobody works. */
async function clearAway(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity,
  log: Log,
): Promise<void> {
  const { state } = await findStage(stagesFolder(options), identity);
  if (options.fresh !== true && state !== "damaged") return;
  const lock = await lockStage(options, identity, log);
  try {
    await othersGone(lockPath(stagesFolder(options), identity), { signal: options.signal });
    await discardUnusable(options, stage, identity, log);
  } finally {
    await lock.release();
  }
}

async function discardUnusable(
  options: PipelineOptions,
  { name }: Stage,
  identity: Identity,
  log: Log,
): Promise<void> {
  const folder = stagesFolder(options);
  const found = await findStage(folder, identity);
  if (found.state === "damaged") log.warn(`stage ${name}: ${found.problem}; it is computed again.`);
  if (options.fresh === true || found.state === "damaged") await discardStage(folder, identity);
}

/** The kept result, if there is one. */
async function takeKept(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity,
  note: Note,
  log: Log,
): Promise<Artefact | undefined> {
  const found = await lookUp(options, identity);
  if (found.state !== "cached") return undefined;
  // Of one that was killed between the result and giving its lock back: nobody takes that lock any more.
  await removeDeadLock(lockPath(stagesFolder(options), identity));
  note(stepOf(options, stage, identity, "cached", found.record.elapsedSeconds));
  log.info(`stage ${identity.name}: kept from before`);
  return found.artefact;
}

function lockStage(options: PipelineOptions, identity: Identity, log: Log): Promise<Lock> {
  const { name } = identity;
  return takeLock(lockPath(stagesFolder(options), identity), {
    onWait: ({ pid, host }) => log.info(`stage ${name}: process ${pid} on ${host} works on it, waiting`),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

async function compute(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity,
  note: Note,
  log: Log,
  begun: Begun,
): Promise<Artefact> {
  checkNotStopped(options, stage);
  const folder = stagesFolder(options);
  try {
    const opened = await openWork(folder, identity);
    const work = { ...opened, resumed: begun.resumed ?? opened.resumed };
    if (stage.share === undefined) log.info(`stage ${stage.name}: ${work.resumed ? "goes on" : "starts"}`);
    await stage.run(work);
    const elapsedSeconds = (performance.now() - begun.startedMs) / 1000;
    const artefact = await finishStage(folder, identity, work, elapsedSeconds);
    note(stepOf(options, stage, identity, work.resumed ? "resume" : "run", elapsedSeconds));
    log.info(`stage ${stage.name}: done in ${formatSeconds(elapsedSeconds)}`);
    return artefact;
  } catch (error) {
    throw diskError(`stage ${stage.name}`, error);
  }
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
