/** What every stage of the main job works with. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { ensureFolder } from "../../base/core/files.ts";
import type { Log } from "../../base/core/log.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import type { StageDeps } from "../../method/train/job.ts";
import { EVENTS } from "../../method/train/run-folder.ts";
import type { Pipeline } from "./pipeline.ts";
import type { WorkFolder } from "./stage.ts";

/** The runtime is opened when a stage first computes: a run in which everything is kept starts no thread. */
export type JobDeps = {
  readonly pipeline: Pipeline;
  readonly runtime: () => Runtime;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Folder of endpoints' replies, for all stages of a run and all its later versions; default the stage's own log folder. */
  readonly replies?: string | undefined;
};

/** The part that training and evaluation take. */
export const stageDeps = ({ runtime, log, signal }: Omit<JobDeps, "pipeline">): StageDeps => ({
  runtime: runtime(),
  log,
  signal,
});

/** Files of a training run that are kept beside its model: curves, not part of the result. */
const KEPT = ["metrics.jsonl", EVENTS];

/** Copies a training run's curves from its scratch folder into the stage's log folder. */
export async function keepCurves(work: WorkFolder): Promise<void> {
  await ensureFolder(work.log);
  const copied = KEPT.map((name) =>
    cp(join(work.scratch, name), join(work.log, name), { recursive: true, force: true }),
  );
  for (const result of await Promise.allSettled(copied)) {
    if (result.status === "rejected" && (result.reason as NodeJS.ErrnoException).code !== "ENOENT")
      throw result.reason;
  }
}
