/**
 * Finds what comes twice among very many texts without keeping them: 64-bit fingerprints in one growing table, at most three quarters full,
 * so 11 to 21 bytes a text (half as much again while it grows). Among n texts two different ones share a fingerprint with a
 * probability of about n² / 2^65: whoever acts on a repeat compares the texts themselves first.
 */

/** Fingerprints of the texts seen so far. */
export class Fingerprints {
  /** Two words per place; 0, 0 is empty. */
  private table = new Uint32Array(2 * 1024);
  private count = 0;

  /** Notes a text; true when one with its fingerprint was noted before. */
  add(text: string): boolean {
    const [low, high] = fingerprint(text);
    if (!insert(this.table, low, high)) return true;
    this.count++;
    if (this.count * 8 > this.table.length * 3) this.grow();
    return false;
  }

  private grow(): void {
    const larger = new Uint32Array(this.table.length * 2);
    for (let at = 0; at < this.table.length; at += 2) {
      const [low, high] = [this.table[at]!, this.table[at + 1]!];
      if (low !== 0 || high !== 0) insert(larger, low, high);
    }
    this.table = larger;
  }
}

/** The first of the suspected texts that does come twice. */
export async function confirmRepeat(
  texts: AsyncIterable<string>,
  suspects: ReadonlySet<string>,
): Promise<string | undefined> {
  const met = new Set<string>();
  for await (const text of texts) {
    if (!suspects.has(text)) continue;
    if (met.has(text)) return text;
    met.add(text);
  }
  return undefined;
}

/** False when the fingerprint is there already. */
function insert(table: Uint32Array, low: number, high: number): boolean {
  const mask = table.length / 2 - 1;
  for (let place = low & mask; ; place = (place + 1) & mask) {
    const at = 2 * place;
    if (table[at] === 0 && table[at + 1] === 0) {
      table[at] = low;
      table[at + 1] = high;
      return true;
    }
    if (table[at] === low && table[at + 1] === high) return false;
  }
}

/** cyrb53's two lanes (bryc, public domain), each kept whole; never 0, 0. */
function fingerprint(text: string): readonly [number, number] {
  let x = 0xdeadbeef;
  let y = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    x = Math.imul(x ^ unit, 2654435761);
    y = Math.imul(y ^ unit, 1597334677);
  }
  x = Math.imul(x ^ (x >>> 16), 2246822507) ^ Math.imul(y ^ (y >>> 13), 3266489909);
  y = Math.imul(y ^ (y >>> 16), 2246822507) ^ Math.imul(x ^ (x >>> 13), 3266489909);
  return [x >>> 0 || 1, y >>> 0];
}
