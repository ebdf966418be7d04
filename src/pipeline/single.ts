/**
 * One stage by itself, for commands that read files and write a folder. It works beside the output, in `<out>.work`, from which a later
 * attempt goes on, and the output appears when it is whole.
 */
import { readdir, rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ConfigError } from "../core/errors.ts";
import { exists, readJson } from "../core/files.ts";
import type { Log } from "../core/log.ts";
import type { RuntimeOptions } from "../runtime/runtime.ts";
import { RECORD } from "./cache.ts";
import type { JobDeps } from "./job/deps.ts";
import { withDeps } from "./open-deps.ts";
import type { StageStep } from "./steps.ts";

/** Where and how a single stage runs. */
export type SingleOptions = RuntimeOptions & {
  readonly out: string;
  readonly code: string;
  readonly dryRun?: boolean;
  readonly fresh?: boolean;
  /** Only the work that processes share is done; `out` is left to one that finishes it. */
  readonly shareOnly?: boolean;
  readonly log?: Log;
  readonly signal?: AbortSignal;
};

/**
 * Runs the one stage that `run` asks its pipeline for, and puts what it made at `out`. Any number of processes may do so at once for
 * one `out`: they do together what the stages share, one finishes, and the others tell of its result.
 * @returns what was done; `cached` when `out` holds this very result already
 * @throws ConfigError when `out` is a folder that no such stage made
 */
export async function runSingle(
  options: SingleOptions,
  run: (deps: JobDeps) => Promise<unknown>,
): Promise<StageStep> {
  const { dryRun, out: asked, ...how } = options;
  const out = resolve(asked);
  const work = `${out}.work`;
  const attempt = async (mode: "run" | "plan", last?: string): Promise<StageStep> => {
    const publish = last === undefined ? {} : { publish: { stage: last, folder: out } };
    const { steps } = await withDeps({ ...how, folder: work, mode, ...publish }, run);
    const [step, ...others] = steps;
    if (step === undefined || others.length > 0) throw new Error(`internal: ${steps.length} stages`);
    return step;
  };
  const planned = await attempt("plan");
  const there = await keyAt(out);
  if (there === planned.key && options.fresh !== true) return { ...planned, state: "cached", folder: out };
  if (dryRun === true) return planned;
  const done = await attempt("run", planned.name);
  if (done.state === "shared") return done;
  // Another process, with other settings for the same folder, may still be at work beside this one.
  for (const folder of [join(work, "stages"), work]) await rmdir(folder).catch(() => {});
  return { ...done, folder: out };
}

/** Key of the stage whose result lies at a path; undefined when nothing does. @throws ConfigError when something else does */
async function keyAt(out: string): Promise<string | undefined> {
  if (!(await exists(out))) return undefined;
  const inside = await readdir(out).catch(() => [""]);
  if (inside.length === 0) return undefined;
  const record = await readJson(join(out, RECORD)).catch(() => undefined);
  const key = (record as { key?: unknown } | undefined)?.key;
  if (typeof key === "string") return key;
  throw new ConfigError(
    `--out ${out}: is there and was not made by this command. Choose another folder, or remove it.`,
  );
}
