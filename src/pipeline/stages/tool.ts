/** What a program of others did in a stage: kept beside the curves and in `stage.json`, not part of any digest, since time and memory differ. */
import { join } from "node:path";
import { z } from "zod";
import { LOG_FOLDER } from "../../base/core/contents.ts";
import { jsonFile } from "./stage-file.ts";

/** Schema of what is kept. */
export const toolSchema = z.object({
  /** "TRL". */
  name: z.string(),
  /** By package; null for one that is not installed. */
  versions: z.record(z.string(), z.string().nullable()),
  /** "cpu", or the GPU's name. */
  device: z.string(),
  processes: z.number(),
  /** Of the attempt that finished. */
  seconds: z.number(),
  /** Most memory of one process. */
  peakBytes: z.number(),
  /** Rows that it was given and left out. */
  dropped: z.number(),
});

/** A program of others that did a stage's work. */
export type StageTool = z.infer<typeof toolSchema>;

/** Where a stage leaves it. */
export const TOOL_FILE = jsonFile<StageTool>(join(LOG_FOLDER, "tool.json"), toolSchema);
