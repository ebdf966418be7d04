/** LLaMA-Factory: `llamafactory-cli train FILE.yaml`; its `dataset_info.json` names the files and their columns. */
import { stringify } from "yaml";
import { lossOptions } from "../elsewhere/losses.ts";
import {
  type ExportFile,
  type ExportRow,
  isConversational,
  type ToolInput,
  type ToolOutput,
} from "../elsewhere/request.ts";
import { oneMessage, refuseTemplateMembers, turns } from "../elsewhere/rows.ts";
import { type Arguments, lostSettings, trainerArguments } from "../elsewhere/trainer-arguments.ts";

const TAGS = {
  role_tag: "role",
  content_tag: "content",
  user_tag: "user",
  assistant_tag: "assistant",
  system_tag: "system",
};

/** Writes for LLaMA-Factory. @throws ConfigError for a loss, batch or conversation it cannot take */
export function writeLlamaFactory(input: ToolInput): ToolOutput {
  const { rows, student } = input;
  refuseTemplateMembers("llama-factory", [...rows, ...input.sftRows]);
  const { sft, prefer, loss } = student;
  const chat = isConversational(rows);
  const files: ExportFile[] = [
    {
      path: "data/preference.json",
      text: `${JSON.stringify(rows.map(chat ? chatRow : plainRow), null, 1)}\n`,
    },
    { path: "data/dataset_info.json", text: `${JSON.stringify(datasetInfo(chat), null, 2)}\n` },
  ];
  const commands: string[] = [];
  if (sft !== undefined) {
    files.push({
      path: "data/sft.json",
      text: `${JSON.stringify(input.sftRows.map(chat ? chatSft : plainSft), null, 1)}\n`,
    });
    files.push({ path: "sft.yaml", text: stringify(sftConfig(input, chat)) });
    commands.push("llamafactory-cli train sft.yaml");
  }
  if (prefer !== undefined && loss !== undefined) {
    files.push({ path: "dpo.yaml", text: stringify(preferConfig(input, chat)) });
    commands.push("llamafactory-cli train dpo.yaml");
  }
  return { files, commands, notCarried: notCarried(input, chat), notes: notes(chat) };
}

/** Alpaca format for plain text, ShareGPT with OpenAI's tags for messages. */
function datasetInfo(chat: boolean): object {
  const sharegpt = { formatting: "sharegpt", tags: TAGS };
  return {
    weak_teacher_sft: chat
      ? { file_name: "sft.json", ...sharegpt, columns: { messages: "messages" } }
      : { file_name: "sft.json", columns: { prompt: "instruction", response: "output" } },
    weak_teacher: chat
      ? {
          file_name: "preference.json",
          ranking: true,
          ...sharegpt,
          columns: { messages: "messages", chosen: "chosen", rejected: "rejected" },
        }
      : {
          file_name: "preference.json",
          ranking: true,
          columns: { prompt: "instruction", chosen: "chosen", rejected: "rejected" },
        },
  };
}

const plainRow = ({ id, prompt, chosen, rejected }: ExportRow): object => ({
  id,
  instruction: prompt,
  chosen,
  rejected,
});
const plainSft = ({ id, prompt, chosen }: ExportRow): object => ({ id, instruction: prompt, output: chosen });
const chatRow = (row: ExportRow): object => ({
  id: row.id,
  messages: turns(row.prompt),
  chosen: oneMessage("llama-factory", row, "chosen"),
  rejected: oneMessage("llama-factory", row, "rejected"),
});
const chatSft = (row: ExportRow): object => ({
  id: row.id,
  messages: [...turns(row.prompt), oneMessage("llama-factory", row, "chosen")],
});

function common({ student }: ToolInput, chat: boolean, args: Arguments): object {
  return {
    do_train: true,
    dataset_dir: "./data",
    // Plain text goes in as it is; messages by the template that comes with the tokenizer.
    ...(chat ? {} : { template: "empty" }),
    cutoff_len: student.limits.maxLength,
    overwrite_cache: true,
    ...args,
  };
}

function sftConfig(input: ToolInput, chat: boolean): object {
  const { model, sft } = input.student;
  return {
    model_name_or_path: model,
    stage: "sft",
    finetuning_type: "full",
    dataset: "weak_teacher_sft",
    output_dir: "./sft",
    ...common(input, chat, trainerArguments(sft!, input.gpus, "4")),
  };
}

function preferConfig(input: ToolInput, chat: boolean): object {
  const { model, sft, prefer, loss, lora } = input.student;
  return {
    model_name_or_path: sft === undefined ? model : "./sft",
    stage: "dpo",
    finetuning_type: lora === undefined ? "full" : "lora",
    ...(lora && {
      lora_rank: lora.r,
      lora_alpha: lora.alpha,
      lora_dropout: lora.dropout,
      lora_target: lora.targetModules.join(","),
    }),
    ...lossOptions("llama-factory", loss!),
    dataset: "weak_teacher",
    output_dir: "./dpo",
    ...common(input, chat, trainerArguments(prefer!, input.gpus, "4")),
  };
}

function notCarried({ student, weightsDone }: ToolInput, chat: boolean): string[] {
  const { sft, prefer, loss, limits } = student;
  return [
    `data.max_prompt_length (${limits.maxPromptLength}): cutoff_len is shared out between prompt and response there`,
    ...(chat
      ? []
      : [
          "the end of a response: its template `empty` adds no end-of-sequence token, so a student trained there on plain text does not learn to stop; append the tokenizer's own to every response, or use a template of yours that adds it",
        ]),
    ...(sft ? lostSettings("student.sft", sft) : []),
    ...(prefer ? lostSettings("student.prefer", prefer) : []),
    ...(loss?.weighted && !weightsDone
      ? ["loss.weighted: it has no weight per pair; every pair counts the same"]
      : []),
  ];
}

function notes(chat: boolean): string[] {
  return chat
    ? [
        "`template` is not set: LLaMA-Factory 0.9.4 and later take the tokenizer's own; set it where that fails.",
      ]
    : ["`template: empty` adds nothing around prompt and response."];
}
