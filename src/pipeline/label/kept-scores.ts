/**
 * Raw scores of a labelling by itself. What an earlier result at the same place holds of them is taken over, so that another
 * threshold, weight, calibration or score form opens no teacher, and a longer pool scores its new shards only.
 */
import { join } from "node:path";
import { z } from "zod";
import { copyMissing, exists, writeJsonAtomic } from "../../base/core/files.ts";
import { adoptShards } from "../../base/core/shard-work.ts";
import { valueKind } from "../../base/files/value-file.ts";
import { labelPool } from "../../method/teacher/score-pool.ts";
import { readScoresManifest, writeManifest } from "../../method/teacher/scores-folder.ts";
import type { PairSource } from "../../method/teacher/shards.ts";
import { type Teacher, teacherDigest } from "../../method/teacher/teacher.ts";
import type { StageTools } from "../stages/define.ts";
import type { WorkFolder } from "../stages/stage.ts";

/** One file of pairs to score. `key` is the digest of all that its scores depend on: teacher, limits, file, how it is read. */
export type ScoresPart = {
  /** Folder of the scores in the result: "scores", "held-out-scores". */
  readonly name: string;
  readonly key: string;
  readonly pairs: () => Promise<PairSource>;
};

/** What a scoring is given. */
export type ScoresRequest = {
  readonly parts: readonly ScoresPart[];
  /** Folder of an earlier result, if there is one. */
  readonly earlier: string | undefined;
  /** @param replies - folder for an endpoint's replies */
  readonly open: (replies: string) => Promise<Teacher>;
};

type ScoringTools = Pick<StageTools, "log" | "signal">;

const KEYS_FILE = "scores.json";
const KEYS = valueKind({ what: KEYS_FILE, schema: z.record(z.string(), z.string()) });
const REPLIES = "replies";

/** Fills the parts' folders in the work folder; the teacher opens only if something is left to score. */
export async function scoreParts(
  tools: ScoringTools,
  work: WorkFolder,
  request: ScoresRequest,
): Promise<void> {
  const { parts, earlier } = request;
  const left: ScoresPart[] = [];
  for (const part of parts) if (!(await takeWhole(work, part, earlier))) left.push(part);
  if (left.length > 0) await scoreLeft(tools, work, request, left);
  await KEYS.write(work.path(KEYS_FILE), Object.fromEntries(parts.map(({ name, key }) => [name, key])));
}

async function scoreLeft(
  { log, signal }: ScoringTools,
  work: WorkFolder,
  { earlier, open }: ScoresRequest,
  parts: readonly ScoresPart[],
): Promise<void> {
  const replies = join(work.log, REPLIES);
  if (earlier !== undefined) await copyMissing(join(earlier, "log", REPLIES), replies);
  const teacher = await open(replies);
  try {
    for (const { name, pairs } of parts) {
      const folder = work.path(name);
      await takeShards(folder, earlier && join(earlier, name), teacher);
      const { report } = await labelPool({ teacher, pairs: await pairs(), folder, log, signal });
      await writeJsonAtomic(join(work.log, `${name}-rate-${process.pid}.json`), report);
    }
  } finally {
    await teacher.close();
  }
}

/** Copies the scores of an earlier result that depend on the very same; false when it has none. */
async function takeWhole(
  work: WorkFolder,
  { name, key }: ScoresPart,
  earlier: string | undefined,
): Promise<boolean> {
  if (earlier === undefined || (await KEYS.readIfThere(join(earlier, KEYS_FILE)))?.[name] !== key)
    return false;
  await copyMissing(join(earlier, "log", REPLIES), join(work.log, REPLIES));
  // Others may be at it, too: shards first, each whole, then the manifest that names them.
  await adoptShards(join(earlier, name), work.path(name));
  await writeManifest(work.path(name), await readScoresManifest(join(earlier, name)));
  return true;
}

/** Copies the shards that the same teacher scored: each is named by its pairs, so only equal ones are found again. */
async function takeShards(folder: string, earlier: string | undefined, teacher: Teacher): Promise<void> {
  if (earlier === undefined || !(await exists(earlier))) return;
  const { teacher: before } = await readScoresManifest(earlier);
  if (before.digest === teacherDigest(teacher.manifest)) await adoptShards(earlier, folder);
}
