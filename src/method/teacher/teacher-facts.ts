/** What a folder of scores says of the teacher that made them: for facts files, the command line and the report. */
import { type PositionFlips, positionFlipRate } from "./judge.ts";
import { type PrecisionChange, readPrecision } from "./precision.ts";
import { readScores, readScoresManifest } from "./scores-folder.ts";
import type { TeacherManifest } from "./teacher.ts";

/** A teacher as its labels name it. */
export type TeacherFacts = {
  readonly name: string;
  readonly kind: TeacherManifest["kind"];
  readonly digest: string;
  /** Of one in few bits: what was compared before it scored. */
  readonly precision?: PrecisionChange | undefined;
  /** A judge's model, the digest of its question and how often the order of the candidates decided. */
  readonly judge?: {
    readonly model: string;
    readonly promptDigest: string;
    readonly positionFlips: PositionFlips;
  };
};

/** Reads a finished folder of scores once. @param unitOf - the unit (prompt or group) of a pair; without it a rate has no interval */
export async function teacherFacts(scores: string, unitOf?: (id: string) => string): Promise<TeacherFacts> {
  const { teacher } = await readScoresManifest(scores);
  const { kind, settings, policy } = teacher.manifest;
  const precision = await readPrecision(scores);
  const facts = { name: teacher.name, kind, digest: teacher.digest, ...(precision && { precision }) };
  if (kind !== "judge-chat" && kind !== "judge-local") return facts;
  return {
    ...facts,
    judge: {
      model: String(settings?.model ?? policy),
      promptDigest: String(settings?.promptDigest),
      positionFlips: await positionFlipRate(readScores(scores), unitOf),
    },
  };
}
