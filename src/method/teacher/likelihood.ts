/**
 * The raw likelihood of a model as a teacher: log π(y | x), summed over the tokens of y, with no reference to compare with. This is
 * the scorer that CW-PO gives its WS-DPO baseline (papers.md 4.3, Table 6); it prefers what is short and common.
 */
import { releaseModel } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { openScorer } from "../objective/score.ts";
import { encodePairs, scoreCandidates } from "./encode.ts";
import { plainScores } from "./logratio.ts";
import { type Teacher, type TeacherManifest, teacherDigest } from "./teacher.ts";
import { loadTeacherModel, type ModelTeacherOptions, modelFacts } from "./teacher-model.ts";

/**
 * Opens a likelihood teacher; scores are nats.
 * @throws CheckpointError or ConfigError as `loadTeacherModel`
 */
export async function openLikelihood(
  runtime: Runtime,
  options: ModelTeacherOptions & { readonly model: string },
): Promise<Teacher> {
  const { limits, tokens } = options;
  const loaded = await loadTeacherModel(runtime, options.model, {
    role: "policy",
    task: "language-model",
    limits,
    precision: options.precision,
  });
  const manifest: TeacherManifest = modelFacts("likelihood", loaded, limits);
  const scorer = await openScorer(runtime, loaded.model, tokens === undefined ? {} : { tokens });
  return {
    name: options.name ?? `likelihood-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    async scorePairs(pairs) {
      const encoded = encodePairs(loaded.tokenizer, pairs, limits);
      const logps = await scoreCandidates(scorer, encoded, (score) => score.logps);
      const ids = pairs.map(({ id }) => id);
      return plainScores(ids, encoded, logps).map((score, i) => ({ ...score, parts: { policy: logps[i]! } }));
    },
    async close() {
      await scorer.close();
      await releaseModel(runtime, loaded.model);
    },
  };
}
