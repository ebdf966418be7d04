/** Reads a Hugging Face `config.json` into what a decoder needs to know, in one naming. */
import { CheckpointError, listed, show } from "../../base/core/errors.ts";

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

/** Why a key changes no number here, and the values for which that holds (default: any). */
export type HarmlessKey = {
  readonly why: string;
  readonly holds?: (value: unknown) => boolean;
  /** The values that hold, in words. */
  readonly expected?: string;
};

/** Keys that are known and change no number, by name. */
export type HarmlessKeys = Readonly<Record<string, HarmlessKey>>;

/**
 * Reads one `config.json`, with errors that name the file and the key. It remembers which keys were asked for, so that
 * `refuseUnread` can refuse the others: a key is read, known to be harmless, or refused.
 */
export class ConfigReader {
  readonly file: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();
  readonly #fixed = new Map<string, unknown>();
  readonly #notes: string[] = [];

  constructor(json: unknown, file: string) {
    if (json === null || typeof json !== "object" || Array.isArray(json))
      throw new CheckpointError(file, `expected a JSON object, got ${json === null ? "null" : typeof json}.`);
    this.file = file;
    this.#values = json as Record<string, unknown>;
  }

  /** Every key that was asked for so far, there or not. */
  get asked(): readonly string[] {
    return [...this.#asked];
  }

  /** Keys of which one value only is computed here, with that value. */
  get fixed(): ReadonlyMap<string, unknown> {
    return this.#fixed;
  }

  /** What a person should know about how the config was understood. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** Says how something was understood that could be understood otherwise. */
  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text);
  }

  /** True when the key is there and not null. */
  has(key: string): boolean {
    const value = this.raw(key);
    return value !== undefined && value !== null;
  }

  raw(key: string): unknown {
    this.#asked.add(key);
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
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
    if (!Object.hasOwn(ACTIVATIONS, String(value)))
      throw this.error(key, `one of ${Object.keys(ACTIVATIONS).join(", ")}`, value);
    return ACTIVATIONS[String(value)]!;
  }

  /** A JSON object under a key, or undefined. */
  object(key: string): Readonly<Record<string, unknown>> | undefined {
    if (!this.has(key)) return undefined;
    const value = this.raw(key);
    if (typeof value !== "object" || Array.isArray(value)) throw this.error(key, "an object", value);
    return value as Record<string, unknown>;
  }

  /** @throws CheckpointError when a key holds something other than the one value this project computes */
  only(key: string, expected: unknown): void {
    this.#fixed.set(key, expected);
    if (this.has(key) && !sameJson(this.raw(key), expected))
      throw this.error(key, `${JSON.stringify(expected)} (other values are not supported)`, this.raw(key));
  }

  /**
   * A key that says again what another says, and so must agree with it; where it is not there it agrees.
   * @param other - the key that counts, or how it comes to its value
   * @param own - the key's value, where it stands inside another
   * @throws CheckpointError naming both when they differ
   */
  agrees(key: string, other: string, value: unknown, own: unknown = this.raw(key)): void {
    if (own !== undefined && own !== null && !sameJson(own, value))
      throw this.#differ([key, own], [other, value]);
  }

  /** Token ids under a key that may hold one or a list. */
  ids(key: string): number[] {
    const value = this.raw(key);
    if (value === undefined || value === null) return [];
    const list = Array.isArray(value) ? value : [value];
    if (!list.every((id) => Number.isInteger(id)))
      throw this.error(key, "a token id or a list of them", value);
    return list as number[];
  }

  /**
   * Ends the reading: refuses what was neither asked for nor is harmless. A null says nothing and passes.
   * @param reader - who has read, such as "llama"
   * @throws CheckpointError naming all such keys
   */
  refuseUnread(reader: string, harmless: HarmlessKeys): void {
    const unknown: string[] = [];
    for (const [key, value] of Object.entries(this.#values)) {
      if (this.#asked.has(key) || value === null) continue;
      const known = Object.hasOwn(harmless, key) ? harmless[key] : undefined;
      if (known === undefined) unknown.push(`${show(key)}: ${show(value)}`);
      else if (known.holds !== undefined && !known.holds(value))
        throw this.error(key, known.expected ?? "another value", value);
    }
    if (unknown.length === 0) return;
    throw new CheckpointError(
      this.file,
      `${listed(unknown)}: not known for ${reader}, so whether ${unknown.length === 1 ? "it changes" : "they change"} the numbers is not known either. ` +
        `Remove from config.json what is only a remark; docs/config-keys.md lists what is read.`,
    );
  }

  error(key: string, expected: string, got: unknown): CheckpointError {
    // A key may be the file's own, and as long as the file.
    return new CheckpointError(this.file, `"${listed([key])}": expected ${expected}, got ${show(got)}.`);
  }

  /** Value of the first key that is there; the others, where they are there too, must hold the same. */
  #first(keys: string | readonly string[], fallback: unknown): [string, unknown] {
    const list = typeof keys === "string" ? [keys] : keys;
    const there = list.filter((name) => this.has(name)).map((name) => [name, this.raw(name)] as const);
    const [first] = there;
    const other = there.find(([, value]) => !sameJson(value, first![1]));
    if (first !== undefined && other !== undefined) throw this.#differ(other, first);
    return first === undefined ? [list[0]!, fallback] : [...first];
  }

  #differ(one: readonly [string, unknown], other: readonly [string, unknown]): CheckpointError {
    return new CheckpointError(
      this.file,
      `"${one[0]}" is ${show(one[1])} and "${other[0]}" is ${show(other[1])}, expected the same of both. Remove the one that is wrong.`,
    );
  }
}

/** Values of a config are a few levels deep; damaged ones may be deeper than the stack. */
const DEEPEST = 64;

/** True when two JSON values are the same, whatever the order of members; never of two that are deeper than any config. */
function sameJson(a: unknown, b: unknown, depth = 0): boolean {
  if (a === b) return true;
  if (depth > DEEPEST) return false;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && sameJson(left[key], right[key], depth + 1))
  );
}
