/** `weak-teacher/engine`: models on a device, trained and scored in memory. Page: docs/api/engine.md. */

export { loadAdapter, saveAdapter } from "./engine/checkpoint/adapter-model.ts";
export { importLlama2c } from "./engine/checkpoint/llama2c.ts";
export { type LoadOptions, loadModel, type SaveOptions, saveModel } from "./engine/checkpoint/load-model.ts";
export { mergeAdapter } from "./engine/checkpoint/merge.ts";
export {
  type Generated,
  type GenerateOptions as SamplingOptions,
  generate as sampleTexts,
} from "./engine/model/generate.ts";
export { type LoraOptions, loraSpec } from "./engine/model/lora.ts";
export { adapterSpec, addAdapter, copyModel, type Model, releaseModel } from "./engine/model/model.ts";
export type { Device } from "./engine/runtime/device.ts";
export { openRuntime, type Runtime, type RuntimeOptions } from "./engine/runtime/runtime.ts";
export {
  type EncodedPair,
  encodePair,
  encodePrompt,
  encodePromptResponse,
  type TokenLimits,
} from "./engine/text/pair.ts";
export { loadTokenizer, type Tokenizer } from "./engine/text/tokenizer.ts";
export { type LossSpec, parseLossSpec, resolveFlip } from "./method/objective/loss-spec.ts";
export { openScorer, type RowScore, type Scorer, type ScorerOptions } from "./method/objective/score.ts";
export { trainPreference } from "./method/train/prefer.ts";
export { trainReward } from "./method/train/reward.ts";
export { type TrainSettings, trainSettings } from "./method/train/settings.ts";
export { trainSft } from "./method/train/sft.ts";
