/** Records as JSON Lines, in pieces of about a mebibyte. */

/**
 * One record without the newline. Whole numbers of the members named are written with a decimal point: readers that guess a column's type
 * from its first rows would take weights of 1 for integers.
 */
export function jsonLine(record: object, decimals: ReadonlySet<string>): string {
  const members = Object.entries(record).flatMap(([name, value]) => {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) return [];
    const point = decimals.has(name) && /^-?\d+$/.test(text) ? ".0" : "";
    return [`${JSON.stringify(name)}:${text}${point}`];
  });
  return `{${members.join(",")}}`;
}

const NONE: ReadonlySet<string> = new Set();

/** Encodes records one a line, as `jsonLine`; for `writeFileAtomic`. */
export function* jsonLines(
  records: Iterable<unknown>,
  decimals: ReadonlySet<string> = NONE,
): Generator<Uint8Array, void, undefined> {
  let text = "";
  for (const record of records) {
    text += `${decimals.size === 0 ? JSON.stringify(record) : jsonLine(record as object, decimals)}\n`;
    if (text.length >= 2 ** 20) {
      yield Buffer.from(text);
      text = "";
    }
  }
  if (text !== "") yield Buffer.from(text);
}
