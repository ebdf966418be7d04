/** Rolling hashes: the hash of any run of letters of a text in one step, and tables that are asked about most places in vain. */

/** Two bases modulo 2^32: 53 bits of both make a key. Odd, so that powers never vanish. */
const [BASE_1, BASE_2] = [0x01000193, 0x5bd1e995];

/** Powers of the bases, grown as texts need them. */
let powers: readonly [Int32Array, Int32Array] = [Int32Array.of(1), Int32Array.of(1)];

function powersUpTo(length: number): readonly [Int32Array, Int32Array] {
  if (powers[0].length > length) return powers;
  const size = Math.max(length + 1, 2 * powers[0].length);
  const grow = (base: number) => {
    const grown = new Int32Array(size).fill(1);
    for (let i = 1; i < size; i++) grown[i] = Math.imul(grown[i - 1]!, base);
    return grown;
  };
  powers = [grow(BASE_1), grow(BASE_2)];
  return powers;
}

/** Hashes of all runs of one text after another; holds the text read last. */
export class RunHashes {
  #first = new Int32Array(1);
  #second = new Int32Array(1);
  /** Letters of the text. */
  length = 0;

  /** Takes a text, of which the first `kept` letters are those of the text before. */
  read(letters: string, kept = 0): this {
    if (this.#first.length <= letters.length) {
      const grown = (old: Int32Array) => {
        const array = new Int32Array(2 * letters.length + 1);
        array.set(old);
        return array;
      };
      [this.#first, this.#second] = [grown(this.#first), grown(this.#second)];
    }
    for (let i = kept; i < letters.length; i++) {
      const code = letters.charCodeAt(i) + 1;
      this.#first[i + 1] = Math.imul(this.#first[i]!, BASE_1) + code;
      this.#second[i + 1] = Math.imul(this.#second[i]!, BASE_2) + code;
    }
    this.length = letters.length;
    return this;
  }

  /** Key of the letters from `start` to `end`, a whole number below 2^53. Equal runs have equal keys. */
  of(start: number, end: number): number {
    const [one, two] = powersUpTo(end - start);
    const first = this.#first[end]! - Math.imul(this.#first[start]!, one[end - start]!);
    const second = this.#second[end]! - Math.imul(this.#second[start]!, two[end - start]!);
    return (first >>> 0) * 0x200000 + (second >>> 11);
  }
}

/** A map from keys of runs to whole numbers: a bit for each key says at once that most of what is asked is not there. */
export class RunTable {
  readonly #values = new Map<number, number>();
  readonly #bits: Uint32Array;

  /** @param most - keys that are expected at most */
  constructor(most: number) {
    this.#bits = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(1024, most))));
  }

  get(key: number): number | undefined {
    const bit = this.#bitOf(key);
    if ((this.#bits[bit >>> 5]! & (1 << (bit & 31))) === 0) return undefined;
    return this.#values.get(key);
  }

  set(key: number, value: number): void {
    const bit = this.#bitOf(key);
    this.#bits[bit >>> 5]! |= 1 << (bit & 31);
    this.#values.set(key, value);
  }

  #bitOf(key: number): number {
    return Math.floor(key / 0x200000) % (32 * this.#bits.length);
  }
}
