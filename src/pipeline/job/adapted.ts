/** Training with or without adapters: what comes out is one model, and the adapters are kept beside it. */

import { writeJsonAtomic } from "../../base/core/files.ts";
import { saveAdapter } from "../../engine/checkpoint/adapter-model.ts";
import { mergeAdapter } from "../../engine/checkpoint/merge.ts";
import { saveAdapted } from "../../engine/checkpoint/save-adapted.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import { adapterSpec, addAdapter, type Model } from "../../engine/model/model.ts";
import type { TrainResult } from "../../method/train/job.ts";
import type { Ref, Running } from "../stages/define.ts";
import { stageDeps } from "../stages/deps.ts";

/** What of a training its adapters are: none, or what is kept of them. */
type Adapting = Pick<Running<unknown, { readonly model: Ref }>, "work" | "inputs" | "tools"> & {
  readonly config: {
    readonly settings: { readonly seed: number };
    readonly lora?: LoraOptions | undefined;
    /** Gives the adapted model itself: what is kept of it is the adapter. */
    readonly adapterOnly?: boolean | undefined;
  };
};

/** A model that came out of training, and how it went. */
export type Trained = { readonly model: Model; readonly result: TrainResult };

/**
 * Trains the policy, or adapters on it: kept in `adapter/` and, unless only these are wanted, merged; or, with `keep: adapter`, in `model/` with what makes
 * a model folder of them.
 */
export async function withAdapter(
  { work, config, inputs, tools }: Adapting,
  policy: Model,
  train: (model: Model) => Promise<TrainResult>,
): Promise<Trained> {
  const { lora, settings, adapterOnly } = config;
  if (lora === undefined) return { model: policy, result: await train(policy) };
  const { runtime } = stageDeps(tools);
  const trained = await addAdapter(runtime, policy, adapterSpec(policy, lora), settings.seed);
  const result = await train(trained);
  if (lora.keep === "adapter") {
    await saveAdapted(runtime, trained, work.path("model"), inputs.model.folder);
    return { model: trained, result };
  }
  await saveAdapter(runtime, trained, work.path("adapter"), { baseModel: inputs.model.folder });
  if (adapterOnly === true) return { model: trained, result };
  const { model: merged, largestDifference } = await mergeAdapter(runtime, trained);
  await writeJsonAtomic(work.path("merge.json"), { largestDifference });
  return { model: merged, result };
}
