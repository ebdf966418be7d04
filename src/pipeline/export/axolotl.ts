/** axolotl: `axolotl train FILE.yaml`, on JSON Lines with user-defined fields (plain text) or a chat template (messages). */
import { stringify } from "yaml";
import type { TrainSettings } from "../../method/train/settings.ts";
import { lossOptions } from "../elsewhere/losses.ts";
import {
  type ExportFile,
  type ExportRow,
  isConversational,
  splitBatch,
  type ToolInput,
  type ToolOutput,
} from "../elsewhere/request.ts";
import { oneMessage, preferenceRecords, refuseTemplateMembers, turns } from "../elsewhere/rows.ts";
import { adamOf, lostSettings, schedulerOf, warmupOf } from "../elsewhere/trainer-arguments.ts";

/** Writes for axolotl. @throws ConfigError for a loss or batch it cannot take */
export function writeAxolotl(input: ToolInput): ToolOutput {
  const { rows, student } = input;
  refuseTemplateMembers("axolotl", [...rows, ...input.sftRows]);
  const { sft, prefer, loss } = student;
  const chat = isConversational(rows);
  const files: ExportFile[] = [
    { path: "data/preference.jsonl", records: chat ? rows.map(chatRow) : preferenceRecords(rows) },
  ];
  const commands: string[] = [];
  if (sft !== undefined) {
    files.push({ path: "data/sft.jsonl", records: input.sftRows.map(chat ? chatSft : plainSft) });
    files.push({ path: "sft.yaml", text: stringify(sftConfig(input, chat)) });
    commands.push("axolotl train sft.yaml");
  }
  if (prefer !== undefined && loss !== undefined) {
    files.push({ path: "dpo.yaml", text: stringify(preferConfig(input, chat)) });
    commands.push("axolotl train dpo.yaml");
  }
  return {
    files,
    commands,
    notCarried: notCarried(input),
    notes: [
      "axolotl passes over keys it does not know: look for every key of the files in its printed config.",
    ],
  };
}

const plainSft = ({ id, prompt, chosen }: ExportRow): object => ({ id, prompt, completion: chosen });
const chatSft = ({ id, prompt, chosen }: ExportRow): object => ({
  id,
  messages: [...turns(prompt), ...turns(chosen)],
});
const chatRow = (row: ExportRow): object => ({
  id: row.id,
  messages: turns(row.prompt),
  chosen: oneMessage("axolotl", row, "chosen"),
  rejected: oneMessage("axolotl", row, "rejected"),
});

const ROLES = { user: ["user"], assistant: ["assistant"], system: ["system"] };
const MESSAGES = { message_property_mappings: { role: "role", content: "content" }, roles: ROLES };

function preferDataset(chat: boolean): object {
  const file = { path: "data/preference.jsonl", ds_type: "json", split: "train" };
  if (chat)
    return {
      ...file,
      type: "chat_template.default",
      field_messages: "messages",
      field_chosen: "chosen",
      field_rejected: "rejected",
      ...MESSAGES,
    };
  return {
    ...file,
    type: {
      field_prompt: "prompt",
      field_chosen: "chosen",
      field_rejected: "rejected",
      prompt_format: "{prompt}",
      chosen_format: "{chosen}",
      rejected_format: "{rejected}",
    },
  };
}

function sftDataset(chat: boolean): object {
  const file = { path: "data/sft.jsonl", ds_type: "json", split: "train" };
  if (chat) return { ...file, type: "chat_template", field_messages: "messages", ...MESSAGES };
  return {
    ...file,
    type: {
      field_instruction: "prompt",
      field_output: "completion",
      format: "{instruction}",
      no_input_format: "{instruction}",
    },
  };
}

function stage(settings: TrainSettings, { student, gpus }: ToolInput): object {
  const { perDevice, accumulation } = splitBatch(settings.batchSize, gpus);
  return {
    sequence_len: student.limits.maxLength,
    learning_rate: settings.learningRate,
    lr_scheduler: schedulerOf(settings),
    ...warmupOf(settings),
    num_epochs: settings.epochs,
    ...(settings.maxSteps === undefined ? {} : { max_steps: settings.maxSteps }),
    micro_batch_size: perDevice,
    gradient_accumulation_steps: accumulation,
    optimizer: "adamw_torch",
    ...adamOf(settings),
    ...(settings.groupByLength ? { group_by_length: true } : {}),
    gradient_checkpointing: settings.gradientCheckpointing,
    save_steps: settings.saveSteps,
    save_total_limit: settings.saveTotalLimit,
    bf16: gpus > 0,
    seed: settings.seed,
  };
}

function sftConfig(input: ToolInput, chat: boolean): object {
  const { model, sft } = input.student;
  return {
    base_model: model,
    datasets: [sftDataset(chat)],
    ...(chat ? { chat_template: "tokenizer_default" } : {}),
    train_on_inputs: false,
    sample_packing: false,
    output_dir: "./sft",
    ...stage(sft!, input),
  };
}

function preferConfig(input: ToolInput, chat: boolean): object {
  const { model, sft, prefer, loss, lora, limits } = input.student;
  return {
    base_model: sft === undefined ? model : "./sft",
    ...lossOptions("axolotl", loss!),
    datasets: [preferDataset(chat)],
    ...(chat ? { chat_template: "tokenizer_default" } : {}),
    max_prompt_len: limits.maxPromptLength,
    ...(lora && {
      adapter: "lora",
      lora_r: lora.r,
      lora_alpha: lora.alpha,
      lora_dropout: lora.dropout,
      lora_target_modules: lora.targetModules,
    }),
    output_dir: "./dpo",
    ...stage(prefer!, input),
  };
}

function notCarried({ student, weightsDone }: ToolInput): string[] {
  const { sft, prefer, loss } = student;
  return [
    ...(sft ? lostSettings("student.sft", sft) : []),
    ...(prefer ? lostSettings("student.prefer", prefer) : []),
    ...(loss?.weighted && !weightsDone
      ? ["loss.weighted: it has no weight per pair; every pair counts the same"]
      : []),
  ];
}
