/** A stage's teacher in few bits: compared with itself in float32 before it scores, by whichever process comes first, and kept beside the scores. */
import { join } from "node:path";
import { writeJsonAtomic } from "../../base/core/files.ts";
import type { Log } from "../../base/core/log.ts";
import type { CandidatePair } from "../../method/data/rows.ts";
import { holdsModels, type TeacherChoice } from "../../method/teacher/choice.ts";
import {
  canaryPairs,
  changeInWords,
  checkTurned,
  comparePrecision,
  PRECISION_FILE,
  readPrecision,
} from "../../method/teacher/precision.ts";
import { MOST_TURNED, type Precision } from "../../method/teacher/precisions.ts";
import type { Teacher } from "../../method/teacher/teacher.ts";

/** What is opened, and on what it is compared. */
export type InPrecision = {
  readonly choice: TeacherChoice;
  /** Share of labels that may turn, in [0, 1]; default `MOST_TURNED`. */
  readonly maxTurned: number | undefined;
  readonly pairs: () => Promise<Iterable<CandidatePair> | AsyncIterable<CandidatePair>>;
  readonly open: (choice: TeacherChoice) => Promise<Teacher>;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
};

/** The precision of a teacher in few bits. */
export function fewBits(choice: TeacherChoice): Exclude<Precision, "float32"> | undefined {
  const precision = holdsModels(choice) ? choice.precision : undefined;
  return precision === "float32" ? undefined : precision;
}

/**
 * Opens a teacher; one in few bits has been compared then.
 * @param folder - of its scores
 * @throws AlignError "numerics" when more labels turn than asked
 */
export async function openInPrecision(
  folder: string,
  { choice, maxTurned, pairs, open, log, signal }: InPrecision,
): Promise<Teacher> {
  const precision = fewBits(choice);
  if (precision === undefined || (await readPrecision(folder)) !== undefined) return open(choice);
  const canary = await canaryPairs(await pairs());
  // Of no pairs there is nothing to turn.
  if (canary.length === 0) return open(choice);
  log.info(`${precision}: ${canary.length} pairs are scored in float32 first`);
  const { change, teacher } = await comparePrecision(
    (asked) => open({ ...choice, precision: asked } as TeacherChoice),
    canary,
    { precision, signal },
  );
  try {
    checkTurned(change, maxTurned ?? MOST_TURNED);
    await writeJsonAtomic(join(folder, PRECISION_FILE), change);
  } catch (error) {
    await teacher.close();
    throw error;
  }
  log.info(`${precision}: ${changeInWords(change)}`);
  return teacher;
}

/** Takes over what an earlier result of the same teacher knows, where all its scores were taken and nothing was opened. */
export async function keepPrecision(earlier: string, folder: string): Promise<void> {
  const known = await readPrecision(earlier);
  if (known !== undefined && (await readPrecision(folder)) === undefined)
    await writeJsonAtomic(join(folder, PRECISION_FILE), known);
}
