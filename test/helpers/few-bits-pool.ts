/** A model wide enough for weights in few bits, and a pool that tells their labels apart. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTinyFolder } from "./tiny-folder.ts";

/** Writes `pool.jsonl`, 120 pairs, and the model into a folder; gives the model's folder. */
export async function writeFewBitsPool(folder: string): Promise<string> {
  const rows = Array.from({ length: 120 }, (_, i) => ({
    prompt: `p${i}`,
    chosen: ` good ${i}`,
    rejected: ` g00d ${i}`,
  }));
  await writeFile(join(folder, "pool.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return writeTinyFolder(folder, "model", { seed: 1, hidden: 64 });
}
