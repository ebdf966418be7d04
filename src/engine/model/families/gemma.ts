/** Gemma: Llama with scaled embeddings and (1 + w) norms. Gemma 2: more norms, capped scores and logits, every other layer slides. */
import type { ConfigReader } from "../config.ts";
import { dropouts } from "../config-keys.ts";
import type { Family } from "../family.ts";
import { allLayers, layerKinds, windowSize, windows } from "./layer-kinds.ts";
import { llamaDecoder } from "./llama-block.ts";
import { attentionBiases, type LlamaDefaults, llamaConfig, noBiases, sameRope } from "./llama-config.ts";

const TANH = "gelu_pytorch_tanh";

const DEFAULTS: LlamaDefaults = {
  vocabSize: 256000,
  hiddenSize: 3072,
  intermediateSize: 24576,
  layers: 28,
  heads: 16,
  kvHeads: 16,
  headDim: 256,
  maxPositions: 8192,
  epsilon: 1e-6,
  tied: true,
};

/** Gemma 2's class defaults, which Gemma 3 shares but for its vocabulary and positions. */
export const GEMMA2_DEFAULTS: LlamaDefaults = {
  ...DEFAULTS,
  hiddenSize: 2304,
  intermediateSize: 9216,
  layers: 26,
  heads: 8,
  kvHeads: 4,
};

/** GemmaForCausalLM. */
export const gemma: Family = {
  modelType: "gemma",
  languageModel: "GemmaForCausalLM",
  rewardModel: "GemmaForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  padToken: 0,
  harmless: dropouts("attention_dropout"),
  configure: (json) => {
    const read = llamaConfig(json, DEFAULTS, { key: "hidden_act", fallback: TANH });
    const config = { ...read, activation: firstGemmaActivation(json, read.activation) };
    noBiases(json, "mlp_bias", "use_bidirectional_attention");
    allLayers(json, config.layers);
    return llamaDecoder(config, {
      rope: sameRope(json, config),
      ...attentionBiases(json),
      plusOne: true,
      embeddingScale: Math.sqrt(config.hiddenSize),
    });
  },
};

/** The first Gemma's files say "gelu" and were trained with its tanh form, which transformers computes for them. */
function firstGemmaActivation(json: ConfigReader, said: LlamaActivation): LlamaActivation {
  const means = said === "gelu" ? "gelu-tanh" : said;
  if (json.has("hidden_activation") && json.activation("hidden_activation") !== means)
    throw json.error(
      "hidden_activation",
      `what "hidden_act" says ("gelu" means ${TANH} here)`,
      json.raw("hidden_activation"),
    );
  if (said === "gelu")
    json.note(
      `"hidden_act": "gelu" is computed as ${TANH}, as transformers does: the first Gemma's files mean that by it.`,
    );
  return means;
}
type LlamaActivation = ReturnType<typeof llamaConfig>["activation"];

/** What Gemma 2 and 3 share: the activation under its newer name, caps, the scale of scores. */
export function gemma2Config(
  json: ConfigReader,
  defaults: LlamaDefaults,
  caps: { scores?: number; logits?: number },
) {
  const config = llamaConfig(json, defaults, { key: "hidden_activation", fallback: TANH });
  json.agrees("hidden_act", "hidden_activation", json.raw("hidden_activation") ?? TANH);
  noBiases(json, "mlp_bias", "use_bidirectional_attention");
  const cap = (key: string, fallback: number | undefined) =>
    json.raw(key) === null || (fallback === undefined && !json.has(key))
      ? undefined
      : json.number(key, fallback);
  const variant = {
    ...attentionBiases(json),
    plusOne: true,
    norms: "around",
    embeddingScale: Math.sqrt(config.hiddenSize),
    scale: json.number("query_pre_attn_scalar", 256) ** -0.5,
    scoreCap: cap("attn_logit_softcapping", caps.scores),
    logitCap: cap("final_logit_softcapping", caps.logits),
  } as const;
  return { config, variant };
}

/** Gemma2ForCausalLM. */
export const gemma2: Family = {
  modelType: "gemma2",
  languageModel: "Gemma2ForCausalLM",
  rewardModel: "Gemma2ForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  padToken: 0,
  harmless: dropouts("attention_dropout"),
  configure: (json) => {
    const { config, variant } = gemma2Config(json, GEMMA2_DEFAULTS, { scores: 50, logits: 30 });
    const window = windowSize(json, 4096);
    // Files of the first days repeat the window under this name.
    json.agrees("sliding_window_size", "sliding_window", window);
    const kinds = layerKinds(json, config.layers, (layer) => layer % 2 === 0);
    return llamaDecoder(config, {
      ...variant,
      rope: sameRope(json, config),
      window: windows(json, kinds, window),
    });
  },
};
