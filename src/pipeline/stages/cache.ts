/**
 * Results of stages on disk: `<folder>/<name>-<key>/` with the outputs and `stage.json`, which appears with one rename when everything
 * in it is written and synced. An unfinished stage is `.work-<name>-<key>/`; nobody else reads it.
 */
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import {
  type Contents,
  contentsProblem,
  digestContents,
  LOG_FOLDER,
  readContents,
} from "../../base/core/contents.ts";
import { AlignError, messageOf } from "../../base/core/errors.ts";
import { ensureFolder, exists, readJson, replaceFolder, writeJsonAtomic } from "../../base/core/files.ts";
import { removeTemporaries } from "../../base/core/temporaries.ts";
import { markFolder } from "./in-place.ts";
import { type Artefact, artefactAt, folderName, type Identity, keyOf, type WorkFolder } from "./stage.ts";
import { TOOL_FILE, toolSchema } from "./tool.ts";
import { prunedFiles, refuseChanged, stageProblem } from "./verify.ts";

/** Name of the record in a finished stage's folder. */
export const RECORD = "stage.json";
/** What a folder of stages looks like, written into every record: 1 is weak-teacher 0.1, whose labels are read and whose runs are not (`layout.ts`). */
export const LAYOUT = 2;
/** Where a stage works that is not done: checkpoints, and the curves of a training. Gone when it is done. */
export const SCRATCH = "scratch";
/** Beginning of the name of a result that another takes the place of. */
const OLD = ".old-";

const recordSchema = z.object({
  format: z.union([z.literal(1), z.literal(LAYOUT)]),
  key: z.string(),
  digest: z.string(),
  identity: z.object({
    name: z.string(),
    version: z.number(),
    code: z.string(),
    config: z.unknown(),
    inputs: z.record(z.string(), z.string()),
  }),
  outputs: z.record(z.string(), z.object({ bytes: z.number(), sha256: z.string() })),
  /** Files of it that `prune` took away. */
  pruned: z.array(z.string()).optional(),
  /** ISO date and seconds of work of the last attempt; not part of any digest. */
  finishedAt: z.string(),
  elapsedSeconds: z.number(),
  /** True when an earlier attempt had been cut off. */
  resumed: z.boolean(),
  node: z.string(),
  /** The program of others that did the work, where one did. */
  tool: toolSchema.optional(),
});

/** `stage.json`. */
export type StageRecord = z.infer<typeof recordSchema>;

/** What is known of a stage before it runs. */
export type Found =
  | {
      readonly state: "cached";
      readonly artefact: Artefact;
      readonly record: StageRecord;
      /** Files of it were pruned: it is known, and made again when a stage after it runs. */
      readonly pruned: boolean;
    }
  /** An earlier attempt was cut off. */
  | { readonly state: "begun" }
  /** There is a folder, but files of it are missing. */
  | { readonly state: "damaged"; readonly problem: string }
  /** Files of it are not what the stage made. */
  | { readonly state: "changed"; readonly folder: string; readonly text: string }
  | { readonly state: "absent" };

/** The record of a finished stage's folder; undefined when the folder is none. */
export async function readStageRecord(folder: string): Promise<StageRecord | undefined> {
  return recordSchema.safeParse(await readJson(join(folder, RECORD)).catch(() => undefined)).data;
}

/** What is missing is for who reads it to say. @throws DataError when a file of a finished stage is not what the stage made */
export async function checkUnchanged(folder: string, record: StageRecord): Promise<void> {
  const problem = await stageProblem(folder, record);
  if (problem?.missing === false) refuseChanged(folder, problem);
}

/** Names of the stages that have some result in a folder, whatever their keys. */
export async function keptNames(folder: string): Promise<Set<string>> {
  const names = await readdir(folder).catch(() => []);
  const records = await Promise.all(names.map((name) => readStageRecord(join(folder, name))));
  return new Set(records.flatMap((record) => record?.identity.name ?? []));
}

/** Looks a stage up. */
export async function findStage(folder: string, identity: Identity): Promise<Found> {
  const key = keyOf(identity);
  const done = await findAt(finishedFolder(folder, identity, key), identity);
  if (done.state !== "absent") return done;
  return { state: (await exists(workFolder(folder, identity, key))) ? "begun" : "absent" };
}

/** Looks whether a folder is a stage's result. */
export async function findAt(done: string, identity: Identity): Promise<Found> {
  if (!(await exists(done))) return { state: "absent" };
  const record = await readStageRecord(done);
  if (record === undefined) return { state: "damaged", problem: `${RECORD} cannot be read` };
  if (record.key !== keyOf(identity)) return { state: "damaged", problem: `${RECORD} is of another stage` };
  const problem = await stageProblem(done, record);
  if (problem?.missing === true) return { state: "damaged", problem: problem.text };
  if (problem !== undefined) return { state: "changed", folder: done, text: problem.text };
  const pruned = (await prunedFiles(done, record)).length > 0;
  return { state: "cached", artefact: artefactAt(identity.name, done, record.digest), record, pruned };
}

/** Moves a stage's result to a place of its own, replacing what is there (`replaceFolder`). The caller holds the stage's lock. */
export async function publishStage({ folder, stage, digest }: Artefact, place: string): Promise<Artefact> {
  try {
    await replaceFolder(folder, place, join(dirname(folder), `${OLD}${basename(folder)}`));
    return artefactAt(stage, place, digest);
  } catch (error) {
    throw diskError(place, error);
  }
}

/** Removes a folder of stages if nothing is in it but what `publishStage` moved aside and could not remove any more. */
export async function removeIfEmpty(folder: string): Promise<void> {
  const inside = await readdir(folder).catch(() => []);
  for (const name of inside.filter((one) => one.startsWith(OLD)))
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  await rmdir(folder).catch(() => {});
}

/** Where the lock of a stage lies. */
export function lockPath(folder: string, identity: Identity): string {
  return join(folder, `.lock-${folderName(identity.name, keyOf(identity))}`);
}

/**
 * Opens a stage's work folder, with what an earlier attempt left in it. The caller holds the stage's lock, or is one of several that
 * share the folder (`shared`): then half-written files may be another's, and stay.
 */
export async function openWork(
  folder: string,
  identity: Identity,
  { shared = false }: { shared?: boolean } = {},
): Promise<WorkFolder> {
  const work = workFolder(folder, identity, keyOf(identity));
  await ensureFolder(folder);
  // Of several processes that come at once, one made it.
  const resumed = await mkdir(work).then(
    () => false,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return true;
      throw error;
    },
  );
  await ensureFolder(join(work, SCRATCH));
  if (!shared) await removeTemporaries(work);
  await markFolder(work);
  const path = (...parts: string[]) => join(work, ...parts);
  return { folder: work, resumed, scratch: path(SCRATCH), log: path(LOG_FOLDER), path };
}

/** Removes a stage's result and what an attempt left of it. The caller holds the stage's lock. */
export async function discardStage(folder: string, identity: Identity): Promise<void> {
  const key = keyOf(identity);
  for (const path of [finishedFolder(folder, identity, key), workFolder(folder, identity, key)])
    await rm(path, { recursive: true, force: true });
}

/**
 * Makes a work folder the stage's result: writes the record, then renames. The caller holds the stage's lock. Until the record is there
 * an attempt may have to go on from its checkpoints, so they are removed last.
 * @throws AlignError "io" when the disk does not take it; "pipeline" when the stage made nothing
 */
export async function finishStage(
  folder: string,
  identity: Identity,
  work: WorkFolder,
  elapsedSeconds: number,
): Promise<Artefact> {
  const key = keyOf(identity);
  try {
    const outputs: Contents = await readContents(work.folder, [RECORD, `${SCRATCH}/`]);
    if (Object.keys(outputs).length === 0) throw new Error(`internal: stage ${identity.name} made no file`);
    const digest = digestContents(outputs);
    const tool = (await exists(work.path(TOOL_FILE.name))) ? await TOOL_FILE.read(work) : undefined;
    const record: StageRecord = {
      format: LAYOUT,
      key,
      digest,
      identity: { ...identity, inputs: { ...identity.inputs } },
      outputs,
      finishedAt: new Date().toISOString(),
      elapsedSeconds,
      resumed: work.resumed,
      node: process.version,
      ...(tool && { tool }),
    };
    await writeJsonAtomic(join(work.folder, RECORD), record);
    return await putInPlace(folder, identity, record);
  } catch (error) {
    throw diskError(work.folder, error);
  }
}

/** Ends what `finishStage` was killed in: undefined unless the work folder holds a whole result. The caller holds the stage's lock. */
export async function finishRecorded(
  folder: string,
  identity: Identity,
): Promise<{ artefact: Artefact; record: StageRecord } | undefined> {
  const work = workFolder(folder, identity, keyOf(identity));
  const record = await readStageRecord(work);
  if (record?.key !== keyOf(identity)) return undefined;
  if ((await contentsProblem(work, record.outputs)) !== undefined) return undefined;
  return { artefact: await putInPlace(folder, identity, record), record };
}

async function putInPlace(
  folder: string,
  identity: Identity,
  { key, digest }: StageRecord,
): Promise<Artefact> {
  const work = workFolder(folder, identity, key);
  await rm(join(work, SCRATCH), { recursive: true, force: true });
  const done = finishedFolder(folder, identity, key);
  // One that was pruned stays until this one is whole.
  if ((await readStageRecord(done))?.pruned !== undefined)
    await replaceFolder(work, done, join(folder, `${OLD}${folderName(identity.name, key)}`));
  else
    await rename(work, done).catch((error: NodeJS.ErrnoException) => {
      if (!IN_THE_WAY.includes(error.code ?? "")) throw error;
      throw new AlignError(
        "io",
        `${done}: was put there by somebody else while the stage worked, expected nothing. Move it away and run the same command again; what the stage made lies whole in ${work}.`,
        { cause: error },
      );
    });
  return artefactAt(identity.name, done, digest);
}

/** What a rename onto something that is there answers. */
const IN_THE_WAY = ["ENOTEMPTY", "EEXIST", "ENOTDIR"];

/** Gives failures of the disk a message that says what to do; everything else passes through. */
export function diskError(where: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (error instanceof AlignError || code === undefined) return error;
  const advice: Record<string, string> = {
    ENOSPC: "The disk is full: free space and run the same command again; finished work is kept.",
    EDQUOT: "Your disk quota is used up: free space and run the same command again; finished work is kept.",
    EACCES: "The folder cannot be written: choose another with --out.",
    EROFS: "The file system is read-only: choose another folder with --out.",
  };
  if (advice[code] === undefined) return error;
  return new AlignError("io", `${where}: ${messageOf(error)}. ${advice[code]}`, { cause: error });
}

function finishedFolder(folder: string, { name }: Identity, key: string): string {
  return join(folder, folderName(name, key));
}

function workFolder(folder: string, { name }: Identity, key: string): string {
  return join(folder, `.work-${folderName(name, key)}`);
}
