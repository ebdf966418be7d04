/**
 * How a config says its rotary positions: in `rope_parameters` (transformers 5), or in `rope_theta`, `rope_scaling` and their
 * older names. Both spellings give one setting; where they contradict each other, the error names both.
 */
import type { ConfigReader } from "./config.ts";

/** Rotary positions as a config says them. */
export type RopeSetting = {
  readonly type: string;
  readonly theta: number;
  /** Share of a head's entries that turn, in (0, 1]. */
  readonly share: number;
  /** Further entries by name, such as `factor`. */
  readonly entries: Readonly<Record<string, unknown>>;
  /** The key they stand in, for messages. */
  readonly key: string;
};

/** What a family says about its rotary positions. */
export type RopeNames = {
  /** Base where the config says none. */
  readonly theta: number;
  /** Older key of the base, default `rope_theta`. */
  readonly thetaKey?: string;
  /** Key and default of the share of a head that turns, in families that can turn a part. Without it a head turns whole. */
  readonly share?: { readonly key: string; readonly fallback: number };
};

/** Attention kinds that may have rotary positions of their own. */
export type LayerKind = "full_attention" | "sliding_attention";
const LAYER_KINDS: readonly LayerKind[] = ["full_attention", "sliding_attention"];

type Source = { readonly key: string; readonly values: Readonly<Record<string, unknown>> };

/** Entries that are remarks. */
const REMARKS = new Set(["type", "rope_type", "rope_theta", "partial_rotary_factor", "finetuned"]);

/** The one setting of a family that turns all layers alike. @throws CheckpointError as the readers of its keys */
export function readRope(config: ConfigReader, names: RopeNames): RopeSetting {
  const sources: Source[] = [];
  const parameters = config.object("rope_parameters");
  if (parameters !== undefined) sources.push({ key: "rope_parameters", values: flat(config, parameters) });
  const scaling = config.object("rope_scaling");
  if (scaling !== undefined) sources.push({ key: "rope_scaling", values: scaling });
  const thetaKey = names.thetaKey ?? "rope_theta";
  return settingOf(config, sources, names, (entry) =>
    entry === "rope_theta" ? thetaKey : entry === "partial_rotary_factor" ? names.share?.key : undefined,
  );
}

/**
 * The settings of a family whose layers of different kinds turn differently. In the older spelling `rope_scaling` is for
 * full attention only.
 * @param slidingTheta - key and default of the base of sliding layers
 */
export function readLayerRopes(
  config: ConfigReader,
  names: RopeNames,
  slidingTheta: { readonly key: string; readonly fallback: number },
): Readonly<Record<LayerKind, RopeSetting>> {
  const parameters = config.object("rope_parameters");
  for (const key of Object.keys(parameters ?? {}))
    if (!LAYER_KINDS.includes(key as LayerKind))
      throw config.error("rope_parameters", `${LAYER_KINDS.join(" and ")} only`, parameters);
  const scaling = config.object("rope_scaling");
  refuseOldType(config, scaling);
  const read = (kind: LayerKind, thetaKey: string, theta: number) => {
    const sources: Source[] = [];
    const own = parameters?.[kind];
    if (own !== undefined && own !== null)
      sources.push({ key: `rope_parameters.${kind}`, values: objectOf(config, "rope_parameters", own) });
    if (kind === "full_attention" && scaling !== undefined)
      sources.push({ key: "rope_scaling", values: scaling });
    return settingOf(config, sources, { theta }, (entry) => (entry === "rope_theta" ? thetaKey : undefined));
  };
  return {
    full_attention: read("full_attention", names.thetaKey ?? "rope_theta", names.theta),
    sliding_attention: read("sliding_attention", slidingTheta.key, slidingTheta.fallback),
  };
}

/** `rope_scaling` that names its kind by `type` alone: transformers 5 turns by its defaults then, in these families only; 4 followed it. */
function refuseOldType(config: ConfigReader, scaling: Source["values"] | undefined): void {
  const type = scaling?.["type"] ?? "default";
  if (type !== "default" && (scaling?.["rope_type"] ?? null) === null)
    throw config.error("rope_scaling.type", '"rope_type", which every version of transformers reads', type);
}

/** `rope_parameters` of a family that turns all layers alike. By layer type transformers leaves them unread there, and turns by its defaults. */
function flat(config: ConfigReader, parameters: Readonly<Record<string, unknown>>): Source["values"] {
  if (LAYER_KINDS.some((kind) => parameters[kind] !== undefined))
    throw config.error("rope_parameters", "one setting for all layers in this family", parameters);
  return parameters;
}

function objectOf(config: ConfigReader, key: string, value: unknown): Source["values"] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw config.error(key, "an object for each layer type", value);
  return value as Source["values"];
}

/** Joins what is said in several places. @param outside - the top-level key that says an entry too */
function settingOf(
  config: ConfigReader,
  sources: readonly Source[],
  names: RopeNames,
  outside: (entry: string) => string | undefined,
): RopeSetting {
  const entry = (name: string, fallback: unknown): unknown => {
    const said = sources
      .filter(({ values }) => values[name] !== undefined && values[name] !== null)
      .map(({ key, values }) => ({ key: `${key}.${name}`, value: values[name] }));
    const top = outside(name);
    if (top !== undefined && config.has(top)) said.push({ key: top, value: config.raw(top) });
    const [first] = said;
    if (first === undefined) return fallback;
    for (const other of said.slice(1)) config.agrees(first.key, other.key, other.value, first.value);
    return first.value;
  };
  const types = sources.flatMap(({ key, values }) =>
    ["rope_type", "type"]
      .filter((name) => values[name] !== undefined && values[name] !== null)
      .map((name) => ({ key: `${key}.${name}`, value: values[name] })),
  );
  for (const other of types.slice(1)) config.agrees(types[0]!.key, other.key, other.value, types[0]!.value);
  const theta = entry("rope_theta", names.theta);
  const share = entry("partial_rotary_factor", names.share?.fallback ?? 1);
  if (typeof theta !== "number" || !(theta > 0)) throw config.error("rope_theta", "a positive number", theta);
  if (typeof share !== "number" || !(share > 0 && share <= 1))
    throw config.error(names.share?.key ?? "partial_rotary_factor", "a share in (0, 1]", share);
  if (names.share === undefined && share !== 1)
    throw config.error("partial_rotary_factor", "1: transformers turns whole heads in this family", share);
  const further = new Set(sources.flatMap(({ values }) => Object.keys(values)));
  const entries = [...further]
    .filter((name) => !REMARKS.has(name))
    .map((name) => [name, entry(name, undefined)] as const)
    .filter(([, value]) => value !== undefined);
  const type = types[0]?.value ?? "default";
  if (typeof type !== "string") throw config.error(types[0]!.key, "a name", type);
  return {
    type,
    theta,
    share,
    entries: Object.fromEntries(entries),
    key: sources[0]?.key ?? "rope_parameters",
  };
}
