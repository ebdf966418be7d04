/** Whether a folder that others trained holds the model that went in: the same ids for the same text, the same sizes. */
import { join } from "node:path";
import { CheckpointError } from "../../base/core/errors.ts";
import { openModelFolder } from "../../engine/checkpoint/model-folder.ts";
import { describeModel } from "../../engine/model/families/index.ts";
import { idsDifference } from "../../engine/text/same-ids.ts";

/** What a model is compared with, in words: "the run's students", and what to do where it differs. */
export type SameWords = { readonly whose: string; readonly advice: string };

/** @throws CheckpointError with the first thing in which the tokenizer differs, or all sizes that do */
export async function checkSameModel(path: string, own: string, words: SameWords): Promise<void> {
  await checkSameIds(path, own, words);
  await checkSameSizes(path, own, words);
}

/** @throws CheckpointError with the first thing in which the tokenizer gives other ids */
export async function checkSameIds(path: string, own: string, { whose, advice }: SameWords): Promise<void> {
  const other = await idsDifference(path, own);
  if (other === undefined) return;
  throw new CheckpointError(
    path,
    `its tokenizer is not that of ${whose}, so log-probabilities and KL would not compare: ${other}. ${advice}`,
  );
}

async function checkSameSizes(path: string, own: string, { whose }: SameWords): Promise<void> {
  const [theirs, ours] = [await architecture(path), await architecture(own)];
  const differing = Object.keys(ours).filter((key) => theirs[key] !== ours[key]);
  if (differing.length > 0)
    throw new CheckpointError(
      path,
      `is of another architecture than ${whose}: ${differing.map((key) => `${key} is ${theirs[key]}, expected ${ours[key]}`).join("; ")}.`,
    );
}

async function architecture(path: string): Promise<Record<string, unknown>> {
  const folder = await openModelFolder(path);
  try {
    const { family, decoder, task } = describeModel(folder.config, join(path, "config.json"));
    const { vocabSize, hiddenSize, layers, heads, kvHeads, headDim } = decoder.config;
    return {
      model_type: family.modelType,
      head: task,
      vocabSize,
      hiddenSize,
      layers,
      heads,
      kvHeads,
      headDim,
    };
  } finally {
    await folder.close();
  }
}
