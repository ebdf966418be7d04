/**
 * Seeded random numbers. A stream is named by a seed and labels, so that a draw depends on what it is for
 * (`rng.fork("split")`, `rng.fork("row", id)`) and never on how many draws came before it elsewhere.
 */
import { createHash } from "node:crypto";

/** The seed where none is given, in recipes, flags and calls (WDPO section 3.2). */
export const DEFAULT_SEED = 22;

/** Four 32-bit words: all there is to save and restore of a stream. */
export type RngState = readonly [number, number, number, number];

/** A stream of random numbers (sfc32; 2^128 states, passes PractRand). */
export interface Rng {
  /** Uniform in [0, 1), 53 bits. */
  next(): number;
  /** Uniform integer in [0, n). */
  int(n: number): number;
  /** Standard normal (Box-Muller, one of the pair). */
  normal(): number;
  /** A new array in random order (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /** An independent stream named by the seed of this one and the labels; does not advance this one. */
  fork(...labels: (string | number)[]): Rng;
  /** The state now; `restoreRng` continues from it. */
  state(): RngState;
}

/** Opens the stream of a seed. Equal seeds give equal streams on every machine. */
export function createRng(seed: number | string): Rng {
  const key = String(seed);
  const words = createHash("sha256").update(key).digest();
  const at = (i: number) => words.readUInt32LE(i * 4);
  return stream(key, [at(0), at(1), at(2), at(3)]);
}

/** Continues a stream from `Rng.state()`; `seed` is needed for later forks only. */
export function restoreRng(seed: number | string, state: RngState): Rng {
  return stream(String(seed), state);
}

function stream(key: string, start: RngState): Rng {
  let [a, b, c, d] = start;
  const word = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  const next = () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992;
  const rng: Rng = {
    next,
    int: (n) => Math.floor(next() * n),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    shuffle: (items) => {
      const out = [...items];
      for (let i = out.length - 1; i > 0; i--) {
        const j = rng.int(i + 1);
        [out[i], out[j]] = [out[j]!, out[i]!];
      }
      return out;
    },
    fork: (...labels) => createRng(JSON.stringify([key, ...labels])),
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  };
  return rng;
}
