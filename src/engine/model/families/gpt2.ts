/** GPT-2: fused query-key-value, weights stored `[in, out]` (Conv1D), learned positions. */
import { add } from "../../graph/ops/elementwise.ts";
import { gatherRows } from "../../graph/ops/gather.ts";
import { slice } from "../../graph/ops/layout.ts";
import type { ConfigReader } from "../config.ts";
import { dropouts, harmless } from "../config-keys.ts";
import { activate } from "../context.ts";
import type { Decoder, Family } from "../family.ts";

/** GPT2LMHeadModel. */
export const gpt2: Family = {
  modelType: "gpt2",
  languageModel: "GPT2LMHeadModel",
  rewardModel: "GPT2ForSequenceClassification",
  prefix: "transformer.",
  loraTargets: ["c_attn"],
  harmless: {
    ...dropouts("resid_pdrop", "embd_pdrop", "attn_pdrop"),
    ...harmless(
      "for the class with two heads, which is refused",
      "summary_type",
      "summary_use_proj",
      "summary_activation",
      "summary_proj_to_labels",
      "summary_first_dropout",
    ),
  },
  configure,
};

function configure(json: ConfigReader): Decoder {
  json.only("scale_attn_weights", true);
  json.only("scale_attn_by_inverse_layer_idx", false);
  json.only("add_cross_attention", false);
  const hiddenSize = json.size(["n_embd", "hidden_size"], 768);
  const heads = json.size(["n_head", "num_attention_heads"], 12);
  const config = {
    vocabSize: json.size("vocab_size", 50257),
    hiddenSize,
    embeddingSize: hiddenSize,
    layers: json.layers(["n_layer", "num_hidden_layers"], 12),
    heads,
    kvHeads: heads,
    headDim: hiddenSize / heads,
    intermediateSize: json.size("n_inner", 4 * hiddenSize),
    maxPositions: json.size(["n_positions", "n_ctx", "max_position_embeddings"], 1024),
    tied: json.flag("tie_word_embeddings", true),
    normEpsilon: json.number("layer_norm_epsilon", 1e-5),
    activation: json.activation("activation_function", "gelu_new"),
  };
  const { normEpsilon, headDim, intermediateSize, activation } = config;
  return {
    config,
    embeddingName: "transformer.wte.weight",
    headName: "lm_head.weight",
    embed: (m) => {
      const tokens = m.weight("transformer.wte.weight", [config.vocabSize, hiddenSize]);
      const places = m.weight("transformer.wpe.weight", [config.maxPositions, hiddenSize]);
      return add(gatherRows(tokens, m.ids), gatherRows(places, m.positions));
    },
    block: (m, x, layer) => {
      const name = `transformer.h.${layer}`;
      const conv = { bias: true, weightIsInOut: true };
      const qkv = m.linear(
        m.layerNorm(x, `${name}.ln_1`, normEpsilon),
        `${name}.attn.c_attn`,
        3 * hiddenSize,
        conv,
      );
      const [q, k, v] = [0, 1, 2].map((i) => slice(qkv, 1, i * hiddenSize, hiddenSize));
      const mixed = m.attention(q!, k!, v!, {
        layer,
        heads,
        kvHeads: heads,
        headDim,
        scale: headDim ** -0.5,
      });
      const y = add(x, m.linear(mixed, `${name}.attn.c_proj`, hiddenSize, conv));
      const up = m.linear(
        m.layerNorm(y, `${name}.ln_2`, normEpsilon),
        `${name}.mlp.c_fc`,
        intermediateSize,
        conv,
      );
      return add(y, m.linear(activate(up, activation), `${name}.mlp.c_proj`, hiddenSize, conv));
    },
    finish: (m, x) => m.layerNorm(x, "transformer.ln_f", normEpsilon),
  };
}
