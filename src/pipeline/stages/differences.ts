/**
 * In what a stage that is asked for differs from one of its name that is there: said where a result is replaced, or where an attempt that was
 * cut off is not gone on from.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { diskName } from "../../base/settings/names.ts";
import { isObject } from "../../base/settings/parts.ts";
import type { Identity, WorkFolder } from "./stage.ts";
import { inHand } from "./workers.ts";

/** In the part of a work folder that is removed when the stage is done: what the attempt was to make. */
const ASKED = "asked.json";

/** Settings by their paths, then inputs, in which two identities differ; names as in files. */
export function differences(before: Identity, after: Identity): string[] {
  const inputs = Object.keys({ ...before.inputs, ...after.inputs })
    .filter((name) => before.inputs[name] !== after.inputs[name])
    .map((name) => `input ${name}`);
  const code = before.code === after.code ? [] : ["version of weak-teacher"];
  return [...code, ...members(before.config, after.config, []), ...inputs];
}

function members(before: unknown, after: unknown, path: readonly string[]): string[] {
  if (digestOf(before ?? null) === digestOf(after ?? null)) return [];
  if (!isObject(before) || !isObject(after) || path.length > 4) return [path.join(".") || "settings"];
  return Object.keys({ ...before, ...after }).flatMap((key) =>
    members(before[key], after[key], [...path, diskName(key)]),
  );
}

/** Some of many, in words: "settings.beta, input rows differ". */
export function differInWords(names: readonly string[]): string {
  const shown = names.length > 5 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  return `${shown.join(", ")} differ${names.length === 1 ? "s" : ""}`;
}

/** Leaves word in a new work folder of what is made there. */
export const writeAsked = (work: WorkFolder, identity: Identity): Promise<void> =>
  writeJsonAtomic(join(work.scratch, ASKED), identity);

/**
 * Why a stage begins although an attempt at it was cut off: in what they differ. Undefined where there is no such attempt, or one that goes on in
 * another process.
 * @param folder - of stages
 */
export async function whyAnew(folder: string, identity: Identity): Promise<string | undefined> {
  const begun = new RegExp(`^\\.work-(${identity.name}-[0-9a-f]{12})$`);
  const found: string[][] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const id = begun.exec(name)?.[1];
    if (id === undefined || (await inHand(join(folder, `.lock-${id}`)))) continue;
    const asked = (await readJson(join(folder, name, "scratch", ASKED)).catch(() => undefined)) as
      | Identity
      | undefined;
    const names = asked === undefined ? [] : differences(asked, identity);
    if (names.length > 0) found.push(names);
  }
  const least = found.sort((a, b) => a.length - b.length)[0];
  return least && `anew, for an attempt that was cut off was to make something else: ${differInWords(least)}`;
}
