/** Seed-OSS: Llama with biases on query, key and value, and one of its own for the output. */
import { dropouts } from "../config-keys.ts";
import type { Family } from "../family.ts";
import { allLayers } from "./layer-kinds.ts";
import { llamaDecoder } from "./llama-block.ts";
import { LLAMA_DEFAULTS, llamaConfig, sameRope } from "./llama-config.ts";

const DEFAULTS = {
  ...LLAMA_DEFAULTS,
  vocabSize: 155136,
  intermediateSize: 27648,
  layers: 64,
  heads: 80,
  kvHeads: 8,
  headDim: 128,
  maxPositions: 524288,
};

/** SeedOssForCausalLM. */
export const seedOss: Family = {
  modelType: "seed_oss",
  languageModel: "SeedOssForCausalLM",
  rewardModel: "SeedOssForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  harmless: dropouts("attention_dropout", "residual_dropout"),
  configure: (json) => {
    const config = llamaConfig(json, DEFAULTS);
    allLayers(json, config.layers);
    return llamaDecoder(config, {
      rope: sameRope(json, config),
      qkvBias: json.flag("attention_bias", true),
      outputBias: json.flag("attention_out_bias", false),
      mlpBias: json.flag("mlp_bias", false),
    });
  },
};
