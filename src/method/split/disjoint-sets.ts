/** Sets of whole numbers that only ever grow together (union-find, by size, with path halving). */
export class DisjointSets {
  readonly #parents: Int32Array;
  readonly #sizes: Int32Array;

  /** @param count - members 0 to count - 1, each in a set of its own */
  constructor(count: number) {
    this.#parents = Int32Array.from({ length: count }, (_, i) => i);
    this.#sizes = new Int32Array(count).fill(1);
  }

  /** The member that stands for the set of `member`. */
  rootOf(member: number): number {
    let at = member;
    while (this.#parents[at] !== at) {
      this.#parents[at] = this.#parents[this.#parents[at]!]!;
      at = this.#parents[at]!;
    }
    return at;
  }

  /** Makes the sets of two members one. */
  join(a: number, b: number): void {
    const [x, y] = [this.rootOf(a), this.rootOf(b)];
    if (x === y) return;
    const [large, small] = this.#sizes[x]! >= this.#sizes[y]! ? [x, y] : [y, x];
    this.#parents[small] = large;
    this.#sizes[large]! += this.#sizes[small]!;
  }
}
