/**
 * How far a stage at work is, in a file of its scratch folder, so that others can look: what its progress bar counts, and since when. A disk
 * that takes no such file stops nothing; the file goes with the scratch folder.
 */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readJson } from "../../base/core/files.ts";
import type { Log } from "../../base/core/log.ts";
import { SCRATCH } from "./cache.ts";
import type { JobDeps } from "./deps.ts";
import type { WorkFolder } from "./stage.ts";

const PROGRESS = "progress.json";
/** The file is written anew so often. */
const EVERY_MS = 2000;

const progressSchema = z.object({
  /** What is done: "student-weak", "generate". */
  label: z.string(),
  /** What is counted: "steps", "pairs". */
  unit: z.string(),
  done: z.number(),
  /** 0 where it is not known. */
  total: z.number(),
  /** Units a second since this process began; null before there are any. */
  perSecond: z.number().nullable(),
  pid: z.number(),
});

/** What a stage at work counts. */
export type StageProgress = z.output<typeof progressSchema> & {
  /** Seconds left at this rate; null where it or the total is not known. */
  readonly secondsLeft: number | null;
};

/** A stage's dependencies with a log whose progress is in its work folder, too. */
export const atWork = <D extends Omit<JobDeps, "pipeline">>(deps: D, work: WorkFolder): D => ({
  ...deps,
  log: withProgressFile(deps.log, work.scratch),
});

function withProgressFile(log: Log, scratch: string): Log {
  const path = join(scratch, PROGRESS);
  const attempt = (act: () => void) => {
    try {
      act();
    } catch {
      // Whoever looks sees less; the stage itself will say what is wrong with the disk.
    }
  };
  return {
    ...log,
    progress(label, total, unit) {
      const shown = log.progress(label, total, unit);
      const startedMs = performance.now();
      let writtenMs = Number.NEGATIVE_INFINITY;
      return {
        update(done, note, before = 0) {
          shown.update(done, note, before);
          const nowMs = performance.now();
          if (nowMs - writtenMs < EVERY_MS) return;
          writtenMs = nowMs;
          const seconds = (nowMs - startedMs) / 1000;
          const perSecond = done > before && seconds > 0 ? (done - before) / seconds : null;
          const value: z.input<typeof progressSchema> = {
            label,
            unit,
            done,
            total,
            perSecond,
            pid: process.pid,
          };
          // At once and by a rename: nothing of it is under way when the stage's folder is finished.
          attempt(() => {
            writeFileSync(`${path}.new`, JSON.stringify(value));
            renameSync(`${path}.new`, path);
          });
        },
        end(note) {
          shown.end(note);
          attempt(() => rmSync(path, { force: true }));
        },
      };
    },
  };
}

/** What a stage counts, by its work folder; undefined where it counts nothing just now. */
export async function readProgress(work: string): Promise<StageProgress | undefined> {
  const read = await readJson(join(work, SCRATCH, PROGRESS)).catch(() => undefined);
  const parsed = progressSchema.safeParse(read);
  if (!parsed.success) return undefined;
  const { done, total, perSecond } = parsed.data;
  const secondsLeft = perSecond === null || total === 0 ? null : Math.max(0, total - done) / perSecond;
  return { ...parsed.data, secondsLeft };
}
