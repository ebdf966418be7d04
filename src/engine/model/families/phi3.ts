/** Phi-3, Phi-3.5 and Phi-4 (mini too): Llama with fused projections; LongRoPE and partly turned heads in some. */
import { dropouts } from "../config-keys.ts";
import type { Family } from "../family.ts";
import { ropeOf } from "../rope.ts";
import { readRope } from "../rope-config.ts";
import { allLayers, windowSize } from "./layer-kinds.ts";
import { llamaDecoder } from "./llama-block.ts";
import { LLAMA_DEFAULTS, llamaConfig, noBiases } from "./llama-config.ts";

const DEFAULTS = {
  ...LLAMA_DEFAULTS,
  vocabSize: 32064,
  hiddenSize: 3072,
  intermediateSize: 8192,
  maxPositions: 4096,
  epsilon: 1e-5,
};

/** Phi3ForCausalLM. */
export const phi3: Family = {
  modelType: "phi3",
  languageModel: "Phi3ForCausalLM",
  rewardModel: "Phi3ForSequenceClassification",
  prefix: "model.",
  loraTargets: ["qkv_proj"],
  padToken: 32000,
  harmless: dropouts("attention_dropout", "resid_pdrop", "embd_pdrop"),
  configure: (json) => {
    const config = llamaConfig(json, DEFAULTS);
    noBiases(json, "attention_bias", "mlp_bias", "lm_head_bias");
    // Settings of the model's own code on the hub, which transformers does not have.
    for (const key of ["full_attn_mod", "interpolate_factor"]) json.only(key, 1);
    const window = windowSize(json, undefined);
    allLayers(json, config.layers, window === undefined ? "full_attention" : "sliding_attention");
    const read = readRope(json, { theta: 10000, share: { key: "partial_rotary_factor", fallback: 1 } });
    // LongRoPE's first name.
    const setting = read.type === "su" ? { ...read, type: "longrope" } : read;
    json.size("original_max_position_embeddings", 4096);
    const rope = ropeOf(json, setting, {
      headDim: config.headDim,
      maxPositions: config.maxPositions,
      types: ["default", "longrope"],
      original: 4096,
    });
    return llamaDecoder(config, { fused: true, rope: () => rope, window: () => window });
  },
};
