/** Where a model is, in a folder that a command wrote: `sft --out models/sft` leaves it in `models/sft/model`. */
import { join } from "node:path";
import { exists } from "./files.ts";

/** The folder's `model` where the folder itself has no `config.json` and a finished stage left a model in there; else the folder. */
export async function modelPath(folder: string): Promise<string> {
  const inside = join(folder, "model");
  if (await exists(join(folder, "config.json"))) return folder;
  const made = (await exists(join(folder, "stage.json"))) && (await exists(join(inside, "config.json")));
  return made ? inside : folder;
}
