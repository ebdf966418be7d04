/**
 * Response log-probabilities: the one place where they are computed. Trainer, labeller and evaluator all build
 * their programs on this, over the token ids of `engine/text/pair.ts`.
 */
import type { Dim } from "../../engine/graph/dims.ts";
import { mul } from "../../engine/graph/ops/elementwise.ts";
import { scatterAddRows } from "../../engine/graph/ops/gather.ts";
import { input, type Tensor } from "../../engine/graph/tensor.ts";
import { packedAttention, packedInputs } from "../../engine/model/attention.ts";
import { type ContextSetup, createContext, type ModelContext } from "../../engine/model/context.ts";
import type { Decoder } from "../../engine/model/family.ts";
import { runTrunk, tokenLogps } from "../../engine/model/heads.ts";

/** A decoder run over a packed batch. */
export type PackedRun = {
  readonly context: ModelContext;
  /** Last hidden states `[N, E]`. */
  readonly hidden: Tensor;
  /** Inputs of the blocks and output of the last, each `[N, C]`: boundaries for gradient checkpointing. */
  readonly layers: readonly Tensor[];
};

/** Runs a decoder over a packed batch (`method/data/packing.ts`). */
export function runPacked(decoder: Decoder, setup: Pick<ContextSetup, "lora" | "dropout"> = {}): PackedRun {
  const inputs = packedInputs();
  const context = createContext({ ...setup, ...inputs, attention: packedAttention(inputs) });
  return { context, ...runTrunk(context, decoder) };
}

/** Log-probabilities of a packed batch's responses, nats. */
export type ResponseLogps = {
  /** Summed over each response's tokens `[S]`. */
  readonly summed: Tensor;
  /** Each response token's own `[4·R]`; 0 where padded. */
  readonly perToken: Tensor;
  /** Tokens of each response `[S]`. */
  readonly lengths: Tensor;
};

/**
 * log π(response | prompt) of every response in the batch.
 * @param options.sequences - the number of responses, default "S"; "2*P" where every row is a pair
 * @param options.chunks - parts in which logits are made, default 4; 1 is faster where they are kept for the backward pass
 */
export function responseLogps(
  decoder: Decoder,
  { context, hidden }: PackedRun,
  options: { sequences?: Dim; chunks?: 1 | 2 | 4 } = {},
): ResponseLogps {
  const { sequences = "S", chunks = 4 } = options;
  const predicted = "4*R";
  const rows = input("rows", "int", [predicted]);
  const targets = input("targets", "int", [predicted]);
  const owners = input("owners", "int", [predicted]);
  const weights = input("weights", "float", [predicted]);
  const perToken = mul(tokenLogps(context, decoder, { hidden, rows, targets }, chunks), weights);
  const lengths = input("lengths", "float", [sequences]);
  const summed = scatterAddRows(perToken, owners, [sequences], mul(lengths, 0));
  return { summed, perToken, lengths };
}
