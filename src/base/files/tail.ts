/** The whole lines that a file has got since somebody looked last, however often it was moved, cut off or written anew meanwhile. */
import { open } from "node:fs/promises";
import { sha256 } from "../core/digest.ts";

/** How far a file was read. `check` is of the last bytes before `offset`: of a file that was written anew these are others. */
export type TailMark = { readonly offset: number; readonly check: string };

/** Nothing was read yet. */
export const AT_START: TailMark = { offset: 0, check: "" };

/** What came. `again`: the lines are those of the whole file, for it is not the one that was read before. */
export type TailRead = {
  readonly lines: readonly string[];
  readonly mark: TailMark;
  readonly again: boolean;
};

const CHECKED_BYTES = 64;
/** Most bytes of one look; the next one gets the rest. */
const MOST_BYTES = 16 * 2 ** 20;

/** Reads on from a mark. A line that is not whole yet is left for the next look; a file that is not there has no lines. */
export async function readTail(path: string, mark: TailMark): Promise<TailRead> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return { lines: [], mark: AT_START, again: mark.offset > 0 };
  try {
    const { size } = await file.stat();
    const read = async (from: number, to: number) => {
      const bytes = Buffer.alloc(Math.max(0, to - from));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
      return bytes.subarray(0, bytesRead);
    };
    const before = await read(Math.max(0, mark.offset - CHECKED_BYTES), Math.min(size, mark.offset));
    const isSame = size >= mark.offset && checkOf(before, mark.offset) === mark.check;
    const from = isSame ? mark.offset : 0;
    const bytes = await read(from, Math.min(size, from + MOST_BYTES));
    const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1);
    if (whole.length === 0) return { lines: [], mark: isSame ? mark : AT_START, again: !isSame };
    const offset = from + whole.length;
    const last = await read(Math.max(0, offset - CHECKED_BYTES), offset);
    const lines = whole.toString("utf8").split("\n").slice(0, -1);
    return { lines, mark: { offset, check: checkOf(last, offset) }, again: !isSame };
  } finally {
    await file.close();
  }
}

const checkOf = (bytes: Uint8Array, offset: number): string =>
  offset === 0 ? "" : sha256(bytes).slice(0, 12);
