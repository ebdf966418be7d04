/** Angles of rotary position embeddings, with Llama 3's scaling. */
import { CheckpointError, show } from "../core/errors.ts";
import type { ConfigReader } from "./config.ts";

/** Turns per position, one per pair of entries: radians, `dims / 2` of them. */
export type RopeFrequencies = readonly number[];

/** No head is wider. */
const MAX_DIMS = 2 ** 16;

/**
 * Frequencies θ^(-2i/dims), scaled as `rope_scaling` says.
 * @throws CheckpointError for a scaling other than "default" and "llama3", or an impossible number of entries
 */
export function ropeFrequencies(config: ConfigReader, dims: number, theta: number): RopeFrequencies {
  if (!Number.isInteger(dims / 2) || dims < 0 || dims > MAX_DIMS)
    throw new CheckpointError(
      config.file,
      `rotary embeddings turn ${dims} entries of a head, expected an even number up to ${MAX_DIMS}.`,
    );
  const plain = Array.from({ length: dims / 2 }, (_, i) => theta ** ((-2 * i) / dims));
  const scaling = config.raw("rope_scaling") as Record<string, unknown> | null | undefined;
  if (scaling === null || scaling === undefined) return plain;
  const type = scaling["rope_type"] ?? scaling["type"] ?? "default";
  if (type === "default") return plain;
  if (type !== "llama3") throw config.error("rope_scaling", `rope_type "default" or "llama3"`, scaling);
  return plain.map((frequency) => llama3Frequency(frequency, scaling, config));
}

/** Long wavelengths are stretched by `factor`, short ones kept, those between are blended (Llama 3.1). */
function llama3Frequency(frequency: number, scaling: Record<string, unknown>, config: ConfigReader): number {
  const value = (key: string): number => {
    const found = scaling[key];
    if (typeof found !== "number" || !(found > 0))
      throw new CheckpointError(
        config.file,
        `"rope_scaling.${key}": expected a positive number, got ${show(found)}.`,
      );
    return found;
  };
  const [factor, low, high] = [value("factor"), value("low_freq_factor"), value("high_freq_factor")];
  const original = value("original_max_position_embeddings");
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < original / high) return frequency;
  if (wavelength > original / low) return frequency / factor;
  const blend = (original / wavelength - low) / (high - low);
  return (1 - blend) * (frequency / factor) + blend * frequency;
}
