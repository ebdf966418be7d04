/** Records as JSON Lines, in pieces of about a mebibyte. */

/** Encodes records one a line; for `writeFileAtomic`. */
export function* jsonLines(records: Iterable<unknown>): Generator<Uint8Array, void, undefined> {
  let text = "";
  for (const record of records) {
    text += `${JSON.stringify(record)}\n`;
    if (text.length >= 2 ** 20) {
      yield Buffer.from(text);
      text = "";
    }
  }
  if (text !== "") yield Buffer.from(text);
}
