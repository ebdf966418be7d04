/** GGUF metadata, read with errors that name the file and the key; what nobody read can be asked for. */
import { CheckpointError, show } from "../../../base/core/errors.ts";

/** Reads one file's metadata. */
export class MetadataReader {
  readonly file: string;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #read = new Set<string>();

  constructor(file: string, values: ReadonlyMap<string, unknown>) {
    this.file = file;
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** Keys that begin so and that nothing has read. */
  unread(prefix: string): string[] {
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix) && !this.#read.has(key));
  }

  /** A finite number. @throws CheckpointError when it is missing or something else */
  number(key: string): number {
    const value = this.optionalNumber(key);
    if (value === undefined) throw this.error(key, "a number", undefined);
    return value;
  }

  /** A finite number, where there is one. A float32 is given as the shortest decimal that means it: 1e-5, not 9.99999974e-6. */
  optionalNumber(key: string): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isFinite(value)) throw this.error(key, "a number", value);
    return Number.isInteger(value) ? value : shortestFloat32(value);
  }

  /** A whole number that fits a size. */
  size(key: string): number {
    const value = this.number(key);
    if (!Number.isInteger(value) || value < 1 || value > 2 ** 24)
      throw this.error(key, "a positive integer", value);
    return value;
  }

  text(key: string): string | undefined {
    const value = this.#take(key);
    if (value !== undefined && typeof value !== "string") throw this.error(key, "a string", value);
    return value;
  }

  flag(key: string): boolean | undefined {
    const value = this.#take(key);
    if (value !== undefined && typeof value !== "boolean") throw this.error(key, "true or false", value);
    return value;
  }

  texts(key: string): string[] | undefined {
    return this.#list(key, "a list of strings", (item) => typeof item === "string") as string[] | undefined;
  }

  numbers(key: string): number[] | undefined {
    return this.#list(key, "a list of numbers", (item) => typeof item === "number") as number[] | undefined;
  }

  /** A token id below `vocabSize`, where the key is there. */
  tokenId(key: string, vocabSize: number): number | undefined {
    const value = this.optionalNumber(key);
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value < vocabSize))
      throw this.error(key, `a token id below ${vocabSize}`, value);
    return value;
  }

  error(key: string, expected: string, got: unknown): CheckpointError {
    return new CheckpointError(
      this.file,
      `metadata "${key}": expected ${expected}, got ${got === undefined ? "nothing" : show(got)}.`,
    );
  }

  #list(key: string, expected: string, fits: (item: unknown) => boolean): unknown[] | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every(fits)) throw this.error(key, expected, value);
    return value;
  }

  #take(key: string): unknown {
    this.#read.add(key);
    return this.#values.get(key);
  }
}

/** The decimal of fewest digits that rounds to the same float32. */
export function shortestFloat32(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}
