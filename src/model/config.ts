/** Reads a Hugging Face `config.json` into what a decoder needs to know, in one naming. */
import { CheckpointError, show } from "../core/errors.ts";

/** A decoder's sizes and choices that every family has. */
export type DecoderConfig = {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Key-value heads; fewer than `heads` in grouped-query attention. */
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  /** Longest sequence the position embedding knows, tokens. */
  readonly maxPositions: number;
  /** Width of the embedding and of the head's input; differs from `hiddenSize` in OPT-350m only. */
  readonly embeddingSize: number;
  readonly tied: boolean;
  readonly normEpsilon: number;
  readonly activation: Activation;
};

/** Activations of the supported families; the three tanh forms of GELU are one. */
export type Activation = "relu" | "gelu" | "gelu-tanh" | "silu";

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  relu: "relu",
  gelu: "gelu",
  gelu_new: "gelu-tanh",
  gelu_fast: "gelu-tanh",
  gelu_pytorch_tanh: "gelu-tanh",
  silu: "silu",
  swish: "silu",
};

/** Largest size believed of a config: beyond it a file is broken or hostile. */
const MAX_SIZE = 2 ** 24;
/** Layers are walked one by one before a weight is seen. */
const MAX_LAYERS = 1024;

/** Reads one `config.json`, with errors that name the file and the key. */
export class ConfigReader {
  readonly file: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(json: unknown, file: string) {
    if (json === null || typeof json !== "object" || Array.isArray(json))
      throw new CheckpointError(file, `expected a JSON object, got ${json === null ? "null" : typeof json}.`);
    this.file = file;
    this.#values = json as Record<string, unknown>;
  }

  /** True when the key is there and not null. */
  has(key: string): boolean {
    return this.#values[key] !== undefined && this.#values[key] !== null;
  }

  raw(key: string): unknown {
    return this.#values[key];
  }

  /** A positive integer under the first of `keys` that is there. */
  size(keys: string | readonly string[], fallback?: number): number {
    const [key, value] = this.#first(keys, fallback);
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > MAX_SIZE)
      throw this.error(key, "a positive integer", value);
    return value;
  }

  /** A number of layers under the first of `keys` that is there. */
  layers(keys: string | readonly string[], fallback: number): number {
    const layers = this.size(keys, fallback);
    if (layers > MAX_LAYERS)
      throw this.error(this.#first(keys, fallback)[0], `at most ${MAX_LAYERS} layers`, layers);
    return layers;
  }

  /** A finite number under the first of `keys` that is there. */
  number(keys: string | readonly string[], fallback?: number): number {
    const [key, value] = this.#first(keys, fallback);
    if (typeof value !== "number" || !Number.isFinite(value)) throw this.error(key, "a number", value);
    return value;
  }

  flag(key: string, fallback: boolean): boolean {
    const [, value] = this.#first(key, fallback);
    if (typeof value !== "boolean") throw this.error(key, "true or false", value);
    return value;
  }

  text(key: string, fallback?: string): string {
    const [, value] = this.#first(key, fallback);
    if (typeof value !== "string") throw this.error(key, "a string", value);
    return value;
  }

  activation(keys: string | readonly string[], fallback?: string): Activation {
    const [key, value] = this.#first(keys, fallback);
    const activation = ACTIVATIONS[String(value)];
    if (activation === undefined)
      throw this.error(key, `one of ${Object.keys(ACTIVATIONS).join(", ")}`, value);
    return activation;
  }

  /** @throws CheckpointError when a key holds something other than the one value this project computes */
  only(key: string, expected: unknown): void {
    const value = this.#values[key];
    if (value !== undefined && value !== null && value !== expected)
      throw this.error(key, `${JSON.stringify(expected)} (other values are not supported)`, value);
  }

  /** Token ids under a key that may hold one or a list. */
  ids(key: string): number[] {
    const value = this.#values[key];
    if (value === undefined || value === null) return [];
    const list = Array.isArray(value) ? value : [value];
    if (!list.every((id) => Number.isInteger(id)))
      throw this.error(key, "a token id or a list of them", value);
    return list as number[];
  }

  error(key: string, expected: string, got: unknown): CheckpointError {
    return new CheckpointError(this.file, `"${key}": expected ${expected}, got ${show(got)}.`);
  }

  #first(keys: string | readonly string[], fallback: unknown): [string, unknown] {
    const list = typeof keys === "string" ? [keys] : keys;
    const key = list.find((name) => this.has(name));
    return key === undefined ? [list[0]!, fallback] : [key, this.#values[key]];
  }
}
