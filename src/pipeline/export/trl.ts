/** TRL: `trl sft --config` then `trl dpo --config`, on local Parquet; and for weighted DPO a trainer of its own. */
import { stringify } from "yaml";
import { lossOptions } from "./losses.ts";
import type { ExportFile, ToolInput, ToolOutput } from "./request.ts";
import { completionRecords, preferenceRecords, recordsToParquet } from "./rows.ts";
import { lostSettings, trainerArguments } from "./trainer-arguments.ts";
import { WEIGHTED_TRAINER, weightedTrainer } from "./trl-weighted.ts";

/** Writes for TRL. @throws ConfigError for a loss or batch it cannot take */
export function writeTrl(input: ToolInput): ToolOutput {
  const { rows, student } = input;
  const { sft, prefer, loss } = student;
  const preferences = preferenceRecords(rows);
  const files: ExportFile[] = [
    { path: "data/train.parquet", bytes: recordsToParquet(preferences) },
    { path: "train.jsonl", records: preferences },
  ];
  const commands: string[] = [];
  if (sft !== undefined) {
    files.push({ path: "data-sft/train.parquet", bytes: recordsToParquet(completionRecords(input.sftRows)) });
    files.push({ path: "sft.yaml", text: stringify(sftConfig(input)) });
    commands.push("trl sft --config sft.yaml");
  }
  const weighted = loss?.weighted === true && !input.weightsDone;
  if (prefer !== undefined && loss !== undefined) {
    const config = preferConfig(input);
    if (weighted) files.push(weightedTrainer(config, loss));
    files.push({ path: "dpo.yaml", text: stringify(config) });
    commands.push(weighted ? `python ${WEIGHTED_TRAINER} dpo.yaml` : "trl dpo --config dpo.yaml");
  }
  return { files, commands, notCarried: notCarried(input), notes: notes(weighted) };
}

function sftConfig({ student, gpus }: ToolInput): object {
  return {
    model_name_or_path: student.model,
    dataset_name: "./data-sft",
    output_dir: "./sft",
    ...trainerArguments(student.sft!, gpus, "5"),
    max_length: student.limits.maxLength,
    // Only the response is learned, as here.
    completion_only_loss: true,
    packing: false,
  };
}

function preferConfig({ student, gpus }: ToolInput): Readonly<Record<string, unknown>> {
  const { lora } = student;
  return {
    model_name_or_path: student.sft === undefined ? student.model : "./sft",
    dataset_name: "./data",
    output_dir: "./dpo",
    ...lossOptions("trl", student.loss!),
    ...trainerArguments(student.prefer!, gpus, "5"),
    max_length: student.limits.maxLength,
    disable_dropout: true,
    // The reference is the model it starts from, scored before the first update.
    precompute_ref_log_probs: true,
    ...(lora && {
      use_peft: true,
      lora_r: lora.r,
      lora_alpha: lora.alpha,
      lora_dropout: lora.dropout,
      lora_target_modules: lora.targetModules,
    }),
  };
}

function notCarried({ student, weightsDone }: ToolInput): string[] {
  const { sft, prefer, loss, limits } = student;
  return [
    `data.max_prompt_length (${limits.maxPromptLength}): TRL 1.x cuts whole rows at max_length, at their end`,
    ...(sft ? lostSettings("student.sft", sft) : []),
    ...(prefer ? lostSettings("student.prefer", prefer) : []),
    ...(loss?.weighted && !weightsDone && loss.normalise === "weights"
      ? [
          "loss.normalise (weights): the generated trainer divides by the mean weight of all rows, not of each batch",
        ]
      : []),
  ];
}

function notes(weighted: boolean): string[] {
  return weighted
    ? [`\`trl dpo\` has no weight per pair; \`${WEIGHTED_TRAINER}\` is a subclass of its trainer that has.`]
    : [];
}
