/** What stages will put on the disk: models that stay and checkpoints that lie beside them while they are trained. Scores, responses and logs are small beside these and not counted. */
import { formatBytes } from "../../base/core/log.ts";
import { STORIES } from "../../engine/checkpoint/stories15m.ts";
import { parameterCount } from "../../engine/model/model.ts";
import { shapeOf } from "../job/model-shape.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { ModelSource } from "../recipe/model-settings.ts";
import { membersOf } from "../recipe/teacher-settings.ts";
import type { StageEstimate } from "./estimate.ts";

/** Bytes of one stage: what stays of it, and what is there at most while it works. */
export type StageDisk = { readonly stage: string; readonly kept: number; readonly peak: number };

/** Of all stages that are to come, one after another, beside what is there already. */
export type DiskEstimate = {
  readonly stages: readonly StageDisk[];
  /** Most bytes at one time, and the stage that works then. */
  readonly peak: number;
  readonly peakAt: string | undefined;
  /** Bytes that stay. */
  readonly end: number;
};

/** @param open - names of the stages that are to come, in their order */
export async function estimateDisk(
  job: MainJob,
  estimates: readonly StageEstimate[],
  open: readonly string[],
): Promise<DiskEstimate> {
  const trained = estimates.flatMap(({ stage, estimate }) =>
    "disk" in estimate ? [{ stage, ...estimate.disk }] : [],
  );
  const known = new Map([...(await derivedModels(job)), ...trained].map((one) => [one.stage, one]));
  return sumDisk(open.flatMap((stage) => known.get(stage) ?? []));
}

/** Stages one after another: each works beside what those before it left. */
export function sumDisk(stages: readonly StageDisk[]): DiskEstimate {
  let [end, peak, peakAt]: [number, number, string | undefined] = [0, 0, undefined];
  for (const one of stages) {
    if (end + one.peak > peak) [peak, peakAt] = [end + one.peak, one.stage];
    end += one.kept;
  }
  return { stages, peak, peakAt, end };
}

/** Models that are imported, cut or trimmed before anything is trained. */
async function derivedModels({ models, teacher, seed }: MainJob): Promise<StageDisk[]> {
  const weak = membersOf(teacher, seed, models.weak).map(({ weak: source, place }) => ({
    source,
    ...(place === 0
      ? { cut: "first-layers", role: "weak" }
      : { cut: `first-layers-${place + 1}`, role: `weak-${place + 1}` }),
  }));
  const all = [...weak, { source: models.student, cut: "first-layers", role: "student" }];
  const found = await Promise.all(all.map(derivedOf));
  return found.flat();
}

async function derivedOf({
  source,
  cut,
  role,
}: {
  readonly source: ModelSource;
  readonly cut: string;
  readonly role: string;
}): Promise<StageDisk[]> {
  const bytesOf = async (model: ModelSource) => 4 * parameterCount((await shapeOf(model)).parameters);
  const stage = async (name: string, model: ModelSource): Promise<StageDisk> => {
    const kept = await bytesOf(model);
    return { stage: name, kept, peak: kept };
  };
  const whole = { source: source.source, vocabulary: "keep" } as const;
  return [
    ...(source.source === STORIES ? [await stage("import-stories15m", whole)] : []),
    ...(source.layers === undefined ? [] : [await stage(cut, { ...source, vocabulary: "keep" })]),
    ...(source.vocabulary === "trim" ? [await stage(`${role}-vocabulary`, source)] : []),
  ];
}

/** A line for each stage, the peak and the end, and what is free. @param free - bytes; undefined where nobody knows */
export function formatDisk({ stages, peak, peakAt, end }: DiskEstimate, free: number | undefined): string {
  if (peakAt === undefined) return "disk: no model is to be made";
  const width = Math.max(...stages.map(({ stage }) => stage.length));
  const lines = stages.map(
    ({ stage, kept, peak: most }) =>
      `${stage.padEnd(width)}  ${formatBytes(kept)} on the disk${most > kept ? `, with checkpoints up to ${formatBytes(most)} while it works` : ""}`,
  );
  const there = free === undefined ? "" : `; ${formatBytes(free)} are free`;
  return `${lines.join("\n")}\ndisk: up to ${formatBytes(peak)} more, while ${peakAt} works, and ${formatBytes(end)} at the end, scores and responses not counted${there}`;
}
