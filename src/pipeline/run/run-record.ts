/**
 * What a run made, in its own folder: `run.json` names the stage and the digest of every artefact that its report stands on, by paths inside
 * the folder. With it a finished run is reported and exported without its models, its data and the place it was computed in.
 */
import { isAbsolute, join, relative, resolve } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { exists, readJson, readText, writeJsonAtomic } from "../../base/core/files.ts";
import { isObject } from "../../base/settings/parts.ts";
import { armRows } from "../job/arm-rows.ts";
import type { JobResult, MeasuredStudent } from "../job/main-job.ts";
import { type ArmStudent, startOf } from "../job/student-stages.ts";
import { jobOf } from "../recipe/job.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { Recipe } from "../recipe/schema.ts";
import { RESOLVED } from "../recipe/write.ts";
import { checkUnchanged, readStageRecord } from "../stages/cache.ts";
import { type Artefact, artefactAt } from "../stages/stage.ts";
import type { StageStep } from "../stages/steps.ts";

const FILE = "run.json";

/** What the record of a run holds beside the result. */
type Written = {
  readonly version: string;
  /** Of the recipe beside it: another one makes another run. */
  readonly recipe: string;
  readonly steps: readonly StageStep[];
  readonly result: unknown;
};

/** Writes down what a finished run made. @param code - version of the package */
export async function writeRunRecord(
  folder: string,
  result: JobResult,
  steps: readonly StageStep[],
  code: string,
): Promise<void> {
  const inside = (path: string | undefined) => path && relative(resolve(folder), path);
  const written: Written = {
    version: code,
    recipe: await recipeDigest(folder),
    steps: steps.map((step) => ({ ...step, folder: inside(step.folder) })),
    result: packed(result, resolve(folder)),
  };
  await writeJsonAtomic(join(folder, FILE), written);
}

/** A finished run as its record says, planned from nothing else. */
export type RecordedRun = {
  readonly job: MainJob;
  readonly result: JobResult;
  readonly steps: readonly StageStep[];
};

/**
 * A finished run by its record; undefined where there is none, it is of another recipe or version, or an artefact is not there.
 * @param asked - the recipe in the folder
 * @throws DataError when a file of an artefact is not what its stage made
 */
export async function readRunRecord(
  folder: string,
  asked: Recipe,
  code: string,
): Promise<RecordedRun | undefined> {
  if (!(await exists(join(folder, FILE)))) return undefined;
  const written = (await readJson(join(folder, FILE)).catch(() => undefined)) as Written | undefined;
  if (written?.version !== code || written.recipe !== (await recipeDigest(folder))) return undefined;
  const root = resolve(folder);
  const found: Artefact[] = [];
  const result = unpacked(written.result, root, found) as JobResult;
  if (!(await areThere(found))) return undefined;
  const job = jobOf(asked);
  const steps = written.steps.map((step) => ({
    ...step,
    state: "cached" as const,
    folder: step.folder && join(root, step.folder),
  }));
  const arms = result.arms.map((arm) => withRows(job, arm));
  const students = result.students.map((student): MeasuredStudent => {
    const arm = job.arms.find(({ name }) => name === student.name);
    return { ...student, arm };
  });
  return { job, steps, result: { ...result, arms, students } };
}

const recipeDigest = async (folder: string): Promise<string> =>
  digestOf(await readText(join(folder, RESOLVED)));

async function areThere(artefacts: readonly Artefact[]): Promise<boolean> {
  for (const [folder, { digest }] of new Map(artefacts.map((one) => [one.folder, one]))) {
    const record = await readStageRecord(folder);
    if (record === undefined || record.digest !== digest) return false;
    await checkUnchanged(folder, record);
  }
  return true;
}

/** How an arm's rows are made of artefacts is code, which no file holds. */
function withRows(job: MainJob, student: ArmStudent): ArmStudent {
  const arm = job.arms.find(({ name }) => name === student.name)!;
  const { pairs: data, labels, sftRows } = student;
  const weak = [sftRows?.from, sftRows?.beside].find((one) => one?.stage.startsWith("weak-labels")) ?? labels;
  const [start] = startOf(arm);
  return {
    ...student,
    arm,
    rows: armRows({ job, data, weak: labels }, arm.rows),
    sftRows: start && armRows({ job, data, weak }, start[1]),
  };
}

/** In place of an artefact, and of a folder in the run's. */
const ARTEFACT = "artefact";
const INSIDE = "inside";

const isArtefact = (value: object): value is Artefact =>
  "stage" in value && "digest" in value && "path" in value && typeof value.path === "function";

function packed(value: unknown, root: string): unknown {
  if (typeof value === "string" && isAbsolute(value) && !relative(root, value).startsWith(".."))
    return { [INSIDE]: relative(root, value) };
  if (Array.isArray(value)) return value.map((item) => packed(item, root));
  if (typeof value === "function" || !isObject(value)) return typeof value === "function" ? undefined : value;
  if (isArtefact(value))
    return { [ARTEFACT]: { stage: value.stage, folder: relative(root, value.folder), digest: value.digest } };
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, packed(member, root)]));
}

/** @param found - the artefacts in it are added to this list */
function unpacked(value: unknown, root: string, found: Artefact[]): unknown {
  if (Array.isArray(value)) return value.map((item) => unpacked(item, root, found));
  if (!isObject(value)) return value;
  const inside = value[INSIDE];
  if (typeof inside === "string") return join(root, inside);
  const packedArtefact = value[ARTEFACT];
  if (isObject(packedArtefact)) {
    const { stage, folder, digest } = packedArtefact;
    const artefact = artefactAt(String(stage), join(root, String(folder)), String(digest));
    found.push(artefact);
    return artefact;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, unpacked(member, root, found)]),
  );
}
