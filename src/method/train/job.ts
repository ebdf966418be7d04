/** What a stage hands to the loop. */
import type { Log } from "../../base/core/log.ts";
import type { Model } from "../../engine/model/model.ts";
import type { Value } from "../../engine/runtime/protocol.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenRow } from "../data/packing.ts";
import type { MetricsLine } from "./metrics.ts";
import type { BuildLoss, MicroBatchResult, TrainingPrograms } from "./programs.ts";
import type { TrainSettings } from "./settings.ts";
import type { ValidationResult } from "./validation.ts";

/** What every stage is given; `signal` asks it to save and stop. */
export type StageDeps = {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
};

/** What every stage takes. */
export type StageInput = {
  /** Trained in place, in the store. */
  readonly model: Model;
  readonly settings: TrainSettings;
  /** Where checkpoints, `metrics.jsonl` and TensorBoard events go; a run found there is continued. */
  readonly folder: string;
  /** Start over although the folder holds checkpoints. */
  readonly fresh?: boolean | undefined;
};

/** Rows and what the loss reads besides them. */
export type LossData = {
  readonly rows: readonly TokenRow[];
  /** What the loss of a global batch of these rows (by index) is divided by: tokens, pairs or weights. */
  normaliser(rows: readonly number[]): number;
  /** Feeds of a micro-batch of these rows, in this order. */
  extras?(rows: readonly number[]): Record<string, Value>;
  /** Makes the feeds that all micro-batches of a global batch share, with the weights as they are before its step. */
  shared?(rows: readonly number[]): Promise<() => Record<string, Value>>;
};

/** A training job: everything in which stages differ. */
export type Job = StageInput & {
  /** "sft", "prefer" or "reward"; for messages. */
  readonly stage: string;
  readonly build: BuildLoss;
  readonly data: LossData;
  /** Rows to measure on, none of them trained on: as `settings.validation` says, or without it at the end. */
  readonly validation?: LossData | undefined;
  /** Metrics of a global batch, `loss` among them. */
  metrics(
    batches: readonly MicroBatchResult[],
    normaliser: number,
  ): { readonly loss: number } & Record<string, number>;
  /** Digest of the loss and of whatever `extras` feeds: part of what names the run. */
  readonly identity: string;
  /** Looks at the model before the first step of a new run; throws when something is wrong. */
  check?(programs: TrainingPrograms): Promise<void>;
  /** Told each training line; for warnings. */
  watch?(line: MetricsLine): void;
};

/** What training gives; the trained (with `validation`: the kept) weights are in the store under the model's keys. */
export type TrainResult = {
  /** Optimiser steps done, those before a resume included. */
  readonly steps: number;
  /** The last training line and the last measurement on validation rows in one. */
  readonly metrics: Readonly<Record<string, number>>;
  /** With `settings.validation`: which weights these are, and why training ended. */
  readonly validation?: ValidationResult;
  /** Every line of `metrics.jsonl`. */
  readonly history: readonly MetricsLine[];
};
