/** All families, by `model_type`. */
import { CheckpointError, show } from "../../../base/core/errors.ts";
import { notice } from "../../../base/core/notices.ts";
import { ConfigReader } from "../config.ts";
import { COMMON_HARMLESS } from "../config-keys.ts";
import { unpack } from "../container.ts";
import type { Container, Decoder, Family } from "../family.ts";
import { gemma, gemma2 } from "./gemma.ts";
import { gemma3 } from "./gemma3.ts";
import { gptNeo } from "./gpt-neo.ts";
import { gptNeoX } from "./gpt-neox.ts";
import { gpt2 } from "./gpt2.ts";
import { granite } from "./granite.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { olmo2, olmo3 } from "./olmo.ts";
import { opt } from "./opt.ts";
import { phi3 } from "./phi3.ts";
import { qwen2, qwen3 } from "./qwen.ts";
import { seedOss } from "./seed-oss.ts";
import { smollm3 } from "./smollm3.ts";

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
  gemma3,
  phi3,
  smollm3,
  olmo2,
  olmo3,
  granite,
  seedOss,
];

/** What a checkpoint's head gives: next-token logits, or one score per sequence. */
export type Task = "language-model" | "reward";

/** A config understood. */
export type ModelDescription = {
  readonly family: Family;
  readonly decoder: Decoder;
  readonly task: Task;
  /** The text model's own config: the file's, or what a multimodal file says of its text model. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Of a multimodal checkpoint: how its text model's tensors are named, and which tensors are not its. */
  readonly container: Container | undefined;
  /** What a person should know about how the config was understood. */
  readonly notes: readonly string[];
};

/**
 * Understands a `config.json`: every key is read, known to be harmless, or refused. Notes are told (`base/core/notices.ts`).
 * @param file - its path, for messages
 * @throws CheckpointError for an unknown family, a key that is not known, a missing or impossible value, or a head other
 *   than a language model or one score
 */
export function describeModel(json: unknown, file = "config.json"): ModelDescription {
  const { family, container } = familyOf(new ConfigReader(json, file).text("model_type"), file);
  const unpacked = container && unpack(json, { ...family, container }, file);
  const config = new ConfigReader(unpacked?.config ?? json, file);
  config.only("model_type", family.modelType);
  config.only("quantization_config", null);
  config.raw("dtype");
  config.agrees("torch_dtype", "dtype", config.raw("dtype") ?? config.raw("torch_dtype"));
  const decoder = family.configure(config);
  checkHeads(decoder, file);
  const task = taskOf(config, family);
  config.refuseUnread(family.modelType, { ...COMMON_HARMLESS, ...family.harmless });
  const notes = [...(unpacked?.notes ?? []), ...config.notes];
  for (const note of notes) notice(`${file}: ${note}`);
  return {
    family,
    decoder,
    task,
    config: unpacked?.config ?? (json as Record<string, unknown>),
    container,
    notes,
  };
}

/** The family of a `model_type`, and the container it came in. @throws CheckpointError for an unknown one */
function familyOf(modelType: string, file: string): { family: Family; container: Container | undefined } {
  const family = FAMILIES.find((known) => known.modelType === modelType);
  if (family !== undefined) return { family, container: undefined };
  const around = FAMILIES.find((known) => known.container?.modelType === modelType);
  if (around !== undefined) return { family: around, container: around.container };
  const known = FAMILIES.flatMap((f) => [f.modelType, ...(f.container ? [f.container.modelType] : [])]);
  throw new CheckpointError(
    file,
    `"model_type": expected one of ${known.join(", ")} (deberta-v2 too, where only scores are needed), got ${show(modelType)}. ` +
      `Other families, mixtures of experts, encoder-decoders and vision models are not computed here.`,
  );
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
  const labels = config.object("id2label");
  const count = labels && Object.keys(labels).length;
  config.agrees("num_labels", "labels in id2label", count ?? config.raw("num_labels"));
  if (name === family.languageModel || name.endsWith("Model")) return "language-model";
  if (name !== family.rewardModel)
    throw config.error("architectures", `${family.languageModel} or ${family.rewardModel}`, name);
  // Without either, transformers takes two labels.
  const scores = count ?? config.size("num_labels", 2);
  if (scores !== 1) throw config.error("num_labels", "1 (one score per sequence)", scores);
  return "reward";
}
