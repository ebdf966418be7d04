/**
 * DeBERTa v2 and v3 reward models: an encoder with disentangled attention, whose score is read from the first token.
 * He et al. 2021, https://arxiv.org/abs/2006.03654. Used as a gold scorer; it has no language-model head here.
 */
import { CheckpointError } from "../../../base/core/errors.ts";
import type { Dim } from "../../graph/dims.ts";
import { add, mul } from "../../graph/ops/elementwise.ts";
import { gatherRows, iota, sizeOf, takeAlong } from "../../graph/ops/gather.ts";
import { reshape, transpose } from "../../graph/ops/layout.ts";
import { matmul } from "../../graph/ops/matmul.ts";
import { attend } from "../../graph/ops/nn.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { ints } from "../../runtime/values.ts";
import type { Activation, ConfigReader, HarmlessKeys } from "../config.ts";
import { COMMON_HARMLESS, dropouts, harmless } from "../config-keys.ts";
import { activate, createContext, type ModelContext } from "../context.ts";
import {
  type EncoderFamily,
  type EncoderInputs,
  encoderInputs,
  kept,
  oneLabel,
  paddingBias,
} from "./encoder.ts";
import { type RelativePositions, relativeIndices } from "./relative-positions.ts";

/** What a DeBERTa config says. */
type DebertaConfig = {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly maxPositions: number;
  readonly normEpsilon: number;
  readonly activation: Activation;
  readonly poolerActivation: Activation;
  readonly positionBiased: boolean;
  readonly typeVocabSize: number;
  readonly contentToPosition: boolean;
  readonly positionToContent: boolean;
  readonly normRelative: boolean;
  readonly relative: RelativePositions;
};

/** DebertaV2ForSequenceClassification. */
export const debertaV2: EncoderFamily = {
  modelType: "deberta-v2",
  rewardModel: "DebertaV2ForSequenceClassification",
  describe: (json) => {
    const config = read(json);
    json.refuseUnread("deberta-v2", { ...COMMON_HARMLESS, ...HARMLESS });
    return {
      modelType: "deberta-v2",
      vocabSize: config.vocabSize,
      maxPositions: config.maxPositions,
      scores: (batch: Dim = "B") => debertaScores(config, batch),
      feeds: (width) => {
        const { contentToPosition, positionToContent } = relativeIndices(width, config.relative);
        return {
          contentToPosition: ints(contentToPosition, [width, width]),
          positionToContent: ints(positionToContent, [width, width]),
          places: ints(Array.from({ length: width }, (_, t) => t)),
        };
      },
    };
  },
};

function read(config: ConfigReader): DebertaConfig {
  // Both are false in a config that does not say them.
  for (const key of ["relative_attention", "share_att_key"])
    if (!config.flag(key, false)) throw config.error(key, "true (false is not supported)", config.raw(key));
  config.only("conv_kernel_size", 0);
  const hiddenSize = config.size("hidden_size", 1536);
  config.only("embedding_size", hiddenSize);
  config.only("pooler_hidden_size", hiddenSize);
  oneLabel(config);
  const maxPositions = config.size("max_position_embeddings", 512);
  const maxRelative = config.number("max_relative_positions", -1);
  const maxDistance = maxRelative < 1 ? maxPositions : maxRelative;
  const buckets = config.number("position_buckets", -1);
  // The scale of the far buckets is divided by the logarithm of 1 then, and distances have no bucket.
  if (buckets > 0 && maxDistance - 1 === Math.floor(buckets / 2))
    throw config.error(
      "max_relative_positions",
      `another than ${maxDistance} beside ${buckets} position_buckets, which leave far distances no bucket`,
      maxDistance,
    );
  const kinds = attentionTypes(config);
  return {
    vocabSize: config.size("vocab_size", 128100),
    hiddenSize,
    layers: config.layers("num_hidden_layers", 24),
    heads: config.size("num_attention_heads", 24),
    intermediateSize: config.size("intermediate_size", 6144),
    maxPositions,
    normEpsilon: config.number("layer_norm_eps", 1e-7),
    activation: config.activation("hidden_act", "gelu"),
    poolerActivation: config.activation("pooler_hidden_act", "gelu"),
    positionBiased: config.flag("position_biased_input", true),
    typeVocabSize: config.number("type_vocab_size", 0),
    contentToPosition: kinds.has("c2p"),
    positionToContent: kinds.has("p2c"),
    normRelative: String(config.raw("norm_rel_ebd") ?? "none").includes("layer_norm"),
    relative: { span: buckets > 0 ? buckets : maxDistance, buckets, maxDistance },
  };
}

const HARMLESS: HarmlessKeys = {
  ...dropouts("attention_probs_dropout_prob", "hidden_dropout_prob", "pooler_dropout", "cls_dropout"),
  ...harmless(
    "the type of the stored weights is in their file; arithmetic is float32",
    "dtype",
    "torch_dtype",
  ),
  ...harmless(
    "for the language-model head, which a reward model does not have",
    "legacy",
    "tie_word_embeddings",
  ),
  ...harmless("of a convolution that is off", "conv_act", "conv_groups", "conv_dropout"),
};

function attentionTypes(config: ConfigReader): Set<string> {
  const raw = config.raw("pos_att_type") ?? [];
  const kinds = new Set(Array.isArray(raw) ? raw.map(String) : String(raw).split("|"));
  for (const kind of kinds)
    if (kind !== "c2p" && kind !== "p2c")
      throw new CheckpointError(config.file, `"pos_att_type": expected c2p and p2c, got "${kind}".`);
  return kinds;
}

/** The inputs of every encoder, and DeBERTa's own. */
type DebertaInputs = EncoderInputs & {
  /** Rows of the relative table `[T, T]`. */
  readonly contentToPosition: Tensor;
  readonly positionToContent: Tensor;
  /** 0 … T - 1 `[T]`. */
  readonly places: Tensor;
};

function debertaScores(config: DebertaConfig, batch: Dim): { scores: Tensor; context: ModelContext } {
  const square = (name: string) => input(name, "int", ["T", "T"]);
  const inputs: DebertaInputs = {
    ...encoderInputs(batch),
    contentToPosition: square("contentToPosition"),
    positionToContent: square("positionToContent"),
    places: input("places", "int", ["T"]),
  };
  const context = createContext({ ids: inputs.ids, positions: inputs.places, attention: () => inputs.ids });
  let x = embed(config, context, inputs);
  const relative = relativeTable(config, context);
  const bias = paddingBias(inputs.mask);
  for (let layer = 0; layer < config.layers; layer++)
    x = block(config, context, { x, relative, bias, inputs, layer });
  const starts = mul(iota(batch), sizeOf("T"));
  const first = gatherRows(x, starts); // [B, C], the [CLS] tokens
  const pooled = activate(
    context.linear(first, "pooler.dense", config.hiddenSize, { bias: true }),
    config.poolerActivation,
  );
  return { scores: reshape(context.linear(pooled, "classifier", 1, { bias: true }), [batch]), context };
}

function embed(config: DebertaConfig, m: ModelContext, { ids, types, mask, places }: DebertaInputs): Tensor {
  const { vocabSize, hiddenSize, maxPositions, typeVocabSize, normEpsilon } = config;
  const flat = (x: Tensor) => reshape(x, [-1]);
  const name = "deberta.embeddings";
  let x = gatherRows(m.weight(`${name}.word_embeddings.weight`, [vocabSize, hiddenSize]), flat(ids)); // [B·T, C]
  if (config.positionBiased) {
    const rows = gatherRows(
      m.weight(`${name}.position_embeddings.weight`, [maxPositions, hiddenSize]),
      places,
    );
    x = reshape(add(reshape(x, [ids.shape[0]!, "T", hiddenSize]), rows), [-1, hiddenSize]);
  }
  if (typeVocabSize > 0)
    x = add(
      x,
      gatherRows(m.weight(`${name}.token_type_embeddings.weight`, [typeVocabSize, hiddenSize]), flat(types)),
    );
  const normal = m.layerNorm(x, `${name}.LayerNorm`, normEpsilon);
  return mul(normal, kept(mask));
}

function relativeTable(config: DebertaConfig, m: ModelContext): Tensor {
  const table = m.weight("deberta.encoder.rel_embeddings.weight", [
    2 * config.relative.span,
    config.hiddenSize,
  ]);
  return config.normRelative ? m.layerNorm(table, "deberta.encoder.LayerNorm", config.normEpsilon) : table;
}

type BlockInput = { x: Tensor; relative: Tensor; bias: Tensor; inputs: DebertaInputs; layer: number };

function block(
  config: DebertaConfig,
  m: ModelContext,
  { x, relative, bias, inputs, layer }: BlockInput,
): Tensor {
  const { hiddenSize, intermediateSize, normEpsilon, activation } = config;
  const name = `deberta.encoder.layer.${layer}`;
  const mixed = attention(config, m, { x, relative, bias, inputs, layer });
  const attended = m.linear(mixed, `${name}.attention.output.dense`, hiddenSize, { bias: true });
  const y = m.layerNorm(add(attended, x), `${name}.attention.output.LayerNorm`, normEpsilon);
  const up = activate(
    m.linear(y, `${name}.intermediate.dense`, intermediateSize, { bias: true }),
    activation,
  );
  const down = m.linear(up, `${name}.output.dense`, hiddenSize, { bias: true });
  return m.layerNorm(add(down, y), `${name}.output.LayerNorm`, normEpsilon);
}

/** Content-to-content, content-to-position and position-to-content scores (He et al. 2021, eq. 4). */
function attention(
  config: DebertaConfig,
  m: ModelContext,
  { x, relative, bias, inputs, layer }: BlockInput,
): Tensor {
  const { hiddenSize, heads } = config;
  const headDim = hiddenSize / heads;
  const name = `deberta.encoder.layer.${layer}.attention.self`;
  const project = (from: Tensor, part: string) =>
    m.linear(from, `${name}.${part}`, hiddenSize, { bias: true });
  const toHeads = (y: Tensor) =>
    transpose(reshape(y, [inputs.ids.shape[0]!, "T", heads, headDim]), [0, 2, 1, 3]); // [B, H, T, D]
  const table = (part: string) =>
    transpose(reshape(project(relative, part), [-1, heads, headDim]), [1, 0, 2]); // [H, 2S, D]
  const [q, k, v] = ["query_proj", "key_proj", "value_proj"].map((part) => toHeads(project(x, part)));
  const terms = 1 + Number(config.contentToPosition) + Number(config.positionToContent);
  const alpha = (headDim * terms) ** -0.5;
  let scores = matmul(q!, k!, { transB: true, alpha });
  if (config.contentToPosition)
    scores = add(
      scores,
      takeAlong(matmul(q!, table("key_proj"), { transB: true, alpha }), inputs.contentToPosition),
    );
  if (config.positionToContent) {
    const seen = takeAlong(
      matmul(k!, table("query_proj"), { transB: true, alpha }),
      inputs.positionToContent,
    );
    scores = add(scores, transpose(seen, [0, 1, 3, 2]));
  }
  const mixed = attend(add(scores, bias), v!);
  return reshape(transpose(mixed, [0, 2, 1, 3]), [-1, hiddenSize]);
}
