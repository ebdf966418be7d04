/** Granite 3: Llama with multipliers of embeddings, scores, residual sums and logits. */
import type { ConfigReader } from "../config.ts";
import { dropouts } from "../config-keys.ts";
import type { Family } from "../family.ts";
import { allLayers } from "./layer-kinds.ts";
import { llamaDecoder } from "./llama-block.ts";
import { attentionBiases, LLAMA_DEFAULTS, llamaConfig, sameRope } from "./llama-config.ts";

/** GraniteForCausalLM. */
export const granite: Family = {
  modelType: "granite",
  languageModel: "GraniteForCausalLM",
  rewardModel: "GraniteForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  harmless: dropouts("attention_dropout"),
  configure: (json) => {
    const config = llamaConfig(json, LLAMA_DEFAULTS);
    allLayers(json, config.layers);
    return llamaDecoder(config, {
      rope: sameRope(json, config),
      ...attentionBiases(json),
      mlpBias: json.flag("mlp_bias", false),
      embeddingScale: json.number("embedding_multiplier", 1),
      residualScale: json.number("residual_multiplier", 1),
      scale: json.number("attention_multiplier", 1),
      logitScale: 1 / logitsScaling(json),
    });
  },
};

/** What logits are divided by. */
function logitsScaling(json: ConfigReader): number {
  const scaling = json.number("logits_scaling", 1);
  if (scaling <= 0) throw json.error("logits_scaling", "a positive number", scaling);
  return scaling;
}
