/** GPT-NeoX and Pythia: fused query-key-value laid out head by head, partial rotary, parallel residual. */
import { add } from "../../graph/ops/elementwise.ts";
import { gatherRows } from "../../graph/ops/gather.ts";
import { reshape, slice } from "../../graph/ops/layout.ts";
import { rope } from "../../graph/ops/rope.ts";
import type { ConfigReader } from "../config.ts";
import { dropouts } from "../config-keys.ts";
import { activate } from "../context.ts";
import type { Decoder, Family } from "../family.ts";
import { ropeOf, turns } from "../rope.ts";
import { readRope } from "../rope-config.ts";
import { allLayers } from "./layer-kinds.ts";

/** GPTNeoXForCausalLM. */
export const gptNeoX: Family = {
  modelType: "gpt_neox",
  languageModel: "GPTNeoXForCausalLM",
  rewardModel: "GPTNeoXForSequenceClassification",
  prefix: "gpt_neox.",
  loraTargets: ["query_key_value"],
  harmless: dropouts("attention_dropout", "hidden_dropout", "classifier_dropout"),
  configure,
};

function configure(json: ConfigReader): Decoder {
  const hiddenSize = json.size("hidden_size", 6144);
  const heads = json.size("num_attention_heads", 64);
  const headDim = hiddenSize / heads;
  const config = {
    vocabSize: json.size("vocab_size", 50432),
    hiddenSize,
    embeddingSize: hiddenSize,
    layers: json.layers("num_hidden_layers", 44),
    heads,
    kvHeads: heads,
    headDim,
    intermediateSize: json.size("intermediate_size", 24576),
    maxPositions: json.size("max_position_embeddings", 2048),
    tied: json.flag("tie_word_embeddings", false),
    normEpsilon: json.number("layer_norm_eps", 1e-5),
    activation: json.activation("hidden_act", "gelu"),
  };
  const { normEpsilon, intermediateSize, activation } = config;
  const setting = readRope(json, {
    theta: 10000,
    thetaKey: "rotary_emb_base",
    share: { key: "rotary_pct", fallback: 0.25 },
  });
  // The names of other families are written beside by some versions and read by none.
  json.agrees("rope_theta", "rotary_emb_base", setting.theta);
  json.agrees("partial_rotary_factor", "rotary_pct", setting.share);
  const turning = ropeOf(json, setting, config);
  allLayers(json, config.layers);
  const parallel = json.flag("use_parallel_residual", true);
  const bias = json.flag("attention_bias", true);
  return {
    config,
    embeddingName: "gpt_neox.embed_in.weight",
    headName: "embed_out.weight",
    longOver: turning.long?.over,
    embed: (m) => gatherRows(m.weight("gpt_neox.embed_in.weight", [config.vocabSize, hiddenSize]), m.ids),
    block: (m, x, layer) => {
      const name = `gpt_neox.layers.${layer}`;
      const normal = m.layerNorm(x, `${name}.input_layernorm`, normEpsilon);
      const fused = m.linear(normal, `${name}.attention.query_key_value`, 3 * hiddenSize, { bias });
      const perHead = reshape(fused, ["N", heads, 3 * headDim]);
      const [q, k, v] = [0, 1, 2].map((i) => slice(perHead, 2, i * headDim, headDim)); // [N, H, D] each
      const { cosine, sine } = turns(m, turning);
      const flat = (t: typeof x) => reshape(t, ["N", hiddenSize]);
      const options = { layer, heads, kvHeads: heads, headDim, scale: headDim ** -0.5 };
      const mixed = m.attention(
        flat(rope(q!, cosine, sine)),
        flat(rope(k!, cosine, sine)),
        flat(v!),
        options,
      );
      const attended = m.linear(mixed, `${name}.attention.dense`, hiddenSize, { bias });
      const between = parallel ? x : add(x, attended);
      const normal2 = m.layerNorm(between, `${name}.post_attention_layernorm`, normEpsilon);
      const up = m.linear(normal2, `${name}.mlp.dense_h_to_4h`, intermediateSize, { bias: true });
      const fed = m.linear(activate(up, activation), `${name}.mlp.dense_4h_to_h`, hiddenSize, { bias: true });
      return parallel ? add(add(x, attended), fed) : add(between, fed);
    },
    finish: (m, x) => m.layerNorm(x, "gpt_neox.final_layer_norm", normEpsilon),
  };
}
