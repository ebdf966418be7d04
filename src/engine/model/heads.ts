/** What is computed from a decoder's last hidden states: token log-probabilities, logits, reward scores. */

import { mul } from "../graph/ops/elementwise.ts";
import { gatherRows } from "../graph/ops/gather.ts";
import { concat, reshape, slice } from "../graph/ops/layout.ts";
import { linear } from "../graph/ops/matmul.ts";
import { pickLogSoftmax, softCap } from "../graph/ops/nn.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ModelContext } from "./context.ts";
import type { Decoder } from "./family.ts";

/** Runs a decoder: `[N, E]`, the input of every head; `layers` are the inputs of the blocks. */
export function runTrunk(context: ModelContext, decoder: Decoder): { hidden: Tensor; layers: Tensor[] } {
  let x = decoder.embed(context);
  const layers: Tensor[] = [];
  for (let layer = 0; layer < decoder.config.layers; layer++) {
    layers.push(x);
    x = decoder.block(context, x, layer);
  }
  layers.push(x);
  return { hidden: decoder.finish(context, x), layers };
}

/** Logits over the vocabulary: hidden `[R, E]` → `[R, V]`. */
export function logits(context: ModelContext, decoder: Decoder, hidden: Tensor): Tensor {
  const { vocabSize, embeddingSize, tied } = decoder.config;
  const weight = context.weight(tied ? decoder.embeddingName : decoder.headName, [vocabSize, embeddingSize]);
  const { logitScale = 1 } = decoder;
  const scores = linear(logitScale === 1 ? hidden : mul(hidden, logitScale), weight);
  return decoder.logitCap === undefined ? scores : softCap(scores, decoder.logitCap);
}

/** Predicted tokens come in a multiple of this, so that they can be split into 1, 2 or 4 equal parts. */
export const TARGET_MULTIPLE = 4;

/** Where tokens are predicted: `rows` index into hidden the token that predicts each of `targets`, both `[4·R]`. */
export type Predictions = { readonly hidden: Tensor; readonly rows: Tensor; readonly targets: Tensor };

/**
 * Log-probability of each target token, nats, `[4·R]`. Only rows that predict a target are multiplied by the
 * vocabulary, and in `chunks` parts one after another, so that no tokens-by-vocabulary matrix of all of them exists.
 */
export function tokenLogps(
  context: ModelContext,
  decoder: Decoder,
  { hidden, rows, targets }: Predictions,
  chunks: 1 | 2 | 4,
): Tensor {
  const picked = gatherRows(hidden, rows);
  if (chunks === 1) return pickLogSoftmax(logits(context, decoder, picked), targets);
  const size = `${TARGET_MULTIPLE / chunks}*R`.replace(/^1\*/, "");
  const width = hidden.shape[1]!;
  const parts = Array.from({ length: chunks }, (_, i) => {
    const part = reshape(slice(reshape(picked, [chunks, size, width]), 0, i, 1), [size, width]);
    const wanted = reshape(slice(reshape(targets, [chunks, size]), 0, i, 1), [size]);
    return reshape(pickLogSoftmax(logits(context, decoder, part), wanted), [1, size]);
  });
  return reshape(concat(parts, 0), targets.shape);
}

/** Name of the scalar head's weight, as Hugging Face stores it. */
export const REWARD_HEAD = "score.weight";

/** Reward of each sequence, read at its last token: hidden `[N, E]`, ends `[S]` → `[S]`. */
export function rewardScores(context: ModelContext, decoder: Decoder, hidden: Tensor, ends: Tensor): Tensor {
  const weight = context.weight(REWARD_HEAD, [1, decoder.config.embeddingSize]);
  return reshape(linear(gatherRows(hidden, ends), weight), ends.shape);
}
