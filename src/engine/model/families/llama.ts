/** Llama 1, 2, 3 and everything published in its shape. */
import { dropouts } from "../config-keys.ts";
import type { Family } from "../family.ts";
import { allLayers } from "./layer-kinds.ts";
import { llamaDecoder } from "./llama-block.ts";
import { attentionBiases, LLAMA_DEFAULTS, llamaConfig, sameRope } from "./llama-config.ts";

/** LlamaForCausalLM. */
export const llama: Family = {
  modelType: "llama",
  languageModel: "LlamaForCausalLM",
  rewardModel: "LlamaForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  harmless: dropouts("attention_dropout"),
  configure: (json) => {
    const config = llamaConfig(json, LLAMA_DEFAULTS);
    allLayers(json, config.layers);
    json.only("rope_interleaved", false);
    return llamaDecoder(config, {
      rope: sameRope(json, config),
      ...attentionBiases(json),
      mlpBias: json.flag("mlp_bias", false),
    });
  },
};
