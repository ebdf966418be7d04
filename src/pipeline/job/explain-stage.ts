/** Why these labels: what each token adds to the scores of the pairs that the report prints. Runs the teacher on a dozen pairs. */
import { z } from "zod";
import type { TokenLimits } from "../../engine/text/pair.ts";
import { readPool } from "../../method/data/pool.ts";
import { surestDisagreements } from "../../method/evaluate/disagreements.ts";
import { openExplainer, type TokenValue } from "../../method/teacher/explain.ts";
import { openImplicitReward } from "../../method/teacher/implicit-reward.ts";
import { defineStage, type Ref, type Running } from "../stages/define.ts";
import type { Artefact } from "../stages/stage.ts";
import { jsonFile } from "../stages/stage-file.ts";
import { poolFolder, readHidden } from "./data-files.ts";
import { readLabels } from "./label-stages.ts";

/** What each token of a pair's responses adds to their scores. */
export type Explained = { readonly id: string; readonly a: TokenValue[]; readonly b: TokenValue[] };

const tokensSchema = z.array(z.strictObject({ text: z.string(), value: z.number() }));
const EXPLANATIONS = jsonFile(
  "explanations.json",
  z.array(z.strictObject({ id: z.string(), a: tokensSchema, b: tokensSchema })),
);

type Explaining = Running<
  { readonly beta: number; readonly limits: TokenLimits },
  { readonly data: Artefact; readonly labels: Artefact; readonly policy: Ref; readonly reference: Ref }
>;

/** Explains the teacher's surest disagreements with people. */
export const explainStage = defineStage({
  version: 3,
  async run({ work, config, inputs: { data, labels, policy, reference }, tools }: Explaining) {
    const surest = surestDisagreements(await readLabels(labels), await readHidden(data));
    const wanted = new Set(surest.map(({ id }) => id));
    const pairs = (await readPool(poolFolder(data))).filter(({ id }) => wanted.has(id));
    const explained: Explained[] = [];
    if (pairs.length > 0) {
      const folders = { model: policy.folder, reference: reference.folder };
      const teacher = await openImplicitReward(tools.runtime(), { ...folders, ...config });
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
    await EXPLANATIONS.write(work, explained);
  },
});

/** Explanations by pair. @throws DataError when the file is damaged */
export async function readExplanations(artefact: Artefact): Promise<ReadonlyMap<string, Explained>> {
  return new Map((await EXPLANATIONS.read(artefact)).map((one) => [one.id, one]));
}
