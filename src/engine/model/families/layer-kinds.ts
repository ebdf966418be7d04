/** Which layers see everything before them and which a sliding window. */
import type { ConfigReader } from "../config.ts";
import type { LayerKind } from "../rope-config.ts";

const FULL = "full_attention";
const SLIDING = "sliding_attention";

/**
 * The kind of each layer: `layer_types` where it is there, as transformers does, else `otherwise`.
 * @throws CheckpointError for a list of another length or with other kinds
 */
export function layerKinds(
  json: ConfigReader,
  layers: number,
  otherwise: (layer: number) => boolean,
): LayerKind[] {
  if (!json.has("layer_types"))
    return Array.from({ length: layers }, (_, layer) => (otherwise(layer) ? SLIDING : FULL));
  const kinds = json.raw("layer_types");
  if (!Array.isArray(kinds) || kinds.length !== layers || !kinds.every((k) => k === FULL || k === SLIDING))
    throw json.error("layer_types", `"${FULL}" or "${SLIDING}" for each of ${layers} layers`, kinds);
  return kinds;
}

/** The window: null is none, and a config without the key has the class's. */
export function windowSize(json: ConfigReader, fallback: number | undefined): number | undefined {
  if (json.raw("sliding_window") === null) return undefined;
  return json.has("sliding_window") || fallback !== undefined
    ? json.size("sliding_window", fallback)
    : undefined;
}

/** The window of each layer of these kinds. @throws CheckpointError when a layer slides and there is no window */
export function windows(
  json: ConfigReader,
  kinds: readonly LayerKind[],
  window: number | undefined,
  why = "sliding_window",
): (layer: number) => number | undefined {
  if (window === undefined && kinds.includes(SLIDING))
    throw json.error(
      "layer_types",
      `no sliding layers, as ${why} gives them no window`,
      json.raw("layer_types"),
    );
  return (layer) => (kinds[layer] === SLIDING ? window : undefined);
}

/** Refuses `layer_types` of another kind in a family whose layers are all alike in transformers. */
export function allLayers(json: ConfigReader, layers: number, kind: LayerKind = FULL): void {
  const kinds = layerKinds(json, layers, () => kind === SLIDING);
  if (!kinds.every((k) => k === kind))
    throw json.error(
      "layer_types",
      `"${kind}" for every layer: transformers computes no other in this family`,
      kinds,
    );
}
