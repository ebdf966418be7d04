/** What a file may unfold to: one made of little that says much keeps a reader busy or fills the memory. */
import { DataError } from "../core/errors.ts";

/** Text that a file may unfold to: so many times its size, or this much; compressed text of people stays below a tenth of it. */
const MAX_RATIO = 200;
const FREE_TEXT = 2 ** 26;

/**
 * Counts the characters of all rows of a file.
 * @param bytes - size of the file
 * @returns told each row; throws DataError once they are too many
 */
export function unfolding(file: string, bytes: number): (row: number, value: unknown) => void {
  const most = Math.max(FREE_TEXT, MAX_RATIO * bytes);
  let text = 0;
  return (row, value) => {
    text += textIn(value);
    if (text > most)
      throw new DataError(
        file,
        row,
        `unfolds to more than ${most} characters of text from ${bytes} bytes. Write the file again without texts that repeat.`,
      );
  };
}

/** Characters of all texts in a value. */
function textIn(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return 0;
  let sum = 0;
  for (const member of Object.values(value)) sum += textIn(member);
  return sum;
}
