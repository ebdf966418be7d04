/** The text model inside a multimodal checkpoint's config. */
import { ConfigReader } from "./config.ts";
import { COMMON_HARMLESS } from "./config-keys.ts";
import type { Family } from "./family.ts";

/** Tokens that the whole names, for the text model where its own config does not. */
const TOKENS = ["bos_token_id", "eos_token_id", "pad_token_id"];

/** Keys that say the same of the whole and of its text model. */
const SHARED = ["dtype", "torch_dtype", "tie_word_embeddings"];

/**
 * What a multimodal config says of its text model, as that model's own `config.json`; the rest is left out, and said.
 * @param family - one that comes in a container
 * @throws CheckpointError when there is no `text_config`, the class is another, or a key is not known
 */
export function unpack(
  json: unknown,
  family: Family & { readonly container: NonNullable<Family["container"]> },
  file: string,
): { readonly config: Record<string, unknown>; readonly notes: readonly string[] } {
  const { container } = family;
  const whole = new ConfigReader(json, file);
  whole.only("model_type", container.modelType);
  whole.only("quantization_config", null);
  const text = whole.object("text_config");
  if (text === undefined) throw whole.error("text_config", "the text model's config", undefined);
  const classes = whole.raw("architectures");
  const name = Array.isArray(classes) ? String(classes[0]) : container.languageModel;
  const reward = name === container.rewardModel;
  if (!reward && name !== container.languageModel)
    throw whole.error("architectures", `${container.languageModel} or ${container.rewardModel}`, name);
  for (const key of reward ? [] : container.textOnly)
    if ((text[key] ?? null) !== null)
      throw whole.error(
        `text_config.${key}`,
        `none: transformers follows it in ${family.languageModel} only`,
        text[key],
      );
  const config: Record<string, unknown> = { ...text };
  for (const key of [...SHARED, ...(reward ? ["id2label", "label2id", "num_labels"] : [])]) {
    const own = whole.raw(key);
    if (own === undefined || own === null) continue;
    whole.agrees(`text_config.${key}`, key, own, text[key]);
    config[key] = own;
  }
  for (const key of TOKENS) if (config[key] === undefined && whole.has(key)) config[key] = whole.raw(key);
  delete config["architectures"];
  if (reward) config["architectures"] = [family.rewardModel];
  whole.raw("vision_config");
  whole.refuseUnread(container.modelType, { ...COMMON_HARMLESS, ...container.harmless });
  return { config, notes: [`${container.modelType}: the text model is used; images are not.`] };
}
