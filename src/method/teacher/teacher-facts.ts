/** What a folder of scores says of the teacher that made them: for facts files, the command line and the report. */
import { z } from "zod";
import { positionFlipRate, positionFlipsSchema } from "./judge.ts";
import { precisionChangeSchema, readPrecision } from "./precision.ts";
import { readScores, readScoresManifest } from "./scores-folder.ts";
import { TEACHER_KINDS } from "./teacher.ts";

/** A teacher as its labels name it. */
export const teacherFactsSchema = z.object({
  name: z.string(),
  kind: z.enum(TEACHER_KINDS),
  digest: z.string(),
  /** Of one in few bits: what was compared before it scored. */
  precision: precisionChangeSchema.optional(),
  /** A judge's model, the digest of its question and how often the order of the candidates decided. */
  judge: z
    .object({ model: z.string(), promptDigest: z.string(), positionFlips: positionFlipsSchema })
    .optional(),
});

/** The same as a value. */
export type TeacherFacts = z.output<typeof teacherFactsSchema>;

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
