/** TRL: `trl sft --config` then `trl dpo --config`, on local Parquet; and for weighted DPO a trainer of its own. */
import { stringify } from "yaml";
import { lossOptions } from "./losses.ts";
import type { ExportFile, StudentSettings, ToolInput, ToolOutput } from "./request.ts";
import { completionRecords, preferenceRecords, recordsToParquet } from "./rows.ts";
import { type Arguments, lostSettings, trainerArguments } from "./trainer-arguments.ts";
import { WEIGHTED_TRAINER, weightedTrainer } from "./trl-weighted.ts";

/** Writes for TRL. @throws ConfigError for a loss or batch it cannot take */
export function writeTrl(input: ToolInput): ToolOutput {
  const { sft, prefer, loss } = input.student;
  const preferences = preferenceRecords(input.rows);
  const files: ExportFile[] = [
    { path: "data/train.parquet", bytes: recordsToParquet(preferences) },
    { path: "train.jsonl", records: preferences },
  ];
  const commands: string[] = [];
  if (sft !== undefined) {
    files.push(...trlSft(input).files);
    commands.push("trl sft --config sft.yaml");
  }
  const weighted = usesWeights(input);
  if (prefer !== undefined && loss !== undefined) {
    // The rows are there already, under the same name.
    files.push(...trlPrefer(input).files.slice(1));
    commands.push(weighted ? `python ${WEIGHTED_TRAINER} dpo.yaml` : "trl dpo --config dpo.yaml");
  }
  return { files, commands, notCarried: lostInTrl(input), notes: notes(weighted) };
}

/** One training: its rows first, then what else it needs, its config last. */
export type TrlTraining = { readonly files: readonly ExportFile[]; readonly config: string };

const training = (
  rows: ExportFile,
  config: string,
  settings: Arguments,
  script?: ExportFile,
): TrlTraining => ({
  files: [rows, ...(script ? [script] : []), { path: config, text: stringify(settings) }],
  config,
});

const dataFile = (folder: string, records: readonly Readonly<Record<string, unknown>>[]): ExportFile => ({
  path: `${folder}/train.parquet`,
  bytes: recordsToParquet(records),
});

/** Fine-tuning on the preferred responses of `sftRows`. @param over - arguments in place of its own */
export function trlSft({ student, sftRows, gpus }: ToolInput, over: Arguments = {}): TrlTraining {
  return training(dataFile("data-sft", completionRecords(sftRows)), "sft.yaml", {
    model_name_or_path: student.model,
    dataset_name: "./data-sft",
    output_dir: "./sft",
    ...trainerArguments(student.sft!, gpus, "5"),
    max_length: student.limits.maxLength,
    // Only the response is learned, as here.
    completion_only_loss: true,
    packing: false,
    ...over,
  });
}

/** Preference training on `rows`; by a script of its own where pairs have weights. @throws ConfigError for a loss it cannot take */
export function trlPrefer(input: ToolInput, over: Arguments = {}): TrlTraining {
  const { student, gpus } = input;
  const { lora } = student;
  const settings: Arguments = {
    model_name_or_path: student.sft === undefined ? student.model : "./sft",
    dataset_name: "./data",
    output_dir: "./dpo",
    ...lossOptions("trl", student.loss!),
    ...trainerArguments(student.prefer!, gpus, "5"),
    max_length: student.limits.maxLength,
    disable_dropout: true,
    // The reference is the model it starts from, scored before the first update.
    precompute_ref_log_probs: true,
    ...adapterArguments(lora, "CAUSAL_LM"),
    ...over,
  };
  const script = usesWeights(input) ? weightedTrainer(settings, student.loss!) : undefined;
  return training(dataFile("data", preferenceRecords(input.rows)), "dpo.yaml", settings, script);
}

/** A Bradley-Terry head on `rows`; the model is one that has a head, `student.prefer` its settings. */
export function trlReward({ student, rows, gpus }: ToolInput, over: Arguments = {}): TrlTraining {
  return training(dataFile("data", preferenceRecords(rows)), "reward.yaml", {
    model_name_or_path: student.model,
    dataset_name: "./data",
    output_dir: "./reward",
    ...trainerArguments(student.prefer!, gpus, "5"),
    max_length: student.limits.maxLength,
    disable_dropout: true,
    ...adapterArguments(student.lora, "SEQ_CLS"),
    ...over,
  });
}

/** PEFT's adapters in TRL's words; below a head, the head is trained whole. */
export function adapterArguments(lora: StudentSettings["lora"], task: "CAUSAL_LM" | "SEQ_CLS"): Arguments {
  if (lora === undefined) return {};
  return {
    use_peft: true,
    lora_r: lora.r,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout,
    lora_target_modules: lora.targetModules,
    ...(task === "SEQ_CLS" ? { lora_task_type: task, lora_modules_to_save: ["score"] } : {}),
  };
}

const usesWeights = ({ student: { loss }, weightsDone }: ToolInput): boolean =>
  loss?.weighted === true && !weightsDone;

/** Settings that TRL has no word for, and what it does instead. */
function lostInTrl({ student, weightsDone }: ToolInput): string[] {
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
