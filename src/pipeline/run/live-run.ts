/**
 * A run as it grows, told by its files alone: what each look finds new in the stages' metrics and in the log. Where a look left off is a
 * text, so that whoever was cut off goes on from there and misses nothing.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { LOG_FOLDER } from "../../base/core/contents.ts";
import { exists } from "../../base/core/files.ts";
import { AT_START, readTail, type TailMark } from "../../base/files/tail.ts";
import { SCRATCH } from "../stages/cache.ts";
import { RUN_LOG } from "./run-log.ts";

/** New points of one stage. `again`: what was known of it is to be forgotten first, for its file was written anew. */
export type StageGrowth = {
  /** The stage's name with the digest of its key: one for each result. */
  readonly stage: string;
  readonly again: boolean;
  /** Steps and values of each metric. */
  readonly points: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
};

/** What a look found. `cursor` is where the next one begins. */
export type RunGrowth = {
  readonly stages: readonly StageGrowth[];
  readonly log: readonly string[];
  readonly cursor: string;
};

const WORK = ".work-";
const METRICS = "metrics.jsonl";
/** What is no curve: the x axis and what grows with it. */
const NO_CURVE = new Set(["global_step", "epoch", "num_tokens"]);
/** Lines of the log that a first look gives. */
const LOG_LINES = 200;

const markSchema = z.tuple([z.number().int().min(0), z.string().max(12)]);
const cursorSchema = z.record(z.string().max(200), markSchema);

/**
 * Looks at a run's folder.
 * @param cursor - of the last look; empty, or no cursor of ours: everything is new
 */
export async function lookAtRun(folder: string, cursor = ""): Promise<RunGrowth> {
  const marks = marksIn(cursor);
  const stages: StageGrowth[] = [];
  const next: Record<string, z.infer<typeof markSchema>> = {};
  const keep = (name: string, mark: TailMark) => {
    next[name] = [mark.offset, mark.check];
  };
  for (const { stage, path } of await metricsIn(join(folder, "stages"))) {
    const { lines, mark, again } = await readTail(path, marks.get(stage) ?? AT_START);
    keep(stage, mark);
    if (lines.length > 0 || again) stages.push({ stage, again, points: pointsOf(lines) });
  }
  const log = await readTail(join(folder, RUN_LOG), marks.get(RUN_LOG) ?? AT_START);
  keep(RUN_LOG, log.mark);
  return { stages, log: log.lines.slice(-LOG_LINES), cursor: JSON.stringify(next) };
}

function marksIn(cursor: string): Map<string, TailMark> {
  try {
    const parsed = cursorSchema.safeParse(JSON.parse(cursor));
    if (!parsed.success) return new Map();
    return new Map(Object.entries(parsed.data).map(([name, [offset, check]]) => [name, { offset, check }]));
  } catch {
    return new Map();
  }
}

/** A stage at work and the same stage finished are one: its folder is renamed, and its curves go from scratch to its log (`keepCurves`). */
async function metricsIn(place: string): Promise<{ readonly stage: string; readonly path: string }[]> {
  const names = (await readdir(place).catch(() => [])).sort();
  const found = new Map<string, string>();
  for (const name of names) {
    const isAtWork = name.startsWith(WORK);
    const stage = isAtWork ? name.slice(WORK.length) : name;
    if (stage.startsWith(".")) continue;
    const own = join(place, name, SCRATCH, METRICS);
    found.set(stage, isAtWork && (await exists(own)) ? own : join(place, name, LOG_FOLDER, METRICS));
  }
  return [...found].map(([stage, path]) => ({ stage, path }));
}

function pointsOf(lines: readonly string[]): StageGrowth["points"] {
  const points: Record<string, [number, number][]> = {};
  for (const line of lines) {
    const values = numbersIn(line);
    const step = values["global_step"];
    if (step === undefined) continue;
    for (const [name, value] of Object.entries(values))
      if (!NO_CURVE.has(name)) {
        points[name] ??= [];
        points[name].push([step, value]);
      }
  }
  return points;
}

/** A line that is none is passed over: a curve is an illustration; the numbers of the run are elsewhere. */
function numbersIn(line: string): Record<string, number> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return {};
    const entries = Object.entries(value).filter(
      ([name, one]) => typeof one === "number" && name !== "__proto__",
    );
    return Object.fromEntries(entries) as Record<string, number>;
  } catch {
    return {};
  }
}
