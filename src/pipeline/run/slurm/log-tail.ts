/** The end of a job's log, for a person to see why it failed. */
import { open } from "node:fs/promises";
import { jobIdOf } from "./queue.ts";
import { logFile } from "./stage-jobs.ts";

const LINES = 20;
const BYTES = 16 * 1024;

/** Path of the log and its last lines, at most 16 KiB. */
export async function logTail(folder: string, stage: string, ref: string): Promise<string> {
  const task = ref.includes("_") ? Number(ref.split("_")[1]) : undefined;
  const path = logFile(folder, stage, jobIdOf(ref), task);
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return `${path}: there is none; the job wrote nothing`;
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, BYTES));
    await file.read(buffer, 0, buffer.length, size - buffer.length);
    const lines = buffer.toString("utf8").trimEnd().split("\n").slice(-LINES);
    return `${path}:\n${lines.map((line) => `  | ${line}`).join("\n")}`;
  } finally {
    await file.close();
  }
}
