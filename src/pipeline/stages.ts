/**
 * Runs stages one after another, each at most once: a stage that is kept is taken as it is, one that was cut off goes on, and one that
 * another process works on is waited for. In a plan nothing runs; each stage says what it would do.
 */
import { join } from "node:path";
import { InterruptedError } from "../core/errors.ts";
import { formatSeconds, type Log, silentLog } from "../core/log.ts";
import { discardStage, diskError, findStage, finishStage, lockPath, openWork } from "./cache.ts";
import { type Lock, takeLock } from "./lock.ts";
import {
  type Artefact,
  artefactAt,
  folderName,
  type Identity,
  identityOf,
  keyOf,
  type Stage,
} from "./stage.ts";

/**
 * What a stage does, or would do: `cached` it is kept, `resume` goes on, `run` starts, `depends` cannot be told
 * before an input is computed (it runs, unless that input comes out as it was before).
 */
export type StageState = "cached" | "resume" | "run" | "depends";

/** One line of a plan, or of what was done. */
export type StageStep = {
  readonly name: string;
  readonly state: StageState;
  /** Undefined where it cannot be told yet. */
  readonly key: string | undefined;
  readonly folder: string | undefined;
  /** Seconds that the result took when it was made; undefined while there is none. */
  readonly elapsedSeconds: number | undefined;
};

/** How stages are run. */
export type PipelineOptions = {
  /** The run's folder; results go to `stages/` in it. */
  readonly folder: string;
  /** Version of the code, part of every key. */
  readonly code: string;
  /** `plan`: nothing is run or written. Default `run`. */
  readonly mode?: "run" | "plan";
  /** Compute everything again, once. */
  readonly fresh?: boolean;
  readonly log?: Log;
  readonly signal?: AbortSignal;
};

/** The stages of one run. */
export interface Pipeline {
  readonly mode: "run" | "plan";
  /**
   * Gives the result of a stage, computing it if it is not kept.
   * @throws what the stage throws (its work folder stays, to go on from); InterruptedError before it starts when asked to stop
   */
  stage(stage: Stage): Promise<Artefact>;
  /** What was done or would be done so far, in the order the stages were asked for. */
  steps(): readonly StageStep[];
}

/** Opens the stages of a run. */
export function openPipeline(options: PipelineOptions): Pipeline {
  const { mode = "run" } = options;
  const known = new Map<string, Promise<Artefact>>();
  const steps: (StageStep | undefined)[] = [];
  return {
    mode,
    stage(stage) {
      checkName(stage.name);
      const identity = identityOf(stage, options.code);
      const id = identity === undefined ? stage.name : keyOf(identity);
      const before = known.get(id);
      if (before !== undefined) return before;
      const place = steps.push(undefined) - 1;
      const note = (step: StageStep) => {
        steps[place] = step;
      };
      const result =
        mode === "plan"
          ? planStage(options, stage, identity, note)
          : runStage(options, stage, identity!, note);
      known.set(id, result);
      return result;
    },
    steps: () => steps.filter((step) => step !== undefined),
  };
}

type Note = (step: StageStep) => void;

async function planStage(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity | undefined,
  note: Note,
): Promise<Artefact> {
  const { name } = stage;
  if (identity === undefined) {
    note({ name, state: "depends", key: undefined, folder: undefined, elapsedSeconds: undefined });
    return artefactAt(name, stagesFolder(options), undefined);
  }
  const found = await findStage(stagesFolder(options), identity);
  if (found.state === "cached" && options.fresh !== true) {
    note(stepOf(options, identity, "cached", found.record.elapsedSeconds));
    return found.artefact;
  }
  note(stepOf(options, identity, found.state === "begun" && options.fresh !== true ? "resume" : "run"));
  return artefactAt(name, join(stagesFolder(options), folderName(name, keyOf(identity))), undefined);
}

async function runStage(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity,
  note: Note,
): Promise<Artefact> {
  const log = options.log ?? silentLog;
  const folder = stagesFolder(options);
  const kept = await takeKept(options, identity, note, log);
  if (kept !== undefined) return kept;
  const lock = await lockStage(options, identity, log);
  try {
    // Another process may have finished it while this one waited.
    const since = options.fresh === true ? undefined : await takeKept(options, identity, note, log);
    if (since !== undefined) return since;
    const found = await findStage(folder, identity);
    if (found.state === "damaged") log.warn(`stage ${stage.name}: ${found.problem}; it is computed again.`);
    if (options.fresh === true || found.state === "damaged") await discardStage(folder, identity);
    return await compute(options, stage, identity, note, log);
  } finally {
    await lock.release();
  }
}

/** The kept result, if it may be used. */
async function takeKept(
  options: PipelineOptions,
  identity: Identity,
  note: Note,
  log: Log,
): Promise<Artefact | undefined> {
  if (options.fresh === true) return undefined;
  const found = await findStage(stagesFolder(options), identity);
  if (found.state !== "cached") return undefined;
  note(stepOf(options, identity, "cached", found.record.elapsedSeconds));
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
): Promise<Artefact> {
  if (options.signal?.aborted) throw new InterruptedError(`stage ${stage.name}`);
  const folder = stagesFolder(options);
  try {
    const work = await openWork(folder, identity);
    log.info(`stage ${stage.name}: ${work.resumed ? "goes on" : "starts"}`);
    const startedMs = performance.now();
    await stage.run(work);
    const elapsedSeconds = (performance.now() - startedMs) / 1000;
    const artefact = await finishStage(folder, identity, work, elapsedSeconds);
    note(stepOf(options, identity, work.resumed ? "resume" : "run", elapsedSeconds));
    log.info(`stage ${stage.name}: done in ${formatSeconds(elapsedSeconds)}`);
    return artefact;
  } catch (error) {
    throw diskError(`stage ${stage.name}`, error);
  }
}

function stepOf(
  options: PipelineOptions,
  identity: Identity,
  state: StageState,
  elapsedSeconds?: number,
): StageStep {
  const key = keyOf(identity);
  const folder = join(stagesFolder(options), folderName(identity.name, key));
  return { name: identity.name, state, key, folder, elapsedSeconds };
}

function stagesFolder({ folder }: PipelineOptions): string {
  return join(folder, "stages");
}

function checkName(name: string): void {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) throw new Error(`internal: stage name ${JSON.stringify(name)}`);
}

/** A plan, or what was done, as a table, one line per stage. */
export function formatSteps(steps: readonly StageStep[]): string {
  const width = Math.max(5, ...steps.map(({ name }) => name.length));
  return steps.map((step) => `${step.name.padEnd(width)}  ${wordsOf(step)}`).join("\n");
}

function wordsOf({ state, elapsedSeconds }: StageStep): string {
  const took = elapsedSeconds === undefined ? undefined : formatSeconds(elapsedSeconds);
  switch (state) {
    case "cached":
      return `kept (took ${took})`;
    case "resume":
      return took === undefined ? "goes on" : `went on, done in ${took}`;
    case "run":
      return took === undefined ? "runs" : `done in ${took}`;
    case "depends":
      return "runs, unless what it needs comes out as before";
    default:
      return state satisfies never;
  }
}
