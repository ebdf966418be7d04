/**
 * Angles of rotary position embeddings and their scalings, as `modeling_rope_utils.py` of transformers 5.24 computes them:
 * linear, dynamic, yarn, longrope and llama3.
 */
import { lessEqual, mul, scalar, where } from "../graph/ops/elementwise.ts";
import { reshape } from "../graph/ops/layout.ts";
import { ropeAngles } from "../graph/ops/rope.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ConfigReader } from "./config.ts";
import type { ModelContext } from "./context.ts";
import type { RopeSetting } from "./rope-config.ts";

/** Turns per position, one per pair of entries: radians, `dims / 2` of them. */
export type RopeFrequencies = readonly number[];

/** Rotary positions of a layer. */
export type Rope = {
  readonly frequencies: RopeFrequencies;
  /** Factor on cosines and sines, so squared on the scores of the entries that turn. */
  readonly scale: number;
  /** LongRoPE: rows with more than `over` tokens turn at these. */
  readonly long?: { readonly over: number; readonly frequencies: RopeFrequencies };
};

/** Sizes a rope is made for. */
export type RopeSizes = {
  readonly headDim: number;
  /** `max_position_embeddings`. */
  readonly maxPositions: number;
  /** Types the family knows, default all. */
  readonly types?: readonly string[];
  /** `original_max_position_embeddings` of the class where the config says none (Phi-3). */
  readonly original?: number;
};

/** No head is wider. */
const MAX_DIMS = 2 ** 16;

/** Entries each type may have; others are refused. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  default: [],
  linear: ["factor"],
  dynamic: ["factor"],
  yarn: [
    "factor",
    "original_max_position_embeddings",
    "attention_factor",
    "beta_fast",
    "beta_slow",
    "mscale",
    "mscale_all_dim",
    "truncate",
  ],
  longrope: ["factor", "original_max_position_embeddings", "attention_factor", "short_factor", "long_factor"],
  llama3: ["factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"],
};

/**
 * The rope a setting asks for.
 * @throws CheckpointError for a type or an entry that is not known, a value that is missing or impossible, or an
 *   impossible number of entries
 */
export function ropeOf(config: ConfigReader, setting: RopeSetting, sizes: RopeSizes): Rope {
  // Says nothing where the type does not ask for it; Phi-3's files always have it.
  config.raw("original_max_position_embeddings");
  const types = sizes.types ?? Object.keys(ENTRIES);
  if (!types.includes(setting.type) || !Object.hasOwn(ENTRIES, setting.type))
    throw config.error(`${setting.key}.rope_type`, `one of ${types.join(", ")}`, setting.type);
  for (const [name, value] of Object.entries(setting.entries))
    if (!ENTRIES[setting.type]!.includes(name))
      throw config.error(`${setting.key}.${name}`, `no such entry beside rope_type "${setting.type}"`, value);
  const dims = Math.trunc(sizes.headDim * setting.share);
  if (!Number.isInteger(dims / 2) || dims < 0 || dims > MAX_DIMS)
    throw config.error(
      "head_dim",
      `an even number up to ${MAX_DIMS} of entries of a head that rotary positions turn`,
      dims,
    );
  const plain = Array.from({ length: dims / 2 }, (_, i) => setting.theta ** ((-2 * i) / dims));
  const entries = new Entries(config, setting, sizes);
  switch (setting.type) {
    case "linear": {
      const factor = entries.number("factor");
      return { frequencies: plain.map((frequency) => frequency / factor), scale: 1 };
    }
    // Frequencies change only past max_position_embeddings, and longer sequences are refused everywhere.
    case "dynamic":
      entries.number("factor");
      return { frequencies: plain, scale: 1 };
    case "yarn":
      return yarn(entries, plain, dims);
    case "longrope":
      return longrope(entries, plain);
    case "llama3":
      return { frequencies: llama3(entries, plain), scale: 1 };
    default:
      return { frequencies: plain, scale: 1 };
  }
}

/** Reads the entries of one setting, with errors that name them. */
class Entries {
  readonly theta: number;
  readonly maxPositions: number;
  readonly #config: ConfigReader;
  readonly #setting: RopeSetting;
  readonly #original: number | undefined;

  constructor(config: ConfigReader, setting: RopeSetting, sizes: RopeSizes) {
    this.theta = setting.theta;
    this.maxPositions = sizes.maxPositions;
    this.#config = config;
    this.#setting = setting;
    this.#original = sizes.original;
  }

  number(name: string, fallback?: number): number {
    const value = this.#setting.entries[name] ?? fallback;
    if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value))
      throw this.#config.error(`${this.#setting.key}.${name}`, "a positive number", value);
    return value;
  }

  optional(name: string): number | undefined {
    return this.#setting.entries[name] === undefined ? undefined : this.number(name);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#setting.entries[name] ?? fallback;
    if (typeof value !== "boolean")
      throw this.#config.error(`${this.#setting.key}.${name}`, "true or false", value);
    return value;
  }

  numbers(name: string, length: number): readonly number[] {
    const value = this.#setting.entries[name];
    if (
      !Array.isArray(value) ||
      value.length !== length ||
      !value.every((x) => typeof x === "number" && x > 0)
    )
      throw this.#config.error(`${this.#setting.key}.${name}`, `a list of ${length} positive numbers`, value);
    return value;
  }

  /** Tokens trained on before positions were stretched. The key beside `rope_parameters` counts first in transformers. */
  original(): number {
    const key = "original_max_position_embeddings";
    const inside = this.#setting.entries[key];
    if (this.#config.has(key)) {
      const value = this.#config.size(key);
      this.#config.agrees(`${this.#setting.key}.${key}`, key, value, inside);
      return value;
    }
    if (this.#original === undefined) return this.number(key, this.maxPositions);
    this.#config.agrees(`${this.#setting.key}.${key}`, `${key} of the class`, this.#original, inside);
    return this.#original;
  }
}

/** YaRN: Peng et al. 2023, https://arxiv.org/abs/2309.00071, sections 3.2 and 3.4. */
function yarn(entries: Entries, plain: RopeFrequencies, dims: number): Rope {
  const original = entries.original();
  const factor = entries.number("factor", entries.maxPositions / original);
  const [slow, fast] = [entries.number("beta_slow", 1), entries.number("beta_fast", 32)];
  /** Entry that turns `rotations` times within the original length. */
  const entryOf = (rotations: number) =>
    (dims * Math.log(original / (rotations * 2 * Math.PI))) / (2 * Math.log(entries.theta));
  const whole = entries.flag("truncate", true);
  const low = Math.max(whole ? Math.floor(entryOf(fast)) : entryOf(fast), 0);
  const end = Math.min(whole ? Math.ceil(entryOf(slow)) : entryOf(slow), dims - 1);
  const high = end === low ? end + 0.001 : end;
  const frequencies = plain.map((frequency, i) => {
    const stretched = Math.min(Math.max((i - low) / (high - low), 0), 1);
    return (frequency / factor) * stretched + frequency * (1 - stretched);
  });
  return { frequencies, scale: entries.optional("attention_factor") ?? yarnScale(entries, factor) };
}

function yarnScale(entries: Entries, factor: number): number {
  const scaleOf = (m: number) => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  const [m, all] = [entries.optional("mscale"), entries.optional("mscale_all_dim")];
  return m !== undefined && all !== undefined ? scaleOf(m) / scaleOf(all) : scaleOf(1);
}

/** LongRoPE: Ding et al. 2024, https://arxiv.org/abs/2402.13753. */
function longrope(entries: Entries, plain: RopeFrequencies): Rope {
  const original = entries.original();
  const factor = entries.number("factor", entries.maxPositions / original);
  const stretched = (name: string) => {
    const factors = entries.numbers(name, plain.length);
    return plain.map((frequency, i) => frequency / factors[i]!);
  };
  const usual = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  return {
    frequencies: stretched("short_factor"),
    scale: entries.optional("attention_factor") ?? usual,
    long: { over: original, frequencies: stretched("long_factor") },
  };
}

/** Long wavelengths are stretched by `factor`, short ones kept, those between are blended (Llama 3.1). */
function llama3(entries: Entries, plain: RopeFrequencies): RopeFrequencies {
  const factor = entries.number("factor");
  const [low, high] = [entries.number("low_freq_factor"), entries.number("high_freq_factor")];
  const original = entries.original();
  return plain.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < original / high) return frequency;
    if (wavelength > original / low) return frequency / factor;
    const blend = (original / wavelength - low) / (high - low);
    return (1 - blend) * (frequency / factor) + blend * frequency;
  });
}

/** Cosines and sines of every token's position, `[N, 1, dims / 2]` each. */
export function turns(m: ModelContext, { frequencies, scale, long }: Rope): { cosine: Tensor; sine: Tensor } {
  const short = ropeAngles(m.positions, frequencies);
  const scaled = (x: Tensor) => (scale === 1 ? x : mul(x, scale));
  if (long === undefined) return { cosine: scaled(short.cosine), sine: scaled(short.sine) };
  const stretched = ropeAngles(m.positions, long.frequencies);
  const isLong = lessEqual(scalar(1), reshape(m.reaches(long.over), ["N", 1, 1]));
  return {
    cosine: scaled(where(isLong, stretched.cosine, short.cosine)),
    sine: scaled(where(isLong, stretched.sine, short.sine)),
  };
}
