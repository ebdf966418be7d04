/**
 * The file of a run's record: `run.json` names the stage and the digest of every artefact that its report stands on, by paths inside the
 * folder. It needs no recipe and no stage to be read, so that `status` of a finished run answers at once. So does that of one at work by
 * `plan.json`: the names of all its stages, written when it begins.
 */

import { isAbsolute, join, relative, resolve } from "node:path";
import { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { readJson, readText, writeJsonAtomic } from "../../base/core/files.ts";
import { isObject } from "../../base/settings/parts.ts";
import { RESOLVED } from "../recipe/resolved.ts";
import { checkUnchanged, readStageRecord } from "../stages/cache.ts";
import { type Artefact, artefactAt } from "../stages/stage.ts";
import type { StageStep } from "../stages/steps.ts";

const FILE = "run.json";
const PLAN = "plan.json";

/** What the record of a run holds beside the result. */
const writtenSchema = z.object({
  version: z.string(),
  /** Of the recipe beside it: another one makes another run. */
  recipe: z.string(),
  steps: z
    .array(z.custom<StageStep>((step) => isObject(step) && typeof step["name"] === "string"))
    .readonly(),
  result: z.unknown(),
  /** What was reported of it, under all that this was computed from: a report's value as JSON, without the times of stages. */
  report: z.object({ key: z.string(), data: z.unknown() }).optional(),
});
type Written = z.output<typeof writtenSchema>;

/** What was reported, and of what. */
export type KeptReport = NonNullable<Written["report"]>;

/** The record; undefined where there is none, or it is damaged or older, for it is made again of the stages. */
const writtenIn = async (folder: string): Promise<Written | undefined> =>
  writtenSchema.safeParse(await readJson(join(folder, FILE)).catch(() => undefined)).data;

/** What a run made: any value with artefacts in it, and its steps. */
export type Recorded = { readonly result: unknown; readonly steps: readonly StageStep[] };

/** Writes the record of a finished run. @param code - version of the package @param report - undefined while there is none */
export async function writeRecorded(
  folder: string,
  { result, steps }: Recorded,
  code: string,
  report?: KeptReport,
): Promise<void> {
  const inside = (path: string | undefined) => path && relative(resolve(folder), path);
  const written: Written = {
    version: code,
    recipe: await recipeDigest(folder),
    steps: steps.map((step) => ({ ...step, folder: inside(step.folder) })),
    result: packed(result, resolve(folder)),
    report,
  };
  await writeJsonAtomic(join(folder, FILE), written);
}

/**
 * Reads the record; undefined where there is none, it is of another recipe or version, or an artefact is not there.
 * @throws DataError when a file of an artefact is not what its stage made
 */
export async function readRecorded(folder: string, code: string): Promise<Recorded | undefined> {
  const written = await writtenIn(folder);
  if (written?.version !== code || written.recipe !== (await recipeDigest(folder))) return undefined;
  const root = resolve(folder);
  const found: Artefact[] = [];
  const result = unpacked(written.result, root, found);
  if (!(await areThere(found))) return undefined;
  const steps = written.steps.map((step) => ({
    ...step,
    state: "cached" as const,
    folder: step.folder && join(root, step.folder),
  }));
  return { result, steps };
}

/** Writes which stages a run is to have. @param code - version of the package */
export async function writePlan(folder: string, steps: readonly StageStep[], code: string): Promise<void> {
  const stages = steps.map(({ name }) => name);
  await writeJsonAtomic(join(folder, PLAN), { version: code, recipe: await recipeDigest(folder), stages });
}

/** Names of the stages that a run is to have, in their order; undefined where nothing says so of this recipe and this version. */
export async function readPlan(folder: string, code: string): Promise<readonly string[] | undefined> {
  const read = await readJson(join(folder, PLAN)).catch(() => undefined);
  if (!isObject(read) || !Array.isArray(read["stages"])) return undefined;
  if (read["version"] !== code || read["recipe"] !== (await recipeDigest(folder))) return undefined;
  return read["stages"].map(String);
}

/** What was reported under a key, if that was the last. */
export async function readKeptReport(folder: string, key: string): Promise<unknown> {
  const written = await writtenIn(folder);
  return written?.report?.key === key ? written.report.data : undefined;
}

/** Digest of a result, wherever its folder lies. */
export const resultDigest = (result: unknown, folder: string): string =>
  digestOf(packed(result, resolve(folder)));

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
