/** Training settings as Hugging Face `TrainingArguments`, which TRL and LLaMA-Factory read; and what has no word there. */
import type { TrainSettings } from "../../method/train/settings.ts";
import { splitBatch } from "./request.ts";

/** Arguments by name. */
export type Arguments = Readonly<Record<string, unknown>>;

/**
 * The arguments of one stage; its seed is the order of rows too.
 * @param names - LLaMA-Factory's transformers is older than 5, which renamed two of them; TRL 1.x needs the later names
 * @param gpus - 0 for processors: float32 there, bfloat16 on GPUs
 */
export function trainerArguments(settings: TrainSettings, gpus: number, names: "4" | "5"): Arguments {
  const { perDevice, accumulation } = splitBatch(settings.batchSize, gpus);
  return {
    learning_rate: settings.learningRate,
    lr_scheduler_type: schedulerOf(settings),
    ...(names === "5" ? warmupStepsOf(settings) : warmupOf(settings)),
    num_train_epochs: settings.epochs,
    ...(settings.maxSteps === undefined ? {} : { max_steps: settings.maxSteps }),
    per_device_train_batch_size: perDevice,
    gradient_accumulation_steps: accumulation,
    ...adamOf(settings),
    ...(settings.groupByLength ? GROUPED[names] : {}),
    gradient_checkpointing: settings.gradientCheckpointing,
    save_strategy: "steps",
    save_steps: settings.saveSteps,
    save_total_limit: settings.saveTotalLimit,
    logging_steps: 10,
    report_to: "none",
    bf16: gpus > 0,
    ...(gpus === 0 ? { use_cpu: true } : {}),
    seed: settings.seed,
    data_seed: settings.seed,
  };
}

const GROUPED = {
  "4": { group_by_length: true },
  "5": { train_sampling_strategy: "group_by_length" },
} as const;

/** As `warmupOf` for transformers 5, where `warmup_steps` below 1 is a share of all steps, as our ratio always is. */
const warmupStepsOf = ({ warmupSteps, warmupRatio }: TrainSettings): Arguments => ({
  warmup_steps: warmupSteps ?? warmupRatio,
});

/** How the learning rate rises, as axolotl and transformers 4 say it. */
export const warmupOf = ({ warmupSteps, warmupRatio }: TrainSettings): Arguments =>
  warmupSteps === undefined ? { warmup_ratio: warmupRatio } : { warmup_steps: warmupSteps };

/** AdamW's settings, as Hugging Face says them. */
export const adamOf = ({ weightDecay, betas, epsilon, maxGradNorm }: TrainSettings): Arguments => ({
  weight_decay: weightDecay,
  adam_beta1: betas[0],
  adam_beta2: betas[1],
  adam_epsilon: epsilon,
  // 0 leaves gradients as they are.
  max_grad_norm: maxGradNorm ?? 0,
});

/** Hugging Face's `constant` knows no warm-up; the one with it has another name. */
export function schedulerOf({ schedule, warmupSteps, warmupRatio }: TrainSettings): string {
  const warm = (warmupSteps ?? warmupRatio) > 0;
  return schedule === "constant" && warm ? "constant_with_warmup" : schedule;
}

/** Settings of a stage that no other trainer has, where they are set to something that matters. */
export function lostSettings(stage: string, settings: TrainSettings): string[] {
  return [
    `${stage}.micro_batch_tokens: rows per GPU take its place; it sets memory only`,
    `${stage}.save_seconds: checkpoints go by steps only`,
    ...(settings.decayAll ? [`${stage}.decay_all: norms and biases are not decayed there`] : []),
    ...(settings.validation === undefined
      ? []
      : [
          `${stage}.validation: every pair is in the training file; nothing is set aside, stopped early or chosen by it there`,
        ]),
  ];
}
