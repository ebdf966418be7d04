/**
 * Whether a folder of stages was written in today's layout: names of stages and of what lies in them. An older one is refused by name, for
 * half of it would be read and half made anew. The labels in it are files of their own and are read (`method/labels/label-file.ts`).
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import { LAYOUT, readStageRecord } from "./cache.ts";

/**
 * @param folder - of a run or a study, with `stages/` in it; nothing is said of one that is not there
 * @throws ConfigError when a stage in it has another layout than today's
 */
export async function checkLayout(folder: string): Promise<void> {
  const stages = join(folder, "stages");
  for (const name of await readdir(stages).catch(() => [])) {
    const record = await readStageRecord(join(stages, name));
    if (record === undefined) continue;
    if (record.format !== LAYOUT) throw new ConfigError(olderLayout(folder, record.format));
    return;
  }
}

const olderLayout = (folder: string, found: number) =>
  `${folder}: its stages have layout ${found}, which weak-teacher 0.1 wrote, expected layout ${LAYOUT}. Run its recipe again into another folder: weak-teacher run ${join(folder, "recipe.yaml")} --out ${folder}-again. ` +
  `Its labels are still read: give ${join(folder, "stages", "weak-labels-…")} to ask or export.`;
