/**
 * A folder of scores:
 *
 *     manifest.json           what was scored by whom: the teacher's manifest and the shards in order
 *     shards/<digest>.jsonl   raw scores (`score-file.ts`)
 *     claims/                 who works on what just now (`base/core/claims.ts`)
 */
import { join } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { clearShardWork, shardPath } from "../../base/core/shard-work.ts";
import { readScoreFile } from "./score-file.ts";
import type { Shard } from "./shards.ts";
import { type PairScore, type Teacher, type TeacherManifest, teacherDigest } from "./teacher.ts";

/** What `manifest.json` holds; the same for every process and every run. */
export type ScoresManifest = {
  readonly format: "weak-teacher/scores/1";
  readonly teacher: { readonly name: string; readonly digest: string; readonly manifest: TeacherManifest };
  readonly shardSize: number;
  readonly pairs: number;
  readonly shards: readonly Shard[];
  /** SHA-256 of the teacher's digest and the shards' digests. */
  readonly digest: string;
};

const MANIFEST = "manifest.json";

/** The manifest of a pool cut into shards. */
export function manifestOf(
  teacher: Pick<Teacher, "name" | "manifest">,
  shardSize: number,
  shards: readonly Shard[],
): ScoresManifest {
  const digest = teacherDigest(teacher.manifest);
  return {
    format: "weak-teacher/scores/1",
    teacher: { name: teacher.name, digest, manifest: teacher.manifest },
    shardSize,
    pairs: shards.reduce((total, shard) => total + shard.pairs, 0),
    shards,
    digest: digestOf([digest, shards.map((shard) => shard.digest)]),
  };
}

/**
 * Writes the manifest. A folder is one teacher's; another pool, or a longer one, is welcome and keeps the shards it shares.
 * @throws ConfigError when the folder holds another teacher's scores
 */
export async function writeManifest(folder: string, manifest: ScoresManifest): Promise<void> {
  const file = join(folder, MANIFEST);
  if (await exists(file)) {
    const { teacher } = await readScoresManifest(folder);
    if (teacher.digest !== manifest.teacher.digest)
      throw new ConfigError(
        `${folder}: holds the scores of another teacher, expected ${manifest.teacher.digest.slice(0, 16)} (${manifest.teacher.name}), got ${teacher.digest.slice(0, 16)} (${teacher.name}). Choose another folder.`,
      );
  }
  await writeJsonAtomic(file, manifest);
}

/** Reads the manifest of a folder of scores. @throws DataError when it is missing or of another format */
export async function readScoresManifest(folder: string): Promise<ScoresManifest> {
  const file = join(folder, MANIFEST);
  const value = (await readJson(file)) as Partial<ScoresManifest> | null;
  const sound =
    value?.format === "weak-teacher/scores/1" &&
    Array.isArray(value.shards) &&
    value.shards.every(
      (shard: Partial<Shard>) => /^[0-9a-f]{64}$/.test(String(shard.digest)) && Number.isInteger(shard.pairs),
    ) &&
    typeof value.teacher?.digest === "string";
  if (!sound)
    throw new DataError(
      file,
      0,
      "is no manifest of scores, expected format weak-teacher/scores/1. Label the pool again.",
    );
  return value as ScoresManifest;
}

/**
 * The scores of a finished folder in the order of its pool, one shard in memory at a time.
 * @throws DataError when a shard is missing or damaged
 */
export async function* readScores(folder: string): AsyncGenerator<PairScore, void, undefined> {
  const { shards } = await readScoresManifest(folder);
  for (const shard of shards) {
    const file = shardPath(folder, shard.digest);
    await checkShardThere(file);
    const scores = await readScoreFile(file);
    if (scores.length !== shard.pairs)
      throw new DataError(file, 0, `is damaged, expected ${shard.pairs} rows, got ${scores.length}.`);
    yield* scores;
  }
}

/**
 * Makes a finished folder hold scores and nothing else, whoever worked in it and was killed in between. Nobody works in it any more.
 * @throws DataError when a shard is missing
 */
export async function closeScores(folder: string): Promise<void> {
  const { shards } = await readScoresManifest(folder);
  for (const { digest } of shards) await checkShardThere(shardPath(folder, digest));
  await clearShardWork(folder);
}

async function checkShardThere(file: string): Promise<void> {
  if (await exists(file)) return;
  throw new DataError(
    file,
    0,
    "is not there: the pool is not labelled to its end. Run the same command again.",
  );
}
