/** A list of numbers of unknown length: 8 bytes each, at most twice that. */
export class GrowingFloats {
  private data = new Float64Array(1024);
  private count = 0;

  push(value: number): void {
    if (this.count === this.data.length) {
      const larger = new Float64Array(2 * this.count);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.count++] = value;
  }

  /** The numbers so far; not a copy. */
  view(): Float64Array {
    return this.data.subarray(0, this.count);
  }
}
