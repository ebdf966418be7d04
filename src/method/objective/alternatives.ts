/**
 * Scores of single tokens with what stood beside them: the rank of each token, and the likeliest tokens in its place. What servers of
 * models call `logprobs` and `prompt_logprobs`.
 */

import { writeProgram } from "../../engine/graph/onnx/write.ts";
import { equal, less, scalar, toFloat, where } from "../../engine/graph/ops/elementwise.ts";
import { argmax } from "../../engine/graph/ops/extremes.ts";
import { gatherRows, iota, takeLast } from "../../engine/graph/ops/gather.ts";
import { concat, reshape, slice, sum } from "../../engine/graph/ops/layout.ts";
import { pickLogSoftmax } from "../../engine/graph/ops/nn.ts";
import { input, type Tensor } from "../../engine/graph/tensor.ts";
import type { ModelContext } from "../../engine/model/context.ts";
import type { Decoder } from "../../engine/model/family.ts";
import { logits, TARGET_MULTIPLE } from "../../engine/model/heads.ts";
import { keyOf, type Model } from "../../engine/model/model.ts";
import type { Executable, Runtime } from "../../engine/runtime/runtime.ts";
import { planMicroBatches } from "../data/batching.ts";
import { packOptions, packRows, type TokenRow } from "../data/packing.ts";
import { runPacked } from "./logps.ts";
import { feedsOf } from "./score.ts";

/** One token of a text as the model saw it coming. */
export type TokenScore = {
  readonly id: number;
  /** log π(token | all before it), nats. */
  readonly logp: number;
  /** 1 for the likeliest token; tokens that are exactly as likely share a rank. */
  readonly rank: number;
  /** The k likeliest tokens, best first; equal ones by id. */
  readonly top: readonly { readonly id: number; readonly logp: number }[];
};

/** Scores token by token. */
export interface TokenScorer {
  /** The responses of each row, token by token, in their order. A score depends on the row alone, not on its batch. */
  score(rows: readonly TokenRow[]): Promise<TokenScore[][][]>;
}

/**
 * Compiles the program of a language model.
 * @param k - likeliest tokens to give in each place, 0 or more; each costs one pass over the vocabulary
 * @param options.tokens - most tokens in one run, default 2048
 */
export async function openTokenScorer(
  runtime: Runtime,
  model: Model,
  k: number,
  { tokens = 2048 }: { readonly tokens?: number } = {},
): Promise<TokenScorer> {
  const executable = await runtime.compile(writeProgram(outputsOf(model, k), runtime.dialect));
  return {
    async score(rows) {
      const scores: TokenScore[][][] = new Array(rows.length);
      for (const indices of planMicroBatches(rows, { tokens })) {
        const batch = indices.map((i) => rows[i]!);
        const results = await scoreBatch(executable, model, batch, k);
        indices.forEach((index, i) => {
          scores[index] = results[i]!;
        });
      }
      return scores;
    },
  };
}

/** Parts in which logits are made, as in `tokenLogps`: never a tokens-by-vocabulary matrix of the whole batch. */
const CHUNKS = TARGET_MULTIPLE;

function outputsOf({ decoder, lora }: Model, k: number): Record<string, Tensor> {
  const { context, hidden } = runPacked(decoder, { lora });
  const [rows, targets] = [input("rows", "int", ["4*R"]), input("targets", "int", ["4*R"])];
  const width = hidden.shape[1]!;
  const [places, wanted] = [
    reshape(gatherRows(hidden, rows), [CHUNKS, "R", width]),
    reshape(targets, [CHUNKS, "R"]),
  ];
  const parts = Array.from({ length: CHUNKS }, (_, i) =>
    chunkOutputs(context, decoder, k, {
      hidden: reshape(slice(places, 0, i, 1), ["R", width]),
      targets: reshape(slice(wanted, 0, i, 1), ["R"]),
    }),
  );
  const names = Object.keys(parts[0]!);
  return Object.fromEntries(
    names.map((name) => {
      const rowsOf = parts.map((part) => reshape(part[name]!, [1, "R"]));
      return [name, reshape(concat(rowsOf, 0), ["4*R"])];
    }),
  );
}

/** Of each place `[R]`: the target's log-probability and how many tokens are likelier; then ids and log-probabilities of the best k. */
function chunkOutputs(
  context: ModelContext,
  decoder: Decoder,
  k: number,
  { hidden, targets }: { hidden: Tensor; targets: Tensor },
): Record<string, Tensor> {
  const scores = logits(context, decoder, hidden); // [R, V]
  const own = reshape(takeLast(scores, targets), ["R", 1]);
  const outputs: Record<string, Tensor> = {
    logps: pickLogSoftmax(scores, targets),
    above: sum(toFloat(less(own, scores)), [1]),
  };
  const columns = reshape(iota(scores.shape[1]!), [1, scores.shape[1]!]);
  let left = scores;
  for (let i = 0; i < k; i++) {
    const best = argmax(left);
    outputs[`id${i}`] = best;
    outputs[`logp${i}`] = pickLogSoftmax(scores, best);
    left = where(equal(columns, reshape(best, ["R", 1])), scalar(LOWEST), left);
  }
  return outputs;
}

/** Below every logit. */
const LOWEST = -3e38;

async function scoreBatch(
  executable: Executable,
  model: Model,
  rows: readonly TokenRow[],
  k: number,
): Promise<TokenScore[][][]> {
  const values = await executable.run(feedsOf(packRows(rows, packOptions(model)), executable), {
    parameter: (name) => keyOf(model, name),
  });
  const at = (name: string, token: number) => Number(values[name]!.data[token]);
  let token = 0;
  return rows.map(({ responses }) =>
    responses.map((ids) =>
      ids.map((id): TokenScore => {
        const here = token++;
        const top = Array.from({ length: k }, (_, i) => {
          return { id: at(`id${i}`, here), logp: at(`logp${i}`, here) };
        });
        return { id, logp: at("logps", here), rank: 1 + at("above", here), top };
      }),
    ),
  );
}
