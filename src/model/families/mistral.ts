/** Mistral: Llama with a sliding window in every layer. */
import type { Family } from "../family.ts";
import { llamaConfig, llamaDecoder } from "./llama.ts";

/** MistralForCausalLM. */
export const mistral: Family = {
  modelType: "mistral",
  languageModel: "MistralForCausalLM",
  rewardModel: "MistralForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  configure: (json) => {
    const config = llamaConfig(json, { vocabSize: 32000, epsilon: 1e-6, theta: 10000, tied: false });
    const window = json.has("sliding_window") ? json.size("sliding_window") : undefined;
    return llamaDecoder(json, config, { window: () => window });
  },
};
