/** Qwen 2 and 2.5: Llama with biases on query, key and value. Qwen 3: none, but a norm on each query and key head. */
import type { ConfigReader } from "../config.ts";
import { dropouts, harmless } from "../config-keys.ts";
import type { Family } from "../family.ts";
import { layerKinds, windowSize, windows } from "./layer-kinds.ts";
import { llamaDecoder } from "./llama-block.ts";
import { attentionBiases, LLAMA_DEFAULTS, llamaConfig, noBiases, sameRope } from "./llama-config.ts";

const DEFAULTS = {
  ...LLAMA_DEFAULTS,
  vocabSize: 151936,
  intermediateSize: 22016,
  kvHeads: 32,
  maxPositions: 32768,
};

/** Qwen2ForCausalLM. */
export const qwen2: Family = {
  modelType: "qwen2",
  languageModel: "Qwen2ForCausalLM",
  rewardModel: "Qwen2ForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  harmless: {
    ...dropouts("attention_dropout"),
    ...harmless("query, key and value have biases whatever it says", "attention_bias", "qkv_bias"),
  },
  configure: (json) => {
    const config = llamaConfig(json, DEFAULTS);
    noBiases(json, "mlp_bias", "use_mrope");
    return llamaDecoder(config, {
      rope: sameRope(json, config),
      qkvBias: true,
      window: slidingLayers(json, config.layers),
    });
  },
};

/** Qwen3ForCausalLM. */
export const qwen3: Family = {
  modelType: "qwen3",
  languageModel: "Qwen3ForCausalLM",
  rewardModel: "Qwen3ForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  harmless: dropouts("attention_dropout"),
  configure: (json) => {
    const config = llamaConfig(json, { ...DEFAULTS, headDim: 128 });
    noBiases(json, "mlp_bias", "use_mrope");
    return llamaDecoder(config, {
      rope: sameRope(json, config),
      ...attentionBiases(json),
      queryNorms: "heads",
      window: slidingLayers(json, config.layers),
    });
  },
};

/**
 * Without `use_sliding_window` no layer slides; with it those that `layer_types` names, and where that is not there those
 * from `max_window_layers` on.
 */
function slidingLayers(json: ConfigReader, layers: number): (layer: number) => number | undefined {
  const slides = json.flag("use_sliding_window", false);
  const size = windowSize(json, 4096);
  const window = slides ? size : undefined;
  const first = json.number("max_window_layers", 28);
  const kinds = layerKinds(json, layers, (layer) => window !== undefined && layer >= first);
  return windows(json, kinds, window, slides ? "sliding_window" : '"use_sliding_window": false');
}
