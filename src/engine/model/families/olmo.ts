/**
 * OLMo 2: norms only after attention and feed-forward, and on queries and keys over all heads together. OLMo 3: three of
 * four layers slide, and only the others may have their rotary positions scaled.
 */
import type { ConfigReader } from "../config.ts";
import { dropouts } from "../config-keys.ts";
import type { Family } from "../family.ts";
import { ropeOf } from "../rope.ts";
import { readLayerRopes } from "../rope-config.ts";
import { allLayers, layerKinds, windowSize, windows } from "./layer-kinds.ts";
import { llamaDecoder } from "./llama-block.ts";
import { attentionBiases, LLAMA_DEFAULTS, llamaConfig, noBiases, sameRope } from "./llama-config.ts";

const DEFAULTS = { ...LLAMA_DEFAULTS, vocabSize: 50304, epsilon: 1e-5 };

const block = { queryNorms: "whole", norms: "after" } as const;

/** Olmo2ForCausalLM. */
export const olmo2: Family = {
  modelType: "olmo2",
  languageModel: "Olmo2ForCausalLM",
  rewardModel: "Olmo2ForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  padToken: 1,
  harmless: dropouts("attention_dropout"),
  configure: (json) => {
    const config = llamaConfig(json, DEFAULTS);
    noBiases(json, "mlp_bias");
    allLayers(json, config.layers);
    return llamaDecoder(config, { ...block, ...attentionBiases(json), rope: sameRope(json, config) });
  },
};

/** Olmo3ForCausalLM. */
export const olmo3: Family = {
  modelType: "olmo3",
  languageModel: "Olmo3ForCausalLM",
  rewardModel: "Olmo3ForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  padToken: 1,
  harmless: dropouts("attention_dropout"),
  configure: (json) => {
    const config = llamaConfig(json, DEFAULTS);
    noBiases(json, "mlp_bias");
    const kinds = layerKinds(json, config.layers, (layer) => (layer + 1) % 4 !== 0);
    const settings = readLayerRopes(json, { theta: THETA }, { key: "rope_theta", fallback: THETA });
    checkTheta(json);
    const ropes = {
      full_attention: ropeOf(json, settings.full_attention, config),
      sliding_attention: ropeOf(json, settings.sliding_attention, config),
    };
    return llamaDecoder(config, {
      ...block,
      ...attentionBiases(json),
      rope: (layer) => ropes[kinds[layer]!],
      window: windows(json, kinds, windowSize(json, 4096)),
    });
  },
};

const THETA = 500_000;

/** In the older spelling transformers 5 gives `rope_theta` to full attention only, and transformers 4 to all layers. */
function checkTheta(json: ConfigReader): void {
  if (json.object("rope_parameters") === undefined && json.number("rope_theta", 0) !== THETA)
    throw json.error(
      "rope_theta",
      `${THETA} or rope_parameters: transformers 4 and 5 read other bases differently`,
      json.raw("rope_theta"),
    );
}
