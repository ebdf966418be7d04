/** OpenRLHF: command lines of `openrlhf.cli.train_sft` and `train_dpo`, with its dotted arguments (0.9, 2026). */
import { ConfigError } from "../../base/core/errors.ts";
import { shellWord } from "../../base/core/shell.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import { lossOptions } from "../elsewhere/losses.ts";
import {
  type ExportFile,
  isConversational,
  splitBatch,
  type ToolInput,
  type ToolOutput,
} from "../elsewhere/request.ts";
import { completionRecords, preferenceRecords, refuseTemplateMembers } from "../elsewhere/rows.ts";
import { lostSettings } from "../elsewhere/trainer-arguments.ts";

type Flags = Readonly<Record<string, unknown>>;

/** Writes for OpenRLHF. @throws ConfigError for a loss or batch it cannot take */
export function writeOpenRlhf(input: ToolInput): ToolOutput {
  const { rows, student } = input;
  if (input.gpus === 0)
    throw new ConfigError(
      "--gpus 0: OpenRLHF trains on GPUs only. Use --to trl, or name how many GPUs there are.",
    );
  refuseTemplateMembers("openrlhf", [...rows, ...input.sftRows]);
  const { sft, prefer, loss } = student;
  const chat = isConversational(rows);
  const files: ExportFile[] = [{ path: "data/preference.jsonl", records: preferenceRecords(rows) }];
  const commands: string[] = [];
  if (sft !== undefined) {
    files.push({ path: "data/sft.jsonl", records: completionRecords(input.sftRows) });
    files.push({ path: "sft.sh", text: script("openrlhf.cli.train_sft", sftFlags(input, chat)) });
    commands.push("bash sft.sh");
  }
  if (prefer !== undefined && loss !== undefined) {
    files.push({ path: "dpo.sh", text: script("openrlhf.cli.train_dpo", preferFlags(input, chat)) });
    commands.push("bash dpo.sh");
  }
  return { files, commands, notCarried: notCarried(input), notes: [] };
}

/** A shell script of one command; true stands for a flag without a value. */
function script(module: string, flags: Flags): string {
  const lines = Object.entries(flags).map(([name, value]) => {
    if (value === true) return `--${name}`;
    const values = Array.isArray(value) ? value : [value];
    return `--${name} ${values.map((one) => shellWord(String(one))).join(" ")}`;
  });
  return `#!/usr/bin/env bash\nset -euo pipefail\ndeepspeed --module ${[module, ...lines].join(" \\\n  ")}\n`;
}

/** Its warm-up is a share of the steps, which are counted as it counts them: whole batches only. */
function warmupRatio({ warmupSteps, warmupRatio, batchSize, epochs }: TrainSettings, rows: number): number {
  if (warmupSteps === undefined) return warmupRatio;
  const steps = Math.ceil(wholeEpochs(epochs) * Math.floor(rows / batchSize));
  return steps === 0 ? 0 : Math.min(1, warmupSteps / steps);
}

const wholeEpochs = (epochs: number) => Math.max(1, Math.round(epochs));

function stage(settings: TrainSettings, { student, gpus }: ToolInput, rows: number): Flags {
  const { perDevice } = splitBatch(settings.batchSize, gpus);
  return {
    "adam.lr": settings.learningRate,
    "adam.betas": settings.betas,
    "adam.eps": settings.epsilon,
    "adam.weight_decay": settings.weightDecay,
    lr_scheduler: settings.schedule === "constant" ? "constant_with_warmup" : settings.schedule,
    lr_warmup_ratio: warmupRatio(settings, rows),
    ...(settings.maxGradNorm === null ? {} : { max_norm: settings.maxGradNorm }),
    "train.max_epochs": wholeEpochs(settings.epochs),
    "train.batch_size": settings.batchSize,
    "train.micro_batch_size": perDevice,
    "train.seed": settings.seed,
    "data.max_len": student.limits.maxLength,
    "ckpt.save_steps": settings.saveSteps,
    "ckpt.max_num": settings.saveTotalLimit,
    "ds.param_dtype": "bf16",
    ...(settings.gradientCheckpointing ? { "model.gradient_checkpointing_enable": true } : {}),
  };
}

function sftFlags(input: ToolInput, chat: boolean): Flags {
  const { model, sft } = input.student;
  return {
    "model.model_name_or_path": model,
    "data.dataset": "./data/sft.jsonl",
    "data.input_key": "prompt",
    "data.output_key": "completion",
    ...(chat ? { "data.apply_chat_template": true } : {}),
    "ckpt.output_dir": "./sft",
    ...stage(sft!, input, input.sftRows.length),
  };
}

function preferFlags(input: ToolInput, chat: boolean): Flags {
  const { model, sft, prefer, loss, lora } = input.student;
  const start = sft === undefined ? model : "./sft";
  return {
    "model.model_name_or_path": start,
    "ref.model_name_or_path": start,
    ...lossOptions("openrlhf", loss!),
    "data.dataset": "./data/preference.jsonl",
    "data.prompt_key": "prompt",
    "data.chosen_key": "chosen",
    "data.rejected_key": "rejected",
    ...(chat ? { "data.apply_chat_template": true } : {}),
    ...(lora && {
      "ds.lora.r": lora.r,
      "ds.lora.alpha": lora.alpha,
      "ds.lora.dropout": lora.dropout,
      "ds.lora.target_modules": lora.targetModules,
    }),
    "ckpt.output_dir": "./dpo",
    ...stage(prefer!, input, input.rows.length),
  };
}

function notCarried({ student, weightsDone }: ToolInput): string[] {
  const { sft, prefer, loss, limits } = student;
  return [
    `data.max_prompt_length (${limits.maxPromptLength}): rows whose prompt fills data.max_len are left out there`,
    ...(sft ? lost("student.sft", sft) : []),
    ...(prefer ? lost("student.prefer", prefer) : []),
    ...(loss?.weighted && !weightsDone
      ? ["loss.weighted: it has no weight per pair; every pair counts the same"]
      : []),
  ];
}

function lost(stageName: string, settings: TrainSettings): string[] {
  const { epochs, maxSteps, groupByLength, maxGradNorm } = settings;
  const whole = wholeEpochs(epochs);
  return [
    ...lostSettings(stageName, settings),
    ...(epochs === whole
      ? []
      : [`${stageName}.num_train_epochs (${epochs}): whole epochs only, ${whole} written`]),
    ...(maxSteps === undefined ? [] : [`${stageName}.max_steps (${maxSteps}): training ends by epochs only`]),
    ...(groupByLength ? [`${stageName}.group_by_length: batches are not grouped there`] : []),
    ...(maxGradNorm === null
      ? [`${stageName}.max_grad_norm (none): its clipping at 1 cannot be turned off by a flag`]
      : []),
  ];
}
