/** What stages work with, opened: a pipeline over a folder, and a runtime that starts when a stage first computes. */
import { silentLog } from "../../base/core/log.ts";
import { removeDeadTemporaries } from "../../base/core/temporaries.ts";
import { lateRuntime } from "../../engine/runtime/late-runtime.ts";
import type { RuntimeOptions } from "../../engine/runtime/runtime.ts";
import type { JobDeps } from "./deps.ts";
import { openPipeline } from "./pipeline.ts";
import type { PipelineOptions, StageStep } from "./steps.ts";

/** Where and how stages run. */
export type DepsOptions = RuntimeOptions & PipelineOptions;

/** Does some work with stages and closes what was opened for it. @returns what came of it, and what was done */
export async function withDeps<T>(
  { device, threads, ...options }: DepsOptions,
  work: (deps: JobDeps) => Promise<T>,
): Promise<{ readonly result: T; readonly steps: readonly StageStep[] }> {
  const compute = {
    device,
    threads,
  };
  if (options.mode !== "plan") await removeDeadTemporaries(options.folder);
  const pipeline = openPipeline(options);
  const runtime = lateRuntime(() => compute);
  try {
    const { log = silentLog, signal } = options;
    const result = await work({ pipeline, runtime: runtime.get, log, signal });
    return { result, steps: pipeline.steps() };
  } finally {
    await runtime.close();
  }
}
