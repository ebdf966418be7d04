/**
 * Gemma 3: Gemma 2's norms, a norm on each query and key head, no caps, and two rotary bases: one for layers that slide,
 * one for those (one in six) that do not. Also out of a multimodal checkpoint.
 */
import { dropouts, harmless } from "../config-keys.ts";
import type { Family } from "../family.ts";
import { ropeOf } from "../rope.ts";
import { readLayerRopes } from "../rope-config.ts";
import { GEMMA2_DEFAULTS, gemma2Config } from "./gemma.ts";
import { layerKinds, windowSize, windows } from "./layer-kinds.ts";
import { llamaDecoder } from "./llama-block.ts";

const DEFAULTS = { ...GEMMA2_DEFAULTS, vocabSize: 262208, maxPositions: 131072 };

/** Every so many layers one does not slide, where the config says nothing. */
const PATTERN = 6;

/** Gemma3ForCausalLM. */
export const gemma3: Family = {
  modelType: "gemma3_text",
  languageModel: "Gemma3ForCausalLM",
  rewardModel: "Gemma3TextForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  padToken: 0,
  harmless: {
    ...dropouts("attention_dropout"),
    ...harmless("written beside layer_types, which counts", "_sliding_window_pattern"),
  },
  container: {
    modelType: "gemma3",
    languageModel: "Gemma3ForConditionalGeneration",
    rewardModel: "Gemma3ForSequenceClassification",
    prefixes: [
      { trunk: "language_model.model.", head: "language_model." },
      { trunk: "model.language_model.", head: "" },
    ],
    textOnly: ["final_logit_softcapping"],
    rest: /^(model\.)?(vision_tower|multi_modal_projector)\./,
    harmless: harmless(
      "for images, which are not read",
      "mm_tokens_per_image",
      "boi_token_index",
      "eoi_token_index",
      "image_token_index",
      "boi_token_id",
      "eoi_token_id",
      "image_token_id",
      "vision_config",
    ),
  },
  configure: (json) => {
    const { config, variant } = gemma2Config(json, DEFAULTS, {});
    const pattern = json.size("sliding_window_pattern", PATTERN);
    const byPattern = (layer: number) => (layer + 1) % pattern !== 0;
    const kinds = layerKinds(json, config.layers, byPattern);
    if (json.has("sliding_window_pattern") && json.has("layer_types"))
      json.agrees(
        "layer_types",
        `sliding_window_pattern ${pattern} as layer types`,
        Array.from({ length: config.layers }, (_, i) =>
          byPattern(i) ? "sliding_attention" : "full_attention",
        ),
      );
    const settings = readLayerRopes(
      json,
      { theta: 1_000_000 },
      { key: "rope_local_base_freq", fallback: 10_000 },
    );
    const ropes = {
      full_attention: ropeOf(json, settings.full_attention, config),
      sliding_attention: ropeOf(json, settings.sliding_attention, config),
    };
    if (variant.scoreCap !== undefined)
      json.note(
        `"attn_logit_softcapping": ${variant.scoreCap} is not applied: transformers does not apply it in Gemma 3 either.`,
      );
    return llamaDecoder(config, {
      ...variant,
      scoreCap: undefined,
      queryNorms: "heads",
      rope: (layer) => ropes[kinds[layer]!],
      window: windows(json, kinds, windowSize(json, 4096)),
    });
  },
};
