/**
 * The block of Llama and of the many families that differ from it in a few places: root-mean-square norms, rotary
 * positions, grouped-query attention, a gated feed-forward layer.
 */
import { add, mul } from "../../graph/ops/elementwise.ts";
import { gatherRows } from "../../graph/ops/gather.ts";
import { reshape, slice } from "../../graph/ops/layout.ts";
import { rope } from "../../graph/ops/rope.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { DecoderConfig } from "../config.ts";
import { activate, type ModelContext } from "../context.ts";
import type { Decoder } from "../family.ts";
import { type Rope, turns } from "../rope.ts";

/** How a family's block differs from Llama's. */
export type LlamaVariant = {
  /** Rotary positions of a layer; undefined for a layer without (SmolLM3). */
  readonly rope: (layer: number) => Rope | undefined;
  /** Bias on query, key and value (Qwen 2). */
  readonly qkvBias?: boolean;
  readonly outputBias?: boolean;
  readonly mlpBias?: boolean;
  /** Query, key and value are one projection `qkv_proj`, gate and up another, `gate_up_proj` (Phi-3). */
  readonly fused?: boolean;
  /** Norms of queries and keys before rotation: of each head (Qwen 3), or of all heads together (OLMo 2). */
  readonly queryNorms?: "heads" | "whole";
  /** Norm weights are stored as w in (1 + w) (Gemma). */
  readonly plusOne?: boolean;
  /** Where the norms of attention and feed-forward are: before, default; around both (Gemma 2); only after (OLMo 2). */
  readonly norms?: "before" | "around" | "after";
  /** Embeddings are multiplied by this (Gemma, Granite). */
  readonly embeddingScale?: number;
  /** What attention and feed-forward give is multiplied by this before it is added (Granite). */
  readonly residualScale?: number;
  /** Sliding window of a layer, if it has one. */
  readonly window?: (layer: number) => number | undefined;
  /** Factor on scores, default headDim^-1/2. */
  readonly scale?: number;
  readonly scoreCap?: number | undefined;
  readonly logitCap?: number | undefined;
  readonly logitScale?: number | undefined;
};

type Part = (m: ModelContext, x: Tensor, layer: number) => Tensor;

/** A decoder of Llama's shape with a family's differences. */
export function llamaDecoder(config: DecoderConfig, variant: LlamaVariant): Decoder {
  const { vocabSize, hiddenSize, layers } = config;
  const { embeddingScale = 1 } = variant;
  const ropes = Array.from({ length: layers }, (_, layer) => variant.rope(layer));
  return {
    config,
    embeddingName: "model.embed_tokens.weight",
    headName: "lm_head.weight",
    logitCap: variant.logitCap,
    logitScale: variant.logitScale,
    longOver: ropes.find((r) => r?.long !== undefined)?.long?.over,
    embed: (m) => {
      const rows = gatherRows(m.weight("model.embed_tokens.weight", [vocabSize, hiddenSize]), m.ids);
      return embeddingScale === 1 ? rows : mul(rows, embeddingScale);
    },
    block: llamaBlock(config, variant, ropes),
    finish: (m, x) => m.rmsNorm(x, "model.norm", config.normEpsilon, variant.plusOne),
  };
}

function llamaBlock(
  config: DecoderConfig,
  variant: LlamaVariant,
  ropes: readonly (Rope | undefined)[],
): Part {
  const { plusOne = false, norms = "before", residualScale = 1 } = variant;
  const attention = llamaAttention(config, variant, ropes);
  const feedForward = llamaFeedForward(config, variant);
  const join = (x: Tensor, y: Tensor) => add(x, residualScale === 1 ? y : mul(y, residualScale));
  const [before, after] = {
    before: [["input_layernorm", "post_attention_layernorm"], []],
    around: [
      ["input_layernorm", "pre_feedforward_layernorm"],
      ["post_attention_layernorm", "post_feedforward_layernorm"],
    ],
    after: [[], ["post_attention_layernorm", "post_feedforward_layernorm"]],
  }[norms] as [string[], string[]];
  return (m, x, layer) => {
    const norm = (y: Tensor, part: string | undefined) =>
      part === undefined ? y : m.rmsNorm(y, `model.layers.${layer}.${part}`, config.normEpsilon, plusOne);
    const y = join(x, norm(attention(m, norm(x, before[0]), layer), after[0]));
    return join(y, norm(feedForward(m, norm(y, before[1]), layer), after[1]));
  };
}

function llamaAttention(
  config: DecoderConfig,
  variant: LlamaVariant,
  ropes: readonly (Rope | undefined)[],
): Part {
  const { heads, kvHeads, headDim, hiddenSize, normEpsilon } = config;
  const { queryNorms, plusOne = false } = variant;
  const project = variant.fused ? fusedProjections(config) : separateProjections(config, variant);
  return (m, x, layer) => {
    const name = `model.layers.${layer}.self_attn`;
    const turn = ropes[layer] && turns(m, ropes[layer]);
    const norm = (y: Tensor, part: string) => m.rmsNorm(y, `${name}.${part}_norm`, normEpsilon, plusOne);
    const turned = (y: Tensor, part: "q" | "k", count: number) => {
      const whole = queryNorms === "whole" ? norm(y, part) : y;
      const each = queryNorms === "heads" ? norm(reshape(whole, [-1, headDim]), part) : whole;
      const split = reshape(each, ["N", count, headDim]);
      return reshape(turn ? rope(split, turn.cosine, turn.sine) : split, ["N", count * headDim]);
    };
    const [q, k, v] = project(m, x, name);
    const mixed = m.attention(turned(q, "q", heads), turned(k, "k", kvHeads), v, {
      layer,
      heads,
      kvHeads,
      headDim,
      scale: variant.scale ?? headDim ** -0.5,
      window: variant.window?.(layer),
      softCap: variant.scoreCap,
    });
    return m.linear(mixed, `${name}.o_proj`, hiddenSize, { bias: variant.outputBias ?? false });
  };
}

type Projections = (m: ModelContext, x: Tensor, name: string) => [Tensor, Tensor, Tensor];

const separateProjections =
  ({ heads, kvHeads, headDim }: DecoderConfig, { qkvBias: bias = false }: LlamaVariant): Projections =>
  (m, x, name) => {
    const project = (part: string, count: number) =>
      m.linear(x, `${name}.${part}_proj`, count * headDim, { bias });
    return [project("q", heads), project("k", kvHeads), project("v", kvHeads)];
  };

/** One matrix, its rows in the order query, key, value. */
const fusedProjections =
  ({ heads, kvHeads, headDim }: DecoderConfig): Projections =>
  (m, x, name) => {
    const [queries, keys] = [heads * headDim, kvHeads * headDim];
    const all = m.linear(x, `${name}.qkv_proj`, queries + 2 * keys);
    return [slice(all, 1, 0, queries), slice(all, 1, queries, keys), slice(all, 1, queries + keys, keys)];
  };

function llamaFeedForward(config: DecoderConfig, { fused, mlpBias: bias = false }: LlamaVariant): Part {
  const { hiddenSize, intermediateSize, activation } = config;
  return (m, x, layer) => {
    const name = `model.layers.${layer}.mlp`;
    const [gate, up] = fused
      ? halves(m.linear(x, `${name}.gate_up_proj`, 2 * intermediateSize), intermediateSize)
      : [
          m.linear(x, `${name}.gate_proj`, intermediateSize, { bias }),
          m.linear(x, `${name}.up_proj`, intermediateSize, { bias }),
        ];
    return m.linear(mul(activate(gate, activation), up), `${name}.down_proj`, hiddenSize, { bias });
  };
}

const halves = (x: Tensor, size: number): [Tensor, Tensor] => [slice(x, 1, 0, size), slice(x, 1, size, size)];
