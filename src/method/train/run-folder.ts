/**
 * The folder of a run: `metrics.jsonl`, an event file for TensorBoard, and `checkpoint-<step>/` folders that appear
 * whole or not at all. Resuming is the default.
 */
import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { checkFree } from "../../base/core/disk.ts";
import { ensureFolder, exists, writeDirAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import type { Log } from "../../base/core/log.ts";
import { removeTemporaries } from "../../base/core/temporaries.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { bestProblem, clearBestAfter, keepBest, pruneBest, restoreBest } from "./best-weights.ts";
import { type MetricsLine, openMetrics } from "./metrics.ts";
import {
  bestStepOf,
  checkpointProblem,
  type RunIdentity,
  readState,
  restoreArrays,
  type SavedArrays,
  type TrainerState,
  writeState,
} from "./state.ts";
import { openEvents } from "./tfevents.ts";
import { NOTHING_VALIDATED, type Validated } from "./validation.ts";

/** A run's folder, open. */
export interface RunFolder {
  /** Where the run stands: all zeros when it starts anew. */
  readonly start: TrainerState;
  /** Writes a line to `metrics.jsonl` and the event file. */
  log(line: MetricsLine): Promise<void>;
  /** Writes `checkpoint-<step>/` and removes the oldest beyond the limit. */
  save(): Promise<void>;
  /** Counts a finished step and the tokens it ran. */
  advance(step: number, epoch: number, tokens: number): void;
  /** Takes down a validation; the weights as they are become the best so far, where they are. */
  validate(now: Validated, better: boolean): Promise<void>;
  /** Puts the best weights so far back into the store, where they are kept. */
  restoreBest(): Promise<void>;
  /** What validation has seen so far. */
  readonly validated: Validated;
  /** Steps done so far. */
  readonly step: number;
  /** Tokens trained on so far. */
  readonly tokens: number;
  /** All lines so far, those of before a resume included. */
  readonly lines: readonly MetricsLine[];
  /** The newest checkpoint's path, if there is one. */
  readonly newest: string | undefined;
}

/** What `openRunFolder` needs to know. */
export type RunSetup = {
  readonly folder: string;
  readonly runtime: Runtime;
  readonly identity: RunIdentity;
  readonly parameters: SavedArrays;
  readonly moments: SavedArrays;
  /** Checkpoints kept. */
  readonly keep: number;
  /** Whether the weights of the best validation are kept beside the checkpoints. */
  readonly keepsBest: boolean;
  /** Removes old checkpoints instead of going on from them. */
  readonly fresh: boolean;
  /** Hears of checkpoints that are damaged. */
  readonly log: Log;
};

/** How many steps are planned, for whoever looks on. */
export const PLANNED = "planned.json";

/** Metrics as TensorBoard reads them: any file with "tfevents" in its name. */
export const EVENTS = "events.out.tfevents.0.weak-teacher";

/**
 * Opens a run's folder and, where it holds a checkpoint, puts the newest that is whole into the store.
 * @throws CheckpointError when that checkpoint belongs to another run
 */
export async function openRunFolder(setup: RunSetup): Promise<RunFolder> {
  const { folder, runtime, identity } = setup;
  await ensureFolder(folder);
  await removeTemporaries(folder);
  if (setup.fresh) await clearCheckpoints(folder);
  let newest = await newestWhole(setup);
  let state: TrainerState = { step: 0, epoch: 0, tokens: 0, lines: [], validated: NOTHING_VALIDATED };
  if (newest !== undefined) {
    state = await readState(newest, identity);
    await restoreArrays(newest, runtime, setup);
  }
  await clearBestAfter(folder, state.step);
  const metrics = await openMetrics(folder, state.lines);
  await writeJsonAtomic(join(folder, PLANNED), { steps: identity.steps });
  const events = await openEvents(join(folder, EVENTS), state.step);
  const lines = [...state.lines];
  let { step, epoch, tokens, validated } = state;
  return {
    start: state,
    lines,
    get newest() {
      return newest;
    },
    async log({ global_step, epoch: at, ...rest }) {
      // The order a checkpoint gives them back in: a resumed run's file is the same to the byte.
      const line = { global_step, epoch: at, ...rest };
      lines.push(line);
      await metrics.append(line);
      await events.append(eventOf(line));
    },
    get tokens() {
      return tokens;
    },
    get step() {
      return step;
    },
    get validated() {
      return validated;
    },
    async validate(now, better) {
      if (better && setup.keepsBest) await keepBest(folder, step, runtime, setup.parameters);
      validated = now;
    },
    async restoreBest() {
      const best = validated.best?.step;
      // What is in the store is that already.
      if (!setup.keepsBest || best === undefined || best === step) return;
      await restoreBest(folder, best, runtime, setup.parameters);
    },
    advance(done, at, seen) {
      [step, epoch] = [done, at];
      tokens += seen;
    },
    async save() {
      const path = join(folder, `checkpoint-${step}`);
      const bytes = bytesOf(setup.parameters) + bytesOf(setup.moments);
      await checkFree(folder, bytes, `the checkpoint of step ${step}`);
      const current = { step, epoch, tokens, lines, validated };
      await writeDirAtomic(path, (inside) => writeState(inside, runtime, setup, current, identity));
      newest = path;
      const paths = await checkpointsOf(folder);
      for (const old of paths.slice(0, -setup.keep)) await rm(old, { recursive: true });
      await pruneBest(folder, stepOf(paths.slice(-setup.keep)[0]!));
    },
  };
}

/** Of arrays in float32. */
const bytesOf = (arrays: SavedArrays): number =>
  [...arrays.values()].reduce((sum, { shape }) => sum + 4 * shape.reduce((size, side) => size * side, 1), 0);

/** The newest checkpoint whose every byte is as it was written; damaged ones are said and removed. */
async function newestWhole({ folder, log, keepsBest }: RunSetup): Promise<string | undefined> {
  const paths = (await checkpointsOf(folder)).reverse();
  for (const [i, path] of paths.entries()) {
    const problem =
      (await checkpointProblem(path)) ?? (keepsBest ? await bestProblemOf(folder, path) : undefined);
    if (problem === undefined) return path;
    const next = paths[i + 1];
    const then = next === undefined ? "training begins anew" : `the one before is tried, ${basename(next)}`;
    log.warn(`${path}: is damaged and removed: ${problem}; ${then}.`);
    await rm(path, { recursive: true });
  }
  return undefined;
}

/** What is wrong with the best weights that a checkpoint goes on from. */
async function bestProblemOf(folder: string, checkpoint: string): Promise<string | undefined> {
  const best = await bestStepOf(checkpoint);
  return best === undefined ? undefined : bestProblem(folder, best);
}

async function clearCheckpoints(folder: string): Promise<void> {
  for (const path of await checkpointsOf(folder)) await rm(path, { recursive: true });
}

/** Paths of a run's whole checkpoints, oldest first. */
export async function checkpointsOf(folder: string): Promise<string[]> {
  if (!(await exists(folder))) return [];
  const names = (await readdir(folder)).filter((name) => /^checkpoint-\d+$/.test(name));
  return names.sort((a, b) => stepOf(a) - stepOf(b)).map((name) => join(folder, name));
}

const stepOf = (checkpoint: string) => Number(basename(checkpoint).slice("checkpoint-".length));

/** Tags as TensorBoard groups them: `train/loss`, `eval/loss`. */
export function eventOf({ global_step: step, ...rest }: MetricsLine) {
  const tagOf = (name: string) => (name.startsWith("eval_") ? `eval/${name.slice(5)}` : `train/${name}`);
  const scalars = Object.fromEntries(Object.entries(rest).map(([name, value]) => [tagOf(name), value]));
  return { wallTime: Date.now() / 1000, step, scalars };
}
