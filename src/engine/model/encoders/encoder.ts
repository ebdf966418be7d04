/** What every encoder with a score has in common: its inputs, and what is built and fed for it. */
import type { Dim } from "../../graph/dims.ts";
import { equal, scalar, where } from "../../graph/ops/elementwise.ts";
import { reshape } from "../../graph/ops/layout.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import type { Value } from "../../runtime/protocol.ts";
import type { ConfigReader } from "../config.ts";
import type { ModelContext } from "../context.ts";

/** A reward model that reads a whole text at once. */
export type Encoder = {
  readonly modelType: string;
  readonly vocabSize: number;
  /** Longest sequence, tokens. */
  readonly maxPositions: number;
  /** One score per sequence `[batch]`, and the parameters it is made of. @param batch - the number of sequences; "2*P" where they come in pairs */
  scores(batch?: Dim): { readonly scores: Tensor; readonly context: ModelContext };
  /** What it is fed beside `ids`, `types` and `mask`, for sequences padded to `width`. */
  feeds(width: number): Readonly<Record<string, Value>>;
};

/** A kind of encoder: one row of the table in `index.ts`. */
export type EncoderFamily = {
  readonly modelType: string;
  /** Class of its reward models. */
  readonly rewardModel: string;
  /** Reads a config whose `model_type` and `architectures` are this family's. @throws CheckpointError for a setting that is not computed here */
  describe(config: ConfigReader): Encoder;
};

/** A batch of right-padded sequences. */
export type EncoderInputs = {
  /** Token ids `[B, T]`; padding anything. */
  readonly ids: Tensor;
  /** 0 or 1 per token `[B, T]`: first or second text. */
  readonly types: Tensor;
  /** 1 for tokens, 0 for padding `[B, T]`. */
  readonly mask: Tensor;
};

/** Declares them. */
export function encoderInputs(batch: Dim): EncoderInputs {
  const grid = (name: string) => input(name, "int", [batch, "T"]);
  return { ids: grid("ids"), types: grid("types"), mask: grid("mask") };
}

/** 0 where tokens see tokens and padding sees padding (so that its rows stay finite), -1e30 elsewhere: `[B, 1, T, T]`. */
export function paddingBias(mask: Tensor): Tensor {
  const batch = mask.shape[0]!;
  const alike = equal(reshape(mask, [batch, "T", 1]), reshape(mask, [batch, 1, "T"]));
  return reshape(where(alike, scalar(0), scalar(-1e30)), [batch, 1, "T", "T"]);
}

/** 1 for tokens and 0 for padding, as a column `[B·T, 1]`. */
export function kept(mask: Tensor): Tensor {
  return where(equal(reshape(mask, [-1, 1]), 1), scalar(1), scalar(0));
}

/** @throws CheckpointError for a head with another number of labels than one */
export function oneLabel(config: ConfigReader): void {
  const labels = config.object("id2label");
  if (labels !== undefined && Object.keys(labels).length !== 1)
    throw config.error("id2label", "one label (a score)", labels);
  config.agrees("num_labels", "labels in id2label", 1);
}
