/**
 * One stage by itself, for commands that read files and write a folder. It works beside the output, in `<out>.work`, from which a later
 * attempt goes on, and the output appears when it is whole.
 */
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import { exists } from "../../base/core/files.ts";
import type { Log } from "../../base/core/log.ts";
import type { RuntimeOptions } from "../../engine/runtime/runtime.ts";
import { findAt, readStageRecord, removeIfEmpty, type StageRecord } from "./cache.ts";
import type { JobDeps } from "./deps.ts";
import { differences, differInWords } from "./differences.ts";
import { withDeps } from "./open-deps.ts";
import type { Pipeline } from "./pipeline.ts";
import { type Identity, identityOf, type Stage } from "./stage.ts";
import type { StageStep } from "./steps.ts";
import { refuseChanged } from "./verify.ts";

/** Where and how a single stage runs. */
export type SingleOptions = RuntimeOptions & {
  readonly out: string;
  readonly code: string;
  readonly dryRun?: boolean;
  readonly fresh?: boolean;
  /** Only the work that processes share is done; `out` is left to one that finishes it. */
  readonly shareOnly?: boolean;
  readonly log?: Log | undefined;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Runs the one stage that `run` asks its pipeline for, and puts what it made at `out`. Any number of processes may do so at once for
 * one `out`: they do together what the stages share, one finishes, and the others tell of its result.
 * @returns what was done; `cached` when `out` holds this very result already
 * @throws ConfigError when `out` is a folder that no such stage made, or one that would be lost (`checkReplaced`)
 */
export async function runSingle(
  options: SingleOptions,
  run: (deps: JobDeps) => Promise<unknown>,
): Promise<StageStep> {
  const { dryRun, out: given, ...how } = options;
  const out = resolve(given);
  const work = `${out}.work`;
  const stages: Stage[] = [];
  const attempt = async (mode: "run" | "plan", last?: string): Promise<StageStep> => {
    const publish = last === undefined ? {} : { publish: { stage: last, folder: out } };
    const { steps } = await withDeps({ ...how, folder: work, mode, ...publish }, (deps) =>
      run({ ...deps, pipeline: watched(deps.pipeline, (stage) => stages.push(stage)) }),
    );
    const [step, ...others] = steps;
    if (step === undefined || others.length > 0) throw new Error(`internal: ${steps.length} stages`);
    return step;
  };
  const planned = await attempt("plan");
  const there = await recordAt(out);
  // Everything it is made from is there, so its identity is known.
  const asked = identityOf(stages[0]!, options.code)!;
  if (there !== undefined) checkReplaced(out, there.identity, asked, options);
  // Another process, with other settings for the same folder, may still be at work beside this one.
  const clear = async () => {
    for (const folder of [join(work, "stages"), work]) await removeIfEmpty(folder);
  };
  const kept = there?.key === planned.key && options.fresh !== true ? await findAt(out, asked) : undefined;
  if (kept?.state === "changed") refuseChanged(out, kept);
  if (kept?.state === "cached") {
    if (dryRun !== true) await clear();
    return { ...planned, state: "cached", folder: out };
  }
  if (dryRun === true) return planned;
  const done = await attempt("run", planned.name);
  if (done.state === "shared") return done;
  await clear();
  return { ...done, folder: out };
}

/** A pipeline that tells of the stages it is asked for. */
const watched = (pipeline: Pipeline, tell: (stage: Stage) => unknown): Pipeline => ({
  ...pipeline,
  stage: (stage) => {
    tell(stage);
    return pipeline.stage(stage);
  },
});

/** Record of the stage whose result lies at a path; undefined when nothing does. @throws ConfigError when something else does */
async function recordAt(out: string): Promise<StageRecord | undefined> {
  if (!(await exists(out))) return undefined;
  const inside = await readdir(out).catch(() => [""]);
  if (inside.length === 0) return undefined;
  const record = await readStageRecord(out);
  // Between two looks another process may be just putting another result there.
  if (record !== undefined || !(await exists(out))) return record;
  throw new ConfigError(
    `--out ${out}: is there and was not made by this command. Choose another folder, or remove it.`,
  );
}

/** Stages that are arithmetic on what lies elsewhere, or that take along what is dear of the result they replace, as scores of pairs. */
const REPLACED = ["label", "combine", "answers"];

/** Says what is replaced. @throws ConfigError when a result would be lost: another command's, or one that took training or sampling */
function checkReplaced(out: string, there: Identity, asked: Identity, how: SingleOptions): void {
  const { name } = asked;
  if (there.name !== name)
    throw new ConfigError(
      `--out ${out}: holds what ${there.name} made, and would be replaced by what ${name} makes. Choose another folder, or remove it.`,
    );
  const names = differences(there, asked);
  if (names.length === 0) return;
  const other = `--out ${out}: holds another result of ${name}: ${differInWords(names)}.`;
  if (how.fresh === true || REPLACED.includes(name)) {
    const would = how.dryRun === true ? "would be" : "is";
    // In another folder everything would be scored once more.
    const keep =
      name === "label"
        ? "copy it and label into the copy, which scores nothing again"
        : "choose another folder";
    how.log?.warn(`${other} It ${would} replaced; to keep it, ${keep}.`);
  } else throw new ConfigError(`${other} Choose another folder, or replace it with --fresh.`);
}
