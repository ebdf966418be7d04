/**
 * ModernBERT reward models: rotary positions, layers that see everything among layers that see a window, gated feed-forward layers, and hardly
 * any biases. Warner et al. 2024, https://arxiv.org/abs/2412.13663; as transformers 5.24 computes `ModernBertForSequenceClassification`.
 */
import type { Dim } from "../../graph/dims.ts";
import { add, div, lessEqual, mul, scalar, where } from "../../graph/ops/elementwise.ts";
import { gatherRows, iota, sizeOf } from "../../graph/ops/gather.ts";
import { reshape, slice, sum, transpose } from "../../graph/ops/layout.ts";
import { matmul } from "../../graph/ops/matmul.ts";
import { attend, layerNorm } from "../../graph/ops/nn.ts";
import { rope } from "../../graph/ops/rope.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { floats, ints } from "../../runtime/values.ts";
import type { Activation, ConfigReader, HarmlessKeys } from "../config.ts";
import { COMMON_HARMLESS, dropouts, harmless } from "../config-keys.ts";
import { activate, createContext, type ModelContext } from "../context.ts";
import { layerKinds } from "../families/layer-kinds.ts";
import { type Rope, ropeOf, turns } from "../rope.ts";
import { readLayerRopes } from "../rope-config.ts";
import { type EncoderFamily, encoderInputs, kept, oneLabel, paddingBias } from "./encoder.ts";

type ModernBertConfig = {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly maxPositions: number;
  readonly normEpsilon: number;
  readonly normBias: boolean;
  readonly attentionBias: boolean;
  readonly mlpBias: boolean;
  readonly activation: Activation;
  readonly headBias: boolean;
  readonly headActivation: Activation;
  /** The first token's state, or the mean of all. */
  readonly pooling: "cls" | "mean";
  readonly rope: (layer: number) => Rope;
  /** Tokens seen to each side; undefined where all are. */
  readonly window: (layer: number) => number | undefined;
};

const LANGUAGE_MODEL = "for the language-model head, which a reward model does not have";

const HARMLESS: HarmlessKeys = {
  ...COMMON_HARMLESS,
  ...dropouts("attention_dropout", "embedding_dropout", "mlp_dropout", "classifier_dropout"),
  ...harmless(
    "the type of the stored weights is in their file; arithmetic is float32",
    "dtype",
    "torch_dtype",
  ),
  ...harmless(
    LANGUAGE_MODEL,
    "decoder_bias",
    "sparse_prediction",
    "sparse_pred_ignore_index",
    "tie_word_embeddings",
  ),
  ...harmless("weights are drawn with it once", "initializer_cutoff_factor"),
  ...harmless(
    "how transformers runs it, not what it computes",
    "deterministic_flash_attn",
    "reference_compile",
    "repad_logits_with_grad",
  ),
  ...harmless("norm_eps is what the model reads", "layer_norm_eps"),
  ...harmless("positions are rotary whatever it says, as in transformers", "position_embedding_type"),
};

/** ModernBertForSequenceClassification. */
export const modernBert: EncoderFamily = {
  modelType: "modernbert",
  rewardModel: "ModernBertForSequenceClassification",
  describe: (json) => {
    const config = read(json);
    json.refuseUnread("modernbert", HARMLESS);
    return {
      modelType: "modernbert",
      vocabSize: config.vocabSize,
      maxPositions: config.maxPositions,
      scores: (batch: Dim = "B") => scores(config, batch),
      feeds: (width) => {
        const places = Array.from({ length: width }, (_, t) => t);
        return {
          places: ints(places),
          distances: floats(
            places.flatMap((i) => places.map((j) => Math.abs(i - j))),
            [width, width],
          ),
        };
      },
    };
  },
};

/** Layers that see everything, where `layer_types` does not say: one in so many, from the first. */
const EVERY = 3;

function read(json: ConfigReader): ModernBertConfig {
  oneLabel(json);
  const hiddenSize = json.size("hidden_size", 768);
  const heads = json.size("num_attention_heads", 12);
  const layers = json.layers("num_hidden_layers", 22);
  const maxPositions = json.size("max_position_embeddings", 8192);
  if (hiddenSize % heads !== 0) throw json.error("num_attention_heads", `a divisor of ${hiddenSize}`, heads);
  const every = json.size("global_attn_every_n_layers", EVERY);
  const kinds = layerKinds(json, layers, (layer) => layer % every !== 0);
  if (json.has("global_attn_every_n_layers") && json.has("layer_types"))
    json.agrees(
      "layer_types",
      `global_attn_every_n_layers ${every} as layer types`,
      kinds.map((_, layer) => (layer % every === 0 ? "full_attention" : "sliding_attention")),
    );
  // In transformers this key would be for layers of both kinds; nobody has it.
  json.only("rope_scaling", null);
  for (const key of ["global_rope_theta", "local_rope_theta"])
    if (json.raw(key) === null) throw json.error(key, "a positive number", null);
  const settings = readLayerRopes(
    json,
    { theta: 160_000, thetaKey: "global_rope_theta" },
    { key: "local_rope_theta", fallback: 10_000 },
  );
  const sizes = {
    headDim: hiddenSize / heads,
    maxPositions,
    types: ["default", "linear", "dynamic", "yarn", "llama3"],
  };
  const ropes = {
    full_attention: ropeOf(json, settings.full_attention, sizes),
    sliding_attention: ropeOf(json, settings.sliding_attention, sizes),
  };
  const half = Math.floor(json.size("local_attention", 128) / 2);
  if (json.has("sliding_window")) json.agrees("sliding_window", "half of local_attention", half);
  const pooling = json.text("classifier_pooling", "cls");
  if (pooling !== "cls" && pooling !== "mean")
    throw json.error("classifier_pooling", '"cls" or "mean"', pooling);
  return {
    vocabSize: json.size("vocab_size", 50368),
    hiddenSize,
    layers,
    heads,
    intermediateSize: json.size("intermediate_size", 1152),
    maxPositions,
    normEpsilon: json.number("norm_eps", 1e-5),
    normBias: json.flag("norm_bias", false),
    attentionBias: json.flag("attention_bias", false),
    mlpBias: json.flag("mlp_bias", false),
    activation: json.activation("hidden_activation", "gelu"),
    headBias: json.flag("classifier_bias", false),
    headActivation: json.activation("classifier_activation", "gelu"),
    pooling,
    rope: (layer) => ropes[kinds[layer]!],
    window: (layer) => (kinds[layer] === "sliding_attention" ? half : undefined),
  };
}

/** Tensors that all layers share. */
type Shared = {
  readonly batch: Dim;
  /** -1e30 where a token may not look, `[B, 1, T, T]`. */
  readonly everywhere: Tensor;
  /** |query position - key position| `[T, T]`. */
  readonly distances: Tensor;
};

function scores(config: ModernBertConfig, batch: Dim): { scores: Tensor; context: ModelContext } {
  const { ids, mask } = encoderInputs(batch);
  const { vocabSize, hiddenSize, headBias, headActivation } = config;
  // Every sequence has the positions 0 … T - 1, one after another: [B·T].
  const grid = add(reshape(mul(mask, 0), [batch, "T"]), input("places", "int", ["T"]));
  const m = createContext({ ids, positions: reshape(grid, [-1]), attention: () => ids });
  const shared = { batch, everywhere: paddingBias(mask), distances: input("distances", "float", ["T", "T"]) };
  const table = m.weight("model.embeddings.tok_embeddings.weight", [vocabSize, hiddenSize]);
  let x = norm(config, m, gatherRows(table, reshape(ids, [-1])), "model.embeddings.norm"); // [B·T, C]
  for (let layer = 0; layer < config.layers; layer++) x = block(config, m, shared, x, layer);
  const states = norm(config, m, x, "model.final_norm");
  const pooled = config.pooling === "cls" ? firstToken(states, batch) : meanToken(states, mask, batch);
  const dense = activate(m.linear(pooled, "head.dense", hiddenSize, { bias: headBias }), headActivation);
  const score = m.linear(norm(config, m, dense, "head.norm"), "classifier", 1, { bias: true });
  return { scores: reshape(score, [batch]), context: m };
}

/** States of the [CLS] tokens, `[B, C]`. */
const firstToken = (states: Tensor, batch: Dim): Tensor => gatherRows(states, mul(iota(batch), sizeOf("T")));

/** Means over each sequence's tokens, `[B, C]`. */
function meanToken(states: Tensor, mask: Tensor, batch: Dim): Tensor {
  const weights = kept(mask);
  const size = states.shape[1]!;
  const total = sum(reshape(mul(states, weights), [batch, "T", size]), [1]);
  return div(total, sum(reshape(weights, [batch, "T", 1]), [1]));
}

function norm(
  { hiddenSize, normBias, normEpsilon }: ModernBertConfig,
  m: ModelContext,
  x: Tensor,
  name: string,
) {
  const weight = m.weight(`${name}.weight`, [hiddenSize]);
  return layerNorm(x, weight, normBias ? m.weight(`${name}.bias`, [hiddenSize]) : undefined, normEpsilon);
}

function block(config: ModernBertConfig, m: ModelContext, shared: Shared, x: Tensor, layer: number): Tensor {
  const { hiddenSize, intermediateSize, mlpBias, activation } = config;
  const name = `model.layers.${layer}`;
  // The first layer has no norm: the embeddings' own is before it.
  const y = layer === 0 ? x : norm(config, m, x, `${name}.attn_norm`);
  const attended = add(x, attention(config, m, shared, y, layer));
  const inner = m.linear(
    norm(config, m, attended, `${name}.mlp_norm`),
    `${name}.mlp.Wi`,
    2 * intermediateSize,
    {
      bias: mlpBias,
    },
  );
  const [up, gate] = [0, 1].map((half) => slice(inner, 1, half * intermediateSize, intermediateSize));
  const down = m.linear(mul(activate(up!, activation), gate!), `${name}.mlp.Wo`, hiddenSize, {
    bias: mlpBias,
  });
  return add(attended, down);
}

function attention(
  config: ModernBertConfig,
  m: ModelContext,
  { batch, everywhere, distances }: Shared,
  x: Tensor,
  layer: number,
): Tensor {
  const { hiddenSize, heads, attentionBias } = config;
  const headDim = hiddenSize / heads;
  const name = `model.layers.${layer}.attn`;
  const { cosine, sine } = turns(m, config.rope(layer));
  const all = m.linear(x, `${name}.Wqkv`, 3 * hiddenSize, { bias: attentionBias });
  const part = (i: number) => reshape(slice(all, 1, i * hiddenSize, hiddenSize), [-1, heads, headDim]); // [B·T, H, D]
  const toHeads = (y: Tensor) => transpose(reshape(y, [batch, "T", heads, headDim]), [0, 2, 1, 3]); // [B, H, T, D]
  const [q, k] = [0, 1].map((i) => toHeads(rope(part(i), cosine, sine)));
  const window = config.window(layer);
  const bias =
    window === undefined
      ? everywhere
      : add(everywhere, where(lessEqual(distances, scalar(window)), scalar(0), scalar(-1e30)));
  const seen = matmul(q!, k!, { transB: true, alpha: headDim ** -0.5 });
  const mixed = attend(add(seen, bias), toHeads(part(2)));
  return m.linear(reshape(transpose(mixed, [0, 2, 1, 3]), [-1, hiddenSize]), `${name}.Wo`, hiddenSize, {
    bias: attentionBias,
  });
}
