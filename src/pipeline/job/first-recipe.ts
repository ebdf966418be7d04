/** A recipe to begin with, on one's own data and models: the data is read, the models are looked at, the recipe is checked, then written. */
import { isAbsolute, relative, resolve } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import { exists, writeFileAtomic } from "../../base/core/files.ts";
import type { Log } from "../../base/core/log.ts";
import { DEFAULT_SEED } from "../../base/core/rng.ts";
import { parseDocumentText } from "../../base/settings/document.ts";
import { STORIES } from "../../engine/checkpoint/stories15m.ts";
import { readPreferences } from "../../method/data/load.ts";
import type { PairOptions } from "../../method/data/pairs.ts";
import { type Source, sourceName } from "../../method/data/source.ts";
import { FIRST_SPLIT, type FirstRecipe, firstRecipeText } from "../recipe/first-recipe-text.ts";
import { resolveRecipe } from "../recipe/parse.ts";
import { encodableBy } from "./encodable.ts";
import { heldOutShare } from "./held-out-share.ts";
import { positionsOf } from "./model-checks.ts";
import { checkReadable } from "./row-checks.ts";

/** A recipe that was made. `rows`: preferences of the data; `warning`: what it cannot do on them, undefined where nothing. */
export type MadeRecipe = {
  readonly file: string;
  readonly text: string;
  readonly rows: number;
  readonly warning: string | undefined;
};

/** @throws ConfigError when there is something at the recipe's place */
export async function checkNothingThere(file: string): Promise<void> {
  if (await exists(file))
    throw new ConfigError(`${file}: is there already. Name another file, or remove it.`);
}

/**
 * Makes the text of a recipe and writes nothing. Paths of `options` start from the working directory.
 * @param file - where the recipe will lie: its own paths start from that folder
 * @param data - the source that `options` names, and how it is read
 * @throws DataError, CheckpointError, ConfigError for data or models that do not do
 */
export async function makeFirstRecipe(
  file: string,
  options: FirstRecipe,
  data: { readonly source: Source; readonly read: PairOptions; readonly log: Log },
): Promise<MadeRecipe> {
  const { source, read, log } = data;
  const positions = await Promise.all([options.weak, options.student].map(knownPositions));
  const local = [options.weak, options.student].filter((model) => !model.startsWith("hub:"));
  const { check } = await encodableBy(local);
  // Told with file and row, before the templates are tried on all of them.
  await checkReadable(local, [{ file: source, read }]);
  const { rows } = await readPreferences(source, { ...read, log, check, seed: DEFAULT_SEED });
  const heldOut = heldOutShare(rows, { seed: DEFAULT_SEED, split: FIRST_SPLIT });
  const maxLength = Math.min(512, ...positions);
  const text = firstRecipeText(file, fromRecipe(file, options), { maxLength, heldOut });
  resolveRecipe([parseDocumentText(text, file)], []);
  const warning = `${sourceName(source)}: has too few preferences to calibrate a teacher on; label.calibration is none, so that confidences are not probabilities. Label more pairs, then set label.held_out.`;
  return { file, text, rows: rows.length, warning: heldOut === undefined ? warning : undefined };
}

/** Writes a recipe where nothing is. @throws as `checkNothingThere`; AlignError with code "io" when it cannot be written */
export async function writeFirstRecipe({ file, text }: MadeRecipe): Promise<void> {
  await checkNothingThere(file);
  await writeFileAtomic(file, text);
}

/** Paths as the recipe writes them, from its own folder; names that are no paths, and whole paths, stay. */
function fromRecipe(file: string, options: FirstRecipe): FirstRecipe {
  const folder = resolve(file, "..");
  const from = (path: string) =>
    isAbsolute(path) || path.startsWith("hub:") || path === STORIES || folder === process.cwd()
      ? path
      : relative(folder, resolve(path));
  const { data, weak, student } = options;
  return { ...options, data: data.map(from), weak: from(weak), student: from(student) };
}

/** Most tokens a model takes; a hub's is not looked at. @throws CheckpointError when it is none */
async function knownPositions(source: string): Promise<number> {
  if (source.startsWith("hub:")) return Number.POSITIVE_INFINITY;
  return positionsOf(source);
}
