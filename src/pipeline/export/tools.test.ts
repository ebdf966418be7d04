/** What each trainer is given: columns and config keys by its documentation (field.md 3.1 to 3.4), and nothing lost in silence. Length: four tools, each read by itself. */
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type LossSpecInput, parseLossSpec, resolveFlip } from "../../method/objective/loss-spec.ts";
import { trainSettings } from "../../method/train/settings.ts";
import { lossOptions } from "../elsewhere/losses.ts";
import { type ExportRow, splitBatch, type ToolInput, type ToolOutput } from "../elsewhere/request.ts";
import { writeTrl } from "../elsewhere/trl.ts";
import { writeAxolotl } from "./axolotl.ts";
import { writeLlamaFactory } from "./llama-factory.ts";
import { writeOpenRlhf } from "./openrlhf.ts";

const loss = (spec: LossSpecInput) => resolveFlip(parseLossSpec(spec));
const plain: ExportRow[] = [1, 2, 3].map((i) => ({
  id: `r${i}`,
  prompt: `Q${i}: `,
  chosen: "good",
  rejected: "bad",
  weight: i / 3,
  pChosen: 0.5 + i / 8,
}));
const chat: ExportRow[] = [
  {
    id: "c",
    prompt: [
      { role: "system", content: "s" },
      { role: "user", content: "q" },
    ],
    chosen: [{ role: "assistant", content: "good" }],
    rejected: [{ role: "assistant", content: "bad" }],
  },
];

const input = (over: Partial<ToolInput["student"]> = {}, rows = plain): ToolInput => ({
  rows,
  sftRows: rows,
  gpus: 2,
  weightsDone: false,
  student: {
    sftLora: false,
    model: "org/base",
    sft: trainSettings({ batchSize: 32, learningRate: 1e-5, seed: 7 }),
    prefer: trainSettings({
      batchSize: 64,
      learningRate: 5e-6,
      epochs: 5,
      schedule: "cosine",
      warmupSteps: 100,
      weightDecay: 0.05,
      seed: 7,
    }),
    loss: loss({ type: "sigmoid", beta: 0.5 }),
    lora: { r: 8, alpha: 16, dropout: 0.05, targetModules: ["q_proj", "v_proj"] },
    limits: { maxLength: 512, maxPromptLength: 256 },
    seed: 7,
    ...over,
  },
});

/** A file of an export as text. */
function file({ files }: ToolOutput, path: string): string {
  const found = files.find((one) => one.path === path);
  if (found === undefined) throw new Error(`no ${path} among ${files.map((one) => one.path).join(", ")}`);
  if ("text" in found) return found.text;
  if ("records" in found) return found.records.map((record) => `${JSON.stringify(record)}\n`).join("");
  return Buffer.from(found.bytes).toString("latin1");
}
const yaml = (output: ToolOutput, path: string) =>
  parse(file(output, path), { strict: true, uniqueKeys: true });
const lines = (output: ToolOutput, path: string) =>
  file(output, path)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("trl", () => {
  test("dpo.yaml carries the recipe in TRL's names; the SFT comes first and its output is the start", () => {
    const output = writeTrl(input());
    expect(output.commands).toEqual(["trl sft --config sft.yaml", "trl dpo --config dpo.yaml"]);
    expect(yaml(output, "dpo.yaml")).toMatchObject({
      model_name_or_path: "./sft",
      dataset_name: "./data",
      loss_type: ["sigmoid"],
      beta: 0.5,
      learning_rate: 5e-6,
      lr_scheduler_type: "cosine",
      warmup_steps: 100,
      num_train_epochs: 5,
      // 64 rows a step over 2 GPUs: 8 at a time, 4 times.
      per_device_train_batch_size: 8,
      gradient_accumulation_steps: 4,
      weight_decay: 0.05,
      max_grad_norm: 1,
      max_length: 512,
      seed: 7,
      use_peft: true,
      lora_r: 8,
      lora_alpha: 16,
      lora_dropout: 0.05,
      lora_target_modules: ["q_proj", "v_proj"],
    });
    expect(yaml(output, "sft.yaml")).toMatchObject({
      model_name_or_path: "org/base",
      dataset_name: "./data-sft",
      completion_only_loss: true,
      learning_rate: 1e-5,
    });
    expect(lines(output, "train.jsonl")[0]).toEqual({
      prompt: "Q1: ",
      chosen: "good",
      rejected: "bad",
      id: "r1",
      prompt_id: expect.stringMatching(/^[0-9a-f]{64}$/),
      weight: 1 / 3,
      p_chosen: 0.625,
    });
    expect(output.notCarried.join("\n")).toMatch(
      /data\.max_prompt_length \(256\)[\s\S]*student\.prefer\.save_seconds/,
    );
  });

  test("weighted sigmoid DPO gets a trainer of its own; after resampling the stock one does", () => {
    const weighted = { loss: loss({ type: "sigmoid", beta: 0.5, weighted: true }) };
    const output = writeTrl(input(weighted));
    const python = file(output, "train_weighted_dpo.py");
    expect(python).toContain("class WeightedDPOTrainer(DPOTrainer)");
    expect(python).toContain("tested with TRL 1.16");
    expect(output.commands[1]).toBe("python train_weighted_dpo.py dpo.yaml");
    expect(yaml(output, "dpo.yaml")).toMatchObject({ precompute_ref_log_probs: true });
    const done = writeTrl({ ...input(weighted), weightsDone: true });
    expect(done.commands[1]).toBe("trl dpo --config dpo.yaml");
    expect(() => writeTrl(input({ loss: loss({ type: "hinge", weighted: true }) }))).toThrow(
      /Use --weights resample/,
    );
  });

  test("an SFT term is TRL's second loss; robust DPO has its smoothing; an arm without preference training stops after SFT", () => {
    expect(lossOptions("trl", loss({ type: "rdpo", flip: 0.2, sftCoefficient: 0.5 }))).toEqual({
      beta: 0.1,
      loss_type: ["robust", "sft"],
      loss_weights: [1, 0.5],
      label_smoothing: 0.2,
    });
    expect(writeTrl(input({ prefer: undefined, loss: undefined })).commands).toEqual([
      "trl sft --config sft.yaml",
    ]);
  });

  test("a constant schedule with warm-up has another name there", () => {
    const prefer = trainSettings({ schedule: "constant", warmupRatio: 0.1 });
    expect(yaml(writeTrl(input({ prefer })), "dpo.yaml")).toMatchObject({
      lr_scheduler_type: "constant_with_warmup",
      warmup_steps: 0.1,
    });
    const whole = trainSettings({ warmupRatio: 0.5, groupByLength: true });
    const config = yaml(writeTrl(input({ prefer: whole })), "dpo.yaml");
    expect(config).toMatchObject({ warmup_steps: 0.5, train_sampling_strategy: "group_by_length" });
    expect(config).not.toHaveProperty("warmup_ratio");
    expect(yaml(writeLlamaFactory(input({ prefer: whole })), "dpo.yaml")).toMatchObject({
      warmup_ratio: 0.5,
      group_by_length: true,
    });
  });

  test("processors train in float32, GPUs in bfloat16; OpenRLHF has no processors", () => {
    const device = (gpus: number) => yaml(writeTrl({ ...input(), gpus }), "dpo.yaml");
    expect(device(0)).toMatchObject({ bf16: false, use_cpu: true, per_device_train_batch_size: 8 });
    expect(device(1)).toMatchObject({ bf16: true });
    expect(device(1)).not.toHaveProperty("use_cpu");
    expect(yaml(writeAxolotl({ ...input(), gpus: 0 }), "dpo.yaml")).toMatchObject({ bf16: false });
    expect(() => writeOpenRlhf({ ...input(), gpus: 0 })).toThrow(/--gpus 0: OpenRLHF trains on GPUs only/);
  });
});

describe("llama-factory", () => {
  test("dataset_info.json says ranking and columns of plain rows", () => {
    const output = writeLlamaFactory(input());
    expect(JSON.parse(file(output, "data/dataset_info.json")).weak_teacher).toEqual({
      file_name: "preference.json",
      ranking: true,
      columns: { prompt: "instruction", chosen: "chosen", rejected: "rejected" },
    });
    expect(JSON.parse(file(output, "data/preference.json"))[1]).toEqual({
      id: "r2",
      instruction: "Q2: ",
      chosen: "good",
      rejected: "bad",
    });
    expect(yaml(output, "dpo.yaml")).toMatchObject({
      stage: "dpo",
      finetuning_type: "lora",
      lora_rank: 8,
      lora_target: "q_proj,v_proj",
      pref_loss: "sigmoid",
      pref_beta: 0.5,
      dataset: "weak_teacher",
      cutoff_len: 512,
      template: "empty",
    });
  });

  test("conversations are ShareGPT with one message as each response", () => {
    const output = writeLlamaFactory(input({}, chat));
    expect(JSON.parse(file(output, "data/dataset_info.json")).weak_teacher).toMatchObject({
      formatting: "sharegpt",
      ranking: true,
      columns: { messages: "messages", chosen: "chosen", rejected: "rejected" },
      tags: { role_tag: "role", content_tag: "content" },
    });
    expect(JSON.parse(file(output, "data/preference.json"))[0].chosen).toEqual({
      role: "assistant",
      content: "good",
    });
    const two = [{ ...chat[0]!, chosen: [...(chat[0]!.chosen as []), { role: "user", content: "more" }] }];
    expect(() => writeLlamaFactory(input({}, two))).toThrow(/chosen of row c has 2 messages/);
  });
});

describe("axolotl", () => {
  test("plain rows have user-defined fields", () => {
    const output = writeAxolotl(input());
    const config = yaml(output, "dpo.yaml");
    expect(config).toMatchObject({
      rl: "dpo",
      rl_beta: 0.5,
      adapter: "lora",
      lora_r: 8,
      num_epochs: 5,
      max_prompt_len: 256,
    });
    expect(config.datasets).toEqual([
      {
        path: "data/preference.jsonl",
        ds_type: "json",
        split: "train",
        type: {
          field_prompt: "prompt",
          field_chosen: "chosen",
          field_rejected: "rejected",
          prompt_format: "{prompt}",
          chosen_format: "{chosen}",
          rejected_format: "{rejected}",
        },
      },
    ]);
    expect(Object.keys(lines(output, "data/preference.jsonl")[0])).toEqual(
      expect.arrayContaining(["prompt", "chosen", "rejected"]),
    );
  });

  test("conversations go by the chat template", () => {
    const output = writeAxolotl(input({}, chat));
    expect(yaml(output, "dpo.yaml").datasets[0]).toMatchObject({
      type: "chat_template.default",
      field_messages: "messages",
    });
    expect(lines(output, "data/preference.jsonl")[0].rejected).toEqual({ role: "assistant", content: "bad" });
  });
});

describe("openrlhf", () => {
  test("keys, LoRA and schedule are dotted flags; warm-up steps become a share of the steps", () => {
    const rows = Array.from({ length: 640 }, (_, i) => ({ ...plain[0]!, id: `${i}` }));
    const script = file(writeOpenRlhf(input({}, rows)), "dpo.sh");
    for (const flag of [
      "openrlhf.cli.train_dpo",
      "--data.prompt_key prompt",
      "--data.chosen_key chosen",
      "--data.rejected_key rejected",
      "--model.beta 0.5",
      "--adam.lr 0.000005",
      "--train.batch_size 64",
      "--train.micro_batch_size 8",
      "--ds.lora.target_modules q_proj v_proj",
      // 640 rows are 10 steps an epoch, 50 in all; 100 steps of warm-up are more than there are.
      "--lr_warmup_ratio 1 ",
    ])
      expect(script).toContain(flag);
  });

  test("what is in a name stays in its quotes", () => {
    const script = file(writeOpenRlhf(input({ model: "a'; rm -rf ~ #", sft: undefined })), "dpo.sh");
    expect(script).toContain(`--model.model_name_or_path 'a'\\''; rm -rf ~ #'`);
  });

  test("epochs, steps and clipping that it cannot say are listed", () => {
    const prefer = trainSettings({ epochs: 1.5, maxSteps: 9, maxGradNorm: null });
    expect(writeOpenRlhf(input({ prefer })).notCarried.join("\n")).toMatch(
      /num_train_epochs \(1\.5\): whole epochs only, 2 written[\s\S]*max_steps \(9\)[\s\S]*max_grad_norm \(none\)/,
    );
  });
});

test("weights that a tool cannot use are listed", () => {
  const weighted = input({ loss: loss({ type: "sigmoid", weighted: true }) });
  for (const write of [writeLlamaFactory, writeAxolotl, writeOpenRlhf]) {
    expect(write(weighted).notCarried.join("\n")).toContain("loss.weighted: it has no weight per pair");
    expect(write({ ...weighted, weightsDone: true }).notCarried.join("\n")).not.toContain("loss.weighted");
  }
});

test("a batch that the GPUs do not divide is refused", () => {
  expect(splitBatch(48, 2)).toEqual({ perDevice: 8, accumulation: 3 });
  expect(splitBatch(11, 1)).toEqual({ perDevice: 1, accumulation: 11 });
  expect(() => splitBatch(16, 3)).toThrow(/--gpus 3: does not divide the batch of 16/);
});

test("text and message lists in one export are refused", () => {
  expect(() => writeAxolotl(input({}, [plain[0]!, chat[0]!]))).toThrow(/mix plain text and message lists/);
});
