/** Held-out labelled pairs beside the labels that they calibrate: enough to fit again without scoring. One JSON object per line. */
import { DataError } from "../../base/core/errors.ts";
import { writeFileAtomic } from "../../base/core/files.ts";
import { readRecords } from "../../base/files/jsonl.ts";
import { jsonLines } from "../data/json-lines.ts";
import type { HeldOutPair } from "./human-answers.ts";

/** Name of the file. */
export const HELD_OUT_FILE = "held-out.jsonl";

/** Writes `{id, margin, preferred}` per pair, and `unit` where it has one: the teacher's margin, the person's choice, the prompt. */
export async function writeHeldOut(file: string, pairs: readonly HeldOutPair[]): Promise<void> {
  await writeFileAtomic(
    file,
    jsonLines(pairs.map(({ id, margin, preferred, unit }) => ({ id, margin, preferred, unit }))),
  );
}

/** Whether a file's first line is a held-out pair, whatever the file is called. False for what cannot be read: who wants its rows says why. */
export async function isHeldOut(file: string): Promise<boolean> {
  try {
    for await (const { value } of readRecords(file))
      return "margin" in value && "preferred" in value && !("prompt" in value) && !("chosen" in value);
  } catch {
    // It is no JSON Lines.
  }
  return false;
}

/** Reads them back. @throws DataError for a line that is none */
export async function readHeldOut(file: string): Promise<HeldOutPair[]> {
  const pairs: HeldOutPair[] = [];
  for await (const record of readRecords(file)) {
    const { id, margin, preferred, unit } = record.value;
    if (
      typeof id !== "string" ||
      typeof margin !== "number" ||
      (preferred !== "a" && preferred !== "b") ||
      (unit !== undefined && typeof unit !== "string")
    )
      throw new DataError(
        file,
        record.line,
        "is no held-out pair, expected {id, margin, preferred}. Label the pool again.",
      );
    pairs.push({ id, margin, preferred, ...(unit === undefined ? {} : { unit }) });
  }
  return pairs;
}
