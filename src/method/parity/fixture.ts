/** Parity fixtures: a model folder and `expected.json` with numbers from Hugging Face's own modelling code (format parity-1). */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../base/core/errors.ts";
import { exists, readJson } from "../../base/core/files.ts";

/** A gradient's summary: norm, sum and single entries. */
export type GradientSummary = {
  readonly shape: readonly number[];
  readonly l2: number;
  readonly sum: number;
  readonly first8: readonly number[];
  readonly absmax: { readonly index: number; readonly value: number };
  readonly probe: { readonly index: readonly number[]; readonly value: readonly number[] };
  readonly analytically_zero?: boolean;
};

/** Gradients by parameter name. */
export type Gradients = Readonly<Record<string, GradientSummary>>;

/** One unpadded sequence and what the model makes of it. */
export type SequenceCase = {
  readonly input_ids: readonly number[];
  readonly positions?: readonly number[];
  readonly logits?: readonly (readonly number[])[];
  readonly logits_sum?: number;
  readonly logits_abs_sum?: number;
  readonly argmax?: readonly number[];
  readonly token_logps?: readonly number[];
  readonly score?: number;
  readonly per_position_score?: readonly number[];
};

/** Two responses to a prompt, as ids. */
export type PairCase = {
  readonly prompt_ids: readonly number[];
  readonly chosen_ids: readonly number[];
  readonly rejected_ids: readonly number[];
  readonly policy_chosen_logp?: number;
  readonly policy_rejected_logp?: number;
  readonly ref_chosen_logp?: number;
  readonly ref_rejected_logp?: number;
  readonly chosen_score?: number;
  readonly rejected_score?: number;
  readonly loss?: number;
};

/** Losses before each optimiser step and after the last. */
export type TrainCase = {
  readonly loss_before_each_step_then_final: readonly number[];
  readonly grad_norm_before_clip: readonly number[];
  readonly param_abs_sum_after: number;
};

/** `expected.json`. */
export type Expected = {
  readonly name: string;
  readonly family: string;
  readonly task: string;
  readonly batch: { readonly sequences: readonly SequenceCase[] };
  readonly sft?: {
    readonly prompt_lens: readonly number[];
    readonly n_tokens: number;
    readonly loss: number;
    readonly grads: Gradients;
  };
  readonly dpo?: {
    readonly beta: number;
    readonly pairs: readonly PairCase[];
    readonly loss: number;
    readonly grads: Gradients;
  };
  readonly bt?: { readonly pairs: readonly PairCase[]; readonly loss: number; readonly grads: Gradients };
  readonly generate?: { readonly prompt_ids: readonly number[]; readonly new_ids: readonly number[] };
  readonly train_adamw?: {
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
    readonly clip: number;
    readonly steps: number;
    readonly sft?: TrainCase | undefined;
    readonly dpo?: TrainCase;
    readonly bt?: TrainCase;
  };
};

/** A fixture folder. */
export type Fixture = { readonly folder: string; readonly expected: Expected };

/** All fixtures under a folder, or the folder itself if it is one, by name. @throws DataError when there is none */
export async function openFixtures(path: string): Promise<Fixture[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error) => {
    throw new DataError(path, 0, `cannot be read: ${error.message}.`);
  });
  const folders = [
    path,
    ...entries
      .filter((e) => e.isDirectory())
      .map((e) => join(path, e.name))
      .sort(),
  ];
  const fixtures: Fixture[] = [];
  for (const folder of folders) {
    const file = join(folder, "expected.json");
    if (await exists(file)) fixtures.push({ folder, expected: (await readJson(file)) as Expected });
  }
  if (fixtures.length === 0)
    throw new DataError(path, 0, "holds no fixture, expected folders with an expected.json.");
  return fixtures;
}
