/**
 * What a run, its seeds or a study need not keep: weights of models that were trained or derived on the way, and what attempts that were cut
 * off left. Labels, scores, responses, metrics and reports stay, so that a pruned run is reported and compared as before; a later run
 * makes a model again only where a stage after it runs (`stages/pruned.ts`).
 */
import { readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import { exists, folderBytes, isLink, writeJsonAtomic } from "../../base/core/files.ts";
import { takeLock } from "../../base/core/lock.ts";
import { PRUNED_NOTE } from "../../base/core/model-path.ts";
import { didYouMean } from "../../base/core/suggest.ts";
import { RECORD, readStageRecord, type StageRecord } from "../stages/cache.ts";
import { checkLayout } from "../stages/layout.ts";
import { folderStatus } from "./status.ts";
import { stageFolders } from "./verify.ts";

/** What is kept, and whether anything is done. */
export type PruneOptions = {
  /** Version of the code, as for `status`. */
  readonly code: string;
  /** Names of `KEPT_GROUPS`, or of stages: "student-weak". */
  readonly keep?: readonly string[];
  /** Also what attempts that were cut off left: a later run begins them anew. */
  readonly attempts?: boolean;
  /** Removes; else it is only said what would be. */
  readonly apply?: boolean;
};

/** A stage's folder and the bytes of it that go, or stay for a reason. */
export type PrunedPart = {
  readonly stage: string;
  readonly folder: string;
  readonly bytes: number;
  /** Why its model stays; null of one that goes. */
  readonly kept: string | null;
};

/** What goes, or went. */
export type Pruned = {
  readonly folder: string;
  /** Its report is there and nothing is begun: no stage is to come. */
  readonly finished: boolean;
  readonly models: readonly PrunedPart[];
  /** Of attempts that were cut off. */
  readonly attempts: readonly PrunedPart[];
  /** Bytes that are freed. */
  readonly bytes: number;
  readonly applied: boolean;
};

/** Models by what they are for, by the names of their stages. */
export const KEPT_GROUPS: Readonly<Record<string, RegExp>> = {
  students: /^student-(?!sft-|vocabulary$)/,
  starts: /^student-sft-/,
  teachers: /^teacher-(?!vocabulary)/,
  bases: /^(import-|first-layers|merge-)|-layers$|-vocabulary/,
};

const WEIGHTS = /(^|\/)model[^/]*\.safetensors$/;
/** A model that is kept as an adapter reads its weights in the model that it was trained on. */
const ADAPTED = "model/adapter_config.json";
const MEASURED = /^test-accuracy-/;

/**
 * Says what a run's folder, or a study's, need not keep, and removes it where that is asked for.
 * @throws ConfigError when it is no such folder, somebody works in it, or a name to keep is none
 */
export async function pruneFolder(path: string, options: PruneOptions): Promise<Pruned> {
  const { keep = [], attempts = false, apply = false } = options;
  const folder = resolve(path);
  await checkPrunable(folder, path, options.code);
  const stages = await finishedStages(folder);
  const left = await attemptsIn(folder);
  checkNames(keep, stages);
  const finished = (await exists(join(folder, "report.json"))) && left.length === 0;
  const measured = new Set(
    stages.flatMap(({ record: { identity } }) =>
      MEASURED.test(identity.name) ? Object.values(identity.inputs) : [],
    ),
  );
  const carried = new Set(
    stages.flatMap(({ record: { identity, outputs } }) =>
      outputs[ADAPTED] !== undefined && identity.inputs["model"] !== undefined
        ? [identity.inputs["model"]]
        : [],
    ),
  );
  const models: PrunedPart[] = [];
  for (const { folder: place, record } of stages) {
    const files = await weightsIn(place, record);
    if (files.length === 0) continue;
    const stage = record.identity.name;
    const isDone = KEPT_GROUPS["students"]!.test(stage) && measured.has(record.digest);
    const kept = isKept(stage, keep)
      ? "asked for"
      : carried.has(record.digest)
        ? "a model that is kept as an adapter stands on it"
        : finished || isDone
          ? null
          : "stages to come may need it";
    models.push({ stage, folder: place, bytes: bytesOf(files, record), kept });
    if (apply && kept === null) await pruneStage(place, record, files);
  }
  const gone = left.map((part) => ({ ...part, kept: attempts ? null : "a later run goes on from it" }));
  if (apply && attempts) for (const part of gone) await rm(part.folder, { recursive: true, force: true });
  const bytes = [...models, ...gone].reduce((sum, part) => sum + (part.kept === null ? part.bytes : 0), 0);
  return { folder, finished, models, attempts: gone, bytes, applied: apply };
}

async function checkPrunable(folder: string, path: string, code: string): Promise<void> {
  await checkLayout(folder);
  const stages = join(folder, "stages");
  if (!(await exists(stages)))
    throw new ConfigError(
      (await exists(join(folder, RECORD)))
        ? `${path}: is one command's result, not a run or a study. Remove what you do not need of it yourself.`
        : `${path}: is no run and no study, expected a folder with stages/ in it.`,
    );
  if (await isLink(stages))
    throw new ConfigError(
      `${path}: is one seed of several, whose results lie together. Give the folder of all: ${dirname(folder)}.`,
    );
  const { stages: known } = await folderStatus(folder, code);
  const running = known.filter(({ state }) => state === "running").map(({ name }) => name);
  if (running.length > 0)
    throw new ConfigError(`${path}: somebody works on ${running.join(", ")}. Prune it when they are done.`);
}

type FinishedStage = { readonly folder: string; readonly record: StageRecord };

async function finishedStages(folder: string): Promise<FinishedStage[]> {
  const found: FinishedStage[] = [];
  for (const place of await stageFolders(folder)) {
    const record = place === folder ? undefined : await readStageRecord(place);
    if (record !== undefined && !basename(place).startsWith(".")) found.push({ folder: place, record });
  }
  return found;
}

/** Work folders, and results that another took the place of and that could not be removed then. */
async function attemptsIn(folder: string): Promise<Omit<PrunedPart, "kept">[]> {
  const stages = join(folder, "stages");
  const names = (await readdir(stages)).filter((name) => /^\.(work|old)-/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => ({
      stage: name.replace(/^\.(work|old)-/, "").replace(/-[0-9a-f]{12}$/, ""),
      folder: join(stages, name),
      bytes: await folderBytes(join(stages, name)),
    })),
  );
}

/** @throws ConfigError for a name to keep that is neither a group nor a stage of the folder */
function checkNames(keep: readonly string[], stages: readonly FinishedStage[]): void {
  const known = [...Object.keys(KEPT_GROUPS), ...new Set(stages.map(({ record }) => record.identity.name))];
  const wrong = keep.filter((name) => !known.includes(name));
  if (wrong.length > 0)
    throw new ConfigError(
      wrong.map(
        (name) =>
          `--keep ${name}: is neither a group (${Object.keys(KEPT_GROUPS).join(", ")}) nor a finished stage here${didYouMean(name, known) || "."}`,
      ),
    );
}

const isKept = (stage: string, keep: readonly string[]): boolean =>
  keep.some((name) => name === stage || KEPT_GROUPS[name]?.test(stage));

async function weightsIn(folder: string, { outputs }: StageRecord): Promise<string[]> {
  const files = Object.keys(outputs).filter((path) => WEIGHTS.test(path));
  const there = await Promise.all(files.map((path) => exists(join(folder, path))));
  return files.filter((_, i) => there[i]);
}

const bytesOf = (files: readonly string[], { outputs }: StageRecord): number =>
  files.reduce((sum, path) => sum + outputs[path]!.bytes, 0);

/** Writes down what goes before it goes: whoever dies between the two leaves a stage that is known, whole or pruned. */
async function pruneStage(folder: string, record: StageRecord, files: readonly string[]): Promise<void> {
  const lock = await takeLock(join(dirname(folder), `.lock-${basename(folder)}`));
  try {
    const pruned = [...new Set([...(record.pruned ?? []), ...files])].sort();
    await writeJsonAtomic(join(folder, RECORD), { ...record, pruned });
    const note = `Its weights were pruned. To have them made again: weak-teacher stage RUN --only ${record.identity.name}`;
    for (const place of new Set(files.map((path) => join(folder, dirname(path)))))
      await writeFile(join(place, PRUNED_NOTE), `${note}\n`);
    for (const path of files) await rm(join(folder, path), { force: true });
  } finally {
    await lock.release();
  }
}
