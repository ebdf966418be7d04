/** Qwen 2 and 2.5: Llama with biases on query, key and value. Qwen 3: none, but a norm on each query and key head. */
import type { ConfigReader } from "../config.ts";
import type { Family } from "../family.ts";
import { llamaConfig, llamaDecoder } from "./llama.ts";

const DEFAULTS = { vocabSize: 151936, epsilon: 1e-6, theta: 10000, tied: false };

/** Qwen2ForCausalLM. */
export const qwen2: Family = {
  modelType: "qwen2",
  languageModel: "Qwen2ForCausalLM",
  rewardModel: "Qwen2ForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  configure: (json) => {
    const config = llamaConfig(json, DEFAULTS);
    return llamaDecoder(json, config, { qkvBias: true, window: slidingLayers(json) });
  },
};

/** Qwen3ForCausalLM. */
export const qwen3: Family = {
  modelType: "qwen3",
  languageModel: "Qwen3ForCausalLM",
  rewardModel: "Qwen3ForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  configure: (json) => {
    const bias = json.flag("attention_bias", false);
    const config = llamaConfig(json, { ...DEFAULTS, headDim: 128 });
    const variant = { qkvBias: bias, outputBias: bias, headNorms: true, window: slidingLayers(json) };
    return llamaDecoder(json, config, variant);
  },
};

/** With `use_sliding_window`, layers from `max_window_layers` on slide; without it none does. */
function slidingLayers(json: ConfigReader): (layer: number) => number | undefined {
  if (!json.flag("use_sliding_window", false) || !json.has("sliding_window")) return () => undefined;
  const window = json.size("sliding_window");
  const first = json.number("max_window_layers", 28);
  const kinds = json.raw("layer_types");
  return (layer) => {
    const slides = Array.isArray(kinds) ? kinds[layer] === "sliding_attention" : layer >= first;
    return slides ? window : undefined;
  };
}
