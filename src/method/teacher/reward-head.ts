/**
 * A Bradley-Terry reward model as a teacher (CW-PO Eq. 5 and 6; Tao & Li App. C): a scalar head read at the last token of each
 * response. A head that was never trained cannot be loaded: `loadModel` refuses a folder without one.
 */
import { releaseModel } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { openScorer } from "../objective/score.ts";
import { encodePairs, scoreCandidates } from "./encode.ts";
import { plainScores } from "./logratio.ts";
import { type Teacher, type TeacherManifest, teacherDigest } from "./teacher.ts";
import { loadTeacherModel, type ModelTeacherOptions, modelFacts } from "./teacher-model.ts";

/**
 * Opens a reward-head teacher; its margins are log-odds.
 * @throws CheckpointError when the folder has no trained head; ConfigError as `loadTeacherModel`
 */
export async function openRewardHead(
  runtime: Runtime,
  options: ModelTeacherOptions & { readonly model: string },
): Promise<Teacher> {
  const { limits, tokens } = options;
  const loaded = await loadTeacherModel(runtime, options.model, {
    role: "reward head",
    task: "reward",
    limits,
    precision: options.precision,
  });
  const manifest: TeacherManifest = modelFacts("reward-head", loaded, limits);
  const scorer = await openScorer(runtime, loaded.model, tokens === undefined ? {} : { tokens });
  return {
    name: options.name ?? `reward-head-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    async scorePairs(pairs) {
      const encoded = encodePairs(loaded.tokenizer, pairs, limits);
      const rewards = await scoreCandidates(scorer, encoded, (score) => score.rewards!);
      const ids = pairs.map(({ id }) => id);
      return plainScores(ids, encoded, rewards);
    },
    async close() {
      await scorer.close();
      await releaseModel(runtime, loaded.model);
    },
  };
}
