/** What is computed from a decoder's last hidden states: token log-probabilities, logits, reward scores. */

import type { Dim } from "../graph/dims.ts";
import { gatherRows } from "../graph/ops/gather.ts";
import { reshape, slice } from "../graph/ops/layout.ts";
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
  const scores = linear(hidden, weight);
  return decoder.logitCap === undefined ? scores : softCap(scores, decoder.logitCap);
}

/** A size that is split into `LOGIT_CHUNKS` equal parts must be a multiple of it. */
export const LOGIT_CHUNKS = 4;

/**
 * Log-probability of each target token, nats. Only rows that predict a target are multiplied by the vocabulary,
 * and in `LOGIT_CHUNKS` parts, so that no tokens-by-vocabulary matrix of the whole batch exists.
 * @param rows - index into hidden of the token that predicts each target, `[4·R]`
 * @param targets - token ids `[4·R]`
 * @returns one `[R]` per chunk
 */
export function tokenLogps(
  context: ModelContext,
  decoder: Decoder,
  { hidden, rows, targets }: { hidden: Tensor; rows: Tensor; targets: Tensor },
): Tensor[] {
  const chunk: Dim = "R";
  const picked = reshape(gatherRows(hidden, rows), [LOGIT_CHUNKS, chunk, hidden.shape[1]!]);
  const wanted = reshape(targets, [LOGIT_CHUNKS, chunk]);
  return Array.from({ length: LOGIT_CHUNKS }, (_, i) => {
    const part = reshape(slice(picked, 0, i, 1), [chunk, hidden.shape[1]!]);
    return pickLogSoftmax(logits(context, decoder, part), reshape(slice(wanted, 0, i, 1), [chunk]));
  });
}

/** Name of the scalar head's weight, as Hugging Face stores it. */
export const REWARD_HEAD = "score.weight";

/** Reward of each sequence, read at its last token: hidden `[N, E]`, ends `[S]` → `[S]`. */
export function rewardScores(context: ModelContext, decoder: Decoder, hidden: Tensor, ends: Tensor): Tensor {
  const weight = context.weight(REWARD_HEAD, [1, decoder.config.embeddingSize]);
  return reshape(linear(gatherRows(hidden, ends), weight), ends.shape);
}
