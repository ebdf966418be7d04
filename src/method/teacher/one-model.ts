/** Teachers that are one model, of which a response's score is one number. */
import type { Task } from "../../engine/model/families/index.ts";
import { releaseModel } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { openScorer, type RowScore } from "../objective/score.ts";
import { encodePairs, scoreCandidates } from "./encode.ts";
import { plainScores } from "./logratio.ts";
import { type Teacher, type TeacherManifest, teacherDigest } from "./teacher.ts";
import { loadTeacherModel, type ModelTeacherOptions, modelFacts } from "./teacher-model.ts";

/** What such a teacher takes. */
export type OneModelOptions = ModelTeacherOptions & { readonly model: string };

/** What tells one kind from the other. */
type OneModelKind = {
  readonly kind: "likelihood" | "reward-head";
  /** For messages: "policy". */
  readonly role: string;
  readonly task: Task;
  /** The score of each response of a row. */
  readonly scoresOf: (row: RowScore) => readonly number[];
};

/** Opens the teacher. @throws CheckpointError or ConfigError as `loadTeacherModel` */
export async function openOneModel(
  runtime: Runtime,
  { model, name, limits, tokens, precision }: OneModelOptions,
  { kind, role, task, scoresOf }: OneModelKind,
): Promise<Teacher> {
  const loaded = await loadTeacherModel(runtime, model, { role, task, limits, precision });
  const manifest: TeacherManifest = modelFacts(kind, loaded, limits);
  const scorer = await openScorer(runtime, loaded.model, { tokens });
  return {
    name: name ?? `${kind}-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    async scorePairs(pairs) {
      const encoded = encodePairs(loaded.tokenizer, pairs, limits);
      const numbers = await scoreCandidates(scorer, encoded, scoresOf);
      const ids = pairs.map(({ id }) => id);
      const scores = plainScores(ids, encoded, numbers);
      if (task === "reward") return scores;
      return scores.map((score, i) => ({ ...score, parts: { policy: numbers[i]! } }));
    },
    async close() {
      await scorer.close();
      await releaseModel(runtime, loaded.model);
    },
  };
}
