/** Gemma: Llama with scaled embeddings and (1 + w) norms. Gemma 2: more norms, capped scores and logits, every other layer slides. */
import type { Family } from "../family.ts";
import { llamaConfig, llamaDecoder } from "./llama.ts";

const DEFAULTS = { vocabSize: 256000, epsilon: 1e-6, theta: 10000, tied: true, headDim: 256 };

/** GemmaForCausalLM. */
export const gemma: Family = {
  modelType: "gemma",
  languageModel: "GemmaForCausalLM",
  rewardModel: "GemmaForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  configure: (json) => {
    const config = llamaConfig(json, DEFAULTS);
    const bias = json.flag("attention_bias", false);
    const embeddingScale = Math.sqrt(config.hiddenSize);
    return llamaDecoder(json, config, { plusOne: true, embeddingScale, qkvBias: bias, outputBias: bias });
  },
};

/** Gemma2ForCausalLM. */
export const gemma2: Family = {
  modelType: "gemma2",
  languageModel: "Gemma2ForCausalLM",
  rewardModel: "Gemma2ForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  configure: (json) => {
    const config = llamaConfig(json, DEFAULTS);
    const bias = json.flag("attention_bias", false);
    const window = json.size("sliding_window", 4096);
    const kinds = json.raw("layer_types");
    const slides = (layer: number) =>
      Array.isArray(kinds) ? kinds[layer] === "sliding_attention" : layer % 2 === 0;
    const cap = (key: string, fallback: number) =>
      json.raw(key) === null ? undefined : json.number(key, fallback);
    return llamaDecoder(json, config, {
      plusOne: true,
      sandwich: true,
      embeddingScale: Math.sqrt(config.hiddenSize),
      qkvBias: bias,
      outputBias: bias,
      window: (layer) => (slides(layer) ? window : undefined),
      scale: json.number("query_pre_attn_scalar", 256) ** -0.5,
      scoreCap: cap("attn_logit_softcapping", 50),
      logitCap: cap("final_logit_softcapping", 30),
    });
  },
};
