/** Mistral: Llama with a sliding window in every layer. */
import { dropouts } from "../config-keys.ts";
import type { Family } from "../family.ts";
import { allLayers, windowSize } from "./layer-kinds.ts";
import { llamaDecoder } from "./llama-block.ts";
import { LLAMA_DEFAULTS, llamaConfig, noBiases, sameRope } from "./llama-config.ts";

const DEFAULTS = { ...LLAMA_DEFAULTS, intermediateSize: 14336, kvHeads: 8, maxPositions: 131072 };

/** MistralForCausalLM. */
export const mistral: Family = {
  modelType: "mistral",
  languageModel: "MistralForCausalLM",
  rewardModel: "MistralForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  harmless: dropouts("attention_dropout"),
  configure: (json) => {
    const config = llamaConfig(json, DEFAULTS);
    noBiases(json, "attention_bias", "mlp_bias");
    const window = windowSize(json, 4096);
    allLayers(json, config.layers, window === undefined ? "full_attention" : "sliding_attention");
    return llamaDecoder(config, { rope: sameRope(json, config), window: () => window });
  },
};
