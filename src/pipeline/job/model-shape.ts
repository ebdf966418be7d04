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

/** Tokens that a trimmed vocabulary is counted with where nothing is known of the data. */
const TRIMMED_VOCABULARY = 5000;

/**
 * Tokens that are left of a vocabulary when data of so many tokens is trimmed to, by the growth of vocabularies with texts (Heaps 1978). Seen, with the
 * pieces that kept tokens are merged from: 2,757 for the demo's 0.16 million (3,900 by this rule), 6,398 for 0.4 million of ETHICS (6,400), 18,397 for 0.8
 * million of HH under SmolLM2's tokenizer (9,400).
 */
export const trimmedVocabulary = (tokens: number): number => Math.round(5.3 * tokens ** 0.55);

/** The shape of a model from its config alone. @param left - tokens of its vocabulary once it is trimmed */
export async function shapeOf(
  { source, layers, vocabulary: kept }: ModelSource,
  left: number = TRIMMED_VOCABULARY,
): Promise<KnownShape> {
  const config = await configOf(source);
  const vocabulary = Math.min(Number(config["vocab_size"] ?? left), left);
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
  const parameters = parameterShapes(model.decoder, model.task, lora);
  return { ...model, lora, parameters, keepsAdapter: options.keep === "adapter" };
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
