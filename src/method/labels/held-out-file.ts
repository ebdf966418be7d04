/** Held-out labelled pairs beside the labels that they calibrate: enough to fit again without scoring. One JSON object per line. */
import { z } from "zod";
import { readRecords } from "../../base/files/jsonl.ts";
import { rowKind } from "../../base/files/row-file.ts";
import type { HeldOutPair } from "./human-answers.ts";

/** Name of the file. */
export const HELD_OUT_FILE = "held-out.jsonl";

/** The teacher's margin and the person's choice of each pair; `unit` names its prompt, where it has one. */
export const HELD_OUT = rowKind<HeldOutPair>({
  what: "held-out pair",
  schema: z.object({
    id: z.string(),
    margin: z.number(),
    preferred: z.enum(["a", "b"]),
    unit: z.string().optional(),
  }),
  fix: "Label the pool again.",
});

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
