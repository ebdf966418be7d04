/** All encoders, by `model_type`. */
import { ConfigReader } from "../config.ts";
import { debertaV2 } from "./deberta-v2.ts";
import type { Encoder, EncoderFamily } from "./encoder.ts";
import { modernBert } from "./modernbert.ts";

/** Every encoder whose reward models score here. */
export const ENCODERS: readonly EncoderFamily[] = [debertaV2, modernBert];

/**
 * Understands the config of an encoder's reward model; undefined for another kind of model.
 * @param file - its path, for messages
 * @throws CheckpointError for a setting that is not computed here
 */
export function describeEncoder(json: unknown, file = "config.json"): Encoder | undefined {
  const modelType = (json as { readonly model_type?: unknown } | null)?.model_type;
  const family = ENCODERS.find((known) => known.modelType === modelType);
  if (family === undefined) return undefined;
  const config = new ConfigReader(json, file);
  config.only("model_type", family.modelType);
  config.only("architectures", [family.rewardModel]);
  config.only("quantization_config", null);
  return family.describe(config);
}
