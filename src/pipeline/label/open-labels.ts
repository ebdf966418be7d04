/**
 * Labels of a finished labelling with what lies beside them: the pool they are of, the rules they were made by, held-out pairs, an
 * ensemble's uncertainty, and people's answers of earlier rounds. Opens a folder of `label`, of a run's weak-labels stage, of merged
 * answers, or a bare labels file.
 */

import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { digestPath } from "../../base/core/contents.ts";
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { exists, readJson } from "../../base/core/files.ts";
import { type LoadOptions, readCandidates } from "../../method/data/load.ts";
import { POOL_FILE } from "../../method/data/pool.ts";
import type { CandidatePair } from "../../method/data/rows.ts";
import { digestSources, type Source, sourceName } from "../../method/data/source.ts";
import { UNCERTAINTIES } from "../../method/labels/ensemble-scores.ts";
import { HELD_OUT } from "../../method/labels/held-out-file.ts";
import type { HeldOutPair } from "../../method/labels/human-answers.ts";
import type { Label } from "../../method/labels/label.ts";
import { readLabelFile } from "../../method/labels/label-file.ts";
import { LABEL_FILES } from "../../method/labels/labelling.ts";
import { type Answer, readAnswers } from "../../method/labels/questions.ts";
import { checkUnchanged, readStageRecord, type StageRecord } from "../stages/cache.ts";

/** Name of the stage that merges answers. */
export const ANSWERS_STAGE = "answers";

/** Where a pool is and how it is read; `seed` draws the order of preference data. */
export type PoolSource = {
  readonly file: Source;
  readonly digest: string;
  readonly read: Omit<LoadOptions, "log">;
  readonly seed: number;
};

/** Labels and what lies beside them. */
export type LabelSet = {
  readonly folder: string;
  /** The run whose stage it is. */
  readonly run: string | undefined;
  readonly labels: readonly Label[];
  readonly pool: PoolSource;
  readonly pairs: readonly CandidatePair[];
  /** `facts.json` as it stands; undefined for a bare labels file. */
  readonly facts: unknown;
  readonly heldOut: readonly HeldOutPair[];
  /** Mutual information of an ensemble by id, nats; empty for a single teacher. */
  readonly disagreement: ReadonlyMap<string, number>;
  /** Answers of earlier rounds, and the teacher's own labels of those pairs. */
  readonly answers: readonly Answer[];
  readonly teacherLabels: readonly Label[];
};

/**
 * Opens labels.
 * @param path - a folder with `labels.jsonl`, or such a file
 * @param pool - the pool; a run's own is found without it
 * @param read - how to read it, for a bare labels file: a folder says how its pool was read
 * @throws ConfigError when the pool is missing or not the one that was labelled; DataError for a broken file
 */
export async function openLabelSet(
  path: string,
  pool?: Source,
  read?: Omit<LoadOptions, "log">,
): Promise<LabelSet> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  const file = isFolder ? join(path, LABEL_FILES.labels) : path;
  const folder = dirname(file);
  const labels = await readLabelFile(file);
  const record = isFolder ? await readStageRecord(folder) : undefined;
  if (record !== undefined) await checkUnchanged(folder, record);
  const source = await poolOf(folder, record, pool, read);
  const { pairs: all, humanLabels } = await readCandidates(source.file, {
    ...source.read,
    seed: source.seed,
  });
  if (record === undefined && humanLabels.length > 0)
    throw new ConfigError(
      `--pool ${sourceName(source.file)}: is preference data, whose order of a and b was drawn with a seed that ${path} does not hold. Name the folder that label wrote, not a file of it.`,
    );
  const labelled = new Set(labels.map(({ id }) => id));
  // Skipped rows have no labels: the teacher could not read them.
  const pairs = source.read.onBadRow === "skip" ? all.filter(({ id }) => labelled.has(id)) : all;
  checkPool(sourceName(source.file), pairs, labels);
  const beside = (name: string) => join(folder, name);
  const has = (name: string) => isFolder && exists(beside(name));
  const byId = new Map(labels.map((label) => [label.id, label]));
  const answered = (await has(LABEL_FILES.answers))
    ? await readAnswers(beside(LABEL_FILES.answers), byId)
    : undefined;
  return {
    folder,
    run: record !== undefined && isOfRun(record) ? dirname(dirname(folder)) : undefined,
    labels,
    pool: source,
    pairs,
    facts: (await has(LABEL_FILES.facts)) ? await readJson(beside(LABEL_FILES.facts)) : undefined,
    heldOut: await HELD_OUT.readIfThere(beside(LABEL_FILES.heldOut)),
    disagreement: (await has(LABEL_FILES.uncertainty))
      ? await disagreementAt(beside(LABEL_FILES.uncertainty), byId)
      : new Map(),
    answers: answered?.answers ?? [],
    teacherLabels: answered ? await readLabelFile(beside(LABEL_FILES.teacherLabels)) : [],
  };
}

const configSchema = z.object({ read: z.record(z.string(), z.unknown()), seed: z.number() });

/** A run's labels are made of its data stage. */
const isOfRun = ({ identity }: StageRecord) => "data" in identity.inputs;

/** The pool of labels: as the stage that made them read it, or as named. */
async function poolOf(
  folder: string,
  record: StageRecord | undefined,
  pool: Source | undefined,
  read: Omit<LoadOptions, "log"> | undefined,
): Promise<PoolSource> {
  if (record !== undefined && read !== undefined)
    throw new ConfigError(
      `--map, --format, --header, --ignore, --limit: have no effect here: ${folder} says how its pool was read. Leave them out.`,
    );
  if (record !== undefined && isOfRun(record)) {
    if (pool !== undefined)
      throw new ConfigError(
        "--pool: has no effect on the labels of a run, whose own pool is used. Leave it out.",
      );
    const data = await siblingOf(folder, record.identity.inputs.data);
    const file = join(data, "pool", POOL_FILE);
    return { file, digest: await digestPath(file), read: { onBadRow: "fail" }, seed: 0 };
  }
  if (pool === undefined)
    throw new ConfigError("--pool: is missing. Name the file that was labelled: questions show its texts.");
  const digest = await digestSources(pool);
  if (record === undefined) return { file: pool, digest, read: read ?? { onBadRow: "fail" }, seed: 0 };
  const expected = record.identity.inputs.pool;
  const config = configSchema.safeParse(record.identity.config);
  if (expected === undefined || !config.success)
    throw new ConfigError(`${folder}: was not made by label, by a run's weak-labels stage or by ask.`);
  if (expected !== digest)
    throw new ConfigError(
      `--pool ${sourceName(pool)}: is not the pool that was labelled, expected ${expected.slice(0, 16)}, got ${digest.slice(0, 16)}.`,
    );
  return { file: pool, digest, read: config.data.read as PoolSource["read"], seed: config.data.seed };
}

/** The folder of a run's stage with a digest, beside another stage's. */
async function siblingOf(folder: string, digest: string | undefined): Promise<string> {
  const found = digest === undefined ? undefined : await stageWithDigest(dirname(folder), digest);
  if (found === undefined)
    throw new ConfigError(
      `${folder}: the data stage of its run is not beside it. Name the labels where the run made them.`,
    );
  await checkUnchanged(found.folder, found.record);
  return found.folder;
}

/** A finished stage by its digest, whose files are not looked at; undefined where there is none. @param stages - the folder of a run's stages */
export const stageWithDigest = (stages: string, digest: string) =>
  stageWith(stages, (record) => record.digest === digest);

/** The first finished stage whose record is as asked; its files are not looked at. */
export async function stageWith(
  stages: string,
  isIt: (record: StageRecord) => boolean,
): Promise<{ readonly folder: string; readonly record: StageRecord } | undefined> {
  for (const name of await readdir(stages)) {
    if (name.startsWith(".")) continue;
    const record = await readStageRecord(join(stages, name));
    if (record !== undefined && isIt(record)) return { folder: join(stages, name), record };
  }
  return undefined;
}

/** The folder of the data stage that a run's labels are of, unchecked; undefined for labels of no run, or where it is not beside them. */
export async function dataStageOf(folder: string): Promise<string | undefined> {
  const digest = (await readStageRecord(folder))?.identity.inputs["data"];
  return digest === undefined ? undefined : (await stageWithDigest(dirname(folder), digest))?.folder;
}

function checkPool(file: string, pairs: readonly CandidatePair[], labels: readonly Label[]): void {
  const wrong = labels.findIndex(({ id }, i) => pairs[i]?.id !== id);
  if (wrong < 0 && pairs.length === labels.length) return;
  const at = wrong < 0 ? labels.length : wrong;
  throw new ConfigError(
    `${file}: is not the pool that was labelled: pair ${at + 1} is ${JSON.stringify(pairs[at]?.id ?? null)}, expected ${JSON.stringify(labels[at]?.id ?? null)}.`,
  );
}

async function disagreementAt(
  file: string,
  labels: ReadonlyMap<string, Label>,
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const [i, { id, mutualInformation }] of (await UNCERTAINTIES.read(file)).entries()) {
    if (!labels.has(id)) throw new DataError(file, i + 1, `id ${JSON.stringify(id)} has no label beside it.`);
    found.set(id, mutualInformation);
  }
  return found;
}
