/** Shapes of models from their configs alone, for plans. */
import { llama2cConfig } from "../../engine/checkpoint/llama2c.ts";
import { openModelFolder } from "../../engine/checkpoint/model-folder.ts";
import { STORIES, stories15mHead } from "../../engine/checkpoint/stories15m.ts";
import { describeModel, type ModelDescription } from "../../engine/model/families/index.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import { adapterSpec, parameterShapes } from "../../engine/model/model.ts";
import type { ModelShape } from "../../method/train/estimate.ts";
import type { ModelSource } from "../recipe/model-settings.ts";

/** A shape; the family says which projections adapters usually sit on. */
export type KnownShape = ModelShape & Pick<ModelDescription, "family">;

/** Tokens that a trimmed vocabulary is counted with; seen: 2,757 for the demo, 6,398 for all of ETHICS utilitarianism. */
const TRIMMED_VOCABULARY = 5000;

/** The shape of a model from its config alone. */
export async function shapeOf({ source, layers, vocabulary: kept }: ModelSource): Promise<KnownShape> {
  const config = await configOf(source);
  const vocabulary = Math.min(Number(config["vocab_size"] ?? TRIMMED_VOCABULARY), TRIMMED_VOCABULARY);
  const counted = kept === "trim" ? { ...config, vocab_size: vocabulary } : config;
  const { family, decoder } = describeModel(counted, source);
  const cut = layers === undefined ? decoder : { ...decoder, config: { ...decoder.config, layers } };
  return {
    family,
    decoder: cut,
    parameters: parameterShapes(cut, "language-model"),
    lora: undefined,
    task: "language-model",
  };
}

/** The shape with adapters on it, where there are any. */
export function withLora(model: KnownShape, options: LoraOptions | undefined): ModelShape {
  if (options === undefined) return model;
  const lora = adapterSpec(model, options);
  return { ...model, lora, parameters: parameterShapes(model.decoder, model.task, lora) };
}

async function configOf(from: string): Promise<Readonly<Record<string, unknown>>> {
  if (from === STORIES) {
    const { start, length } = await stories15mHead();
    return llama2cConfig(STORIES, start, length);
  }
  const folder = await openModelFolder(from);
  await folder.close();
  return folder.config;
}
