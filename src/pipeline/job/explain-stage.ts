/** Why these labels: what each token adds to the scores of the pairs that the report prints. Runs the teacher on a dozen pairs. */
import { z } from "zod";
import { DataError } from "../../base/core/errors.ts";
import { readJson, writeJsonAtomic } from "../../base/core/files.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import { readPool } from "../../method/data/pool.ts";
import { surestDisagreements } from "../../method/evaluate/disagreements.ts";
import { openExplainer, type TokenValue } from "../../method/teacher/explain.ts";
import { openImplicitReward } from "../../method/teacher/implicit-reward.ts";
import { type JobDeps, stageDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { poolFolder, readHidden } from "./data-files.ts";
import { readLabels } from "./label-stages.ts";
import type { ModelFolderRef } from "./model-stages.ts";

/** An implicit-reward teacher that can be asked for reasons. */
export type Explainable = {
  readonly policy: ModelFolderRef;
  readonly reference: ModelFolderRef;
  readonly beta: number;
};

/** What each token of a pair's responses adds to their scores. */
export type Explained = { readonly id: string; readonly a: TokenValue[]; readonly b: TokenValue[] };

const FILE = "explanations.json";

/** Explains the teacher's surest disagreements with people. */
export async function explainStage(
  deps: JobDeps,
  {
    data,
    labels,
    limits,
    teacher: { policy, reference, beta },
  }: { data: Artefact; labels: Artefact; limits: TokenLimits; teacher: Explainable },
): Promise<Artefact> {
  return deps.pipeline.stage({
    name: "explain",
    version: 2,
    config: { beta, limits },
    inputs: { data, labels, policy: policy.source, reference: reference.source },
    run: async (work) => {
      const wanted = new Set(
        surestDisagreements(await readLabels(labels), await readHidden(data)).map(({ id }) => id),
      );
      const pairs = (await readPool(poolFolder(data))).filter(({ id }) => wanted.has(id));
      const explained: Explained[] = [];
      if (pairs.length > 0) {
        const folders = { policy: policy.folder, reference: reference.folder };
        const teacher = await openImplicitReward(stageDeps(deps).runtime, { ...folders, beta, limits });
        try {
          const explainer = await openExplainer(teacher);
          for (const pair of pairs) {
            const { id, a, b } = await explainer.explain(pair);
            explained.push({ id, a: [...a], b: [...b] });
          }
        } finally {
          await teacher.close();
        }
      }
      await writeJsonAtomic(work.path(FILE), explained);
    },
  });
}

const tokensSchema = z.array(z.strictObject({ text: z.string(), value: z.number() }));
const schema = z.array(z.strictObject({ id: z.string(), a: tokensSchema, b: tokensSchema }));

/** Explanations by pair. @throws DataError when the file is damaged */
export async function readExplanations(artefact: Artefact): Promise<ReadonlyMap<string, Explained>> {
  const file = artefact.path(FILE);
  const parsed = schema.safeParse(await readJson(file));
  if (!parsed.success)
    throw new DataError(file, 0, "holds no explanations. Remove the stage's folder and run again.");
  return new Map(parsed.data.map((one) => [one.id, one]));
}
