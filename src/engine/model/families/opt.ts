/**
 * OPT: learned positions that start at row 2; the 350m variant normalises after each residual sum, has no final
 * norm, and projects a narrower embedding in and out.
 */
import { add } from "../../graph/ops/elementwise.ts";
import { gatherRows } from "../../graph/ops/gather.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { ConfigReader } from "../config.ts";
import { dropouts } from "../config-keys.ts";
import { activate, type ModelContext } from "../context.ts";
import type { Decoder, Family } from "../family.ts";

/** OPTForCausalLM. */
export const opt: Family = {
  modelType: "opt",
  languageModel: "OPTForCausalLM",
  rewardModel: "OPTForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  padToken: 1,
  harmless: dropouts("dropout", "attention_dropout", "activation_dropout", "layerdrop"),
  configure,
};

/** Rows of the position table before position 0. */
const POSITION_OFFSET = 2;
/** PyTorch's LayerNorm default; not in the config. */
const NORM_EPSILON = 1e-5;

function configure(json: ConfigReader): Decoder {
  json.only("enable_bias", true);
  json.only("layer_norm_elementwise_affine", true);
  const hiddenSize = json.size("hidden_size", 768);
  const heads = json.size("num_attention_heads", 12);
  const config = {
    vocabSize: json.size("vocab_size", 50272),
    hiddenSize,
    embeddingSize: json.size("word_embed_proj_dim", hiddenSize),
    layers: json.layers("num_hidden_layers", 12),
    heads,
    kvHeads: heads,
    headDim: hiddenSize / heads,
    intermediateSize: json.size("ffn_dim", 3072),
    maxPositions: json.size("max_position_embeddings", 2048),
    tied: json.flag("tie_word_embeddings", true),
    normEpsilon: NORM_EPSILON,
    activation: json.activation("activation_function", "relu"),
  };
  const normFirst = json.flag("do_layer_norm_before", true);
  const removed = json.flag("_remove_final_layer_norm", false);
  const finalNorm = normFirst && !removed;
  const { vocabSize, embeddingSize, intermediateSize, headDim, activation } = config;
  const projected = embeddingSize !== hiddenSize;

  const attention = (m: ModelContext, x: Tensor, layer: number): Tensor => {
    const name = `model.decoder.layers.${layer}.self_attn`;
    const project = (part: string) => m.linear(x, `${name}.${part}`, hiddenSize, { bias: true });
    const options = { layer, heads, kvHeads: heads, headDim, scale: headDim ** -0.5 };
    const mixed = m.attention(project("q_proj"), project("k_proj"), project("v_proj"), options);
    return m.linear(mixed, `${name}.out_proj`, hiddenSize, { bias: true });
  };
  const feedForward = (m: ModelContext, x: Tensor, layer: number): Tensor => {
    const name = `model.decoder.layers.${layer}`;
    const up = m.linear(x, `${name}.fc1`, intermediateSize, { bias: true });
    return m.linear(activate(up, activation), `${name}.fc2`, hiddenSize, { bias: true });
  };
  return {
    config,
    embeddingName: "model.decoder.embed_tokens.weight",
    headName: "lm_head.weight",
    embed: (m) => {
      const tokens = gatherRows(
        m.weight("model.decoder.embed_tokens.weight", [vocabSize, embeddingSize]),
        m.ids,
      );
      const table = [config.maxPositions + POSITION_OFFSET, hiddenSize];
      const places = gatherRows(
        m.weight("model.decoder.embed_positions.weight", table),
        add(m.positions, POSITION_OFFSET),
      );
      return add(projected ? m.linear(tokens, "model.decoder.project_in", hiddenSize) : tokens, places);
    },
    block: (m, x, layer) => {
      const norm = (y: Tensor, part: string) =>
        m.layerNorm(y, `model.decoder.layers.${layer}.${part}`, NORM_EPSILON);
      if (normFirst) {
        const y = add(x, attention(m, norm(x, "self_attn_layer_norm"), layer));
        return add(y, feedForward(m, norm(y, "final_layer_norm"), layer));
      }
      const y = norm(add(x, attention(m, x, layer)), "self_attn_layer_norm");
      return norm(add(y, feedForward(m, y, layer)), "final_layer_norm");
    },
    finish: (m, x) => {
      const y = finalNorm ? m.layerNorm(x, "model.decoder.final_layer_norm", NORM_EPSILON) : x;
      return projected ? m.linear(y, "model.decoder.project_out", embeddingSize) : y;
    },
  };
}
