/** All families, by `model_type`. */
import { CheckpointError, show } from "../../core/errors.ts";
import { ConfigReader } from "../config.ts";
import type { Decoder, Family } from "../family.ts";
import { gemma, gemma2 } from "./gemma.ts";
import { gptNeo } from "./gpt-neo.ts";
import { gptNeoX } from "./gpt-neox.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { opt } from "./opt.ts";
import { qwen2, qwen3 } from "./qwen.ts";

/** Every family this project trains. */
export const FAMILIES: readonly Family[] = [
  gpt2,
  opt,
  gptNeo,
  gptNeoX,
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma,
  gemma2,
];

/** What a checkpoint's head gives: next-token logits, or one score per sequence. */
export type Task = "language-model" | "reward";

/** A config understood. */
export type ModelDescription = { readonly family: Family; readonly decoder: Decoder; readonly task: Task };

/**
 * Understands a `config.json`.
 * @param file - its path, for messages
 * @throws CheckpointError for an unknown family, a missing or impossible value, or a head other than a language
 *   model or one score
 */
export function describeModel(json: unknown, file = "config.json"): ModelDescription {
  const config = new ConfigReader(json, file);
  const modelType = config.text("model_type");
  const family = FAMILIES.find((known) => known.modelType === modelType);
  if (family === undefined) {
    const known = FAMILIES.map((f) => f.modelType).join(", ");
    throw new CheckpointError(file, `"model_type": expected one of ${known}, got ${show(modelType)}.`);
  }
  const decoder = family.configure(config);
  checkHeads(decoder, file);
  return { family, decoder, task: taskOf(config, family) };
}

function checkHeads({ config }: Decoder, file: string): void {
  const { heads, kvHeads, headDim } = config;
  if (!Number.isInteger(headDim) || heads % kvHeads !== 0)
    throw new CheckpointError(
      file,
      `${heads} heads do not divide by ${kvHeads} key-value heads, or head size ${headDim} is not whole.`,
    );
}

function taskOf(config: ConfigReader, family: Family): Task {
  const classes = config.raw("architectures");
  const name = Array.isArray(classes) ? String(classes[0]) : family.languageModel;
  if (name === family.languageModel || name.endsWith("Model")) return "language-model";
  if (name !== family.rewardModel)
    throw config.error("architectures", `${family.languageModel} or ${family.rewardModel}`, name);
  const labels = config.has("num_labels")
    ? config.size("num_labels")
    : Object.keys((config.raw("id2label") as object | undefined) ?? { 0: "", 1: "" }).length;
  if (labels !== 1) throw config.error("num_labels", "1 (one score per sequence)", labels);
  return "reward";
}
