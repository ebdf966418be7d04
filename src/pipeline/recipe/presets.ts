/** The recipes that come with the package, and opening one of them or a file. */
import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../base/core/errors.ts";
import { exists, readText } from "../../base/core/files.ts";
import { didYouMean } from "../../base/core/suggest.ts";
import { parseDocumentText, type SettingsDocument } from "../../base/settings/document.ts";

/** Recipes that come with the package. */
export const PRESETS = [
  "demo",
  "tao-li-2025",
  "tao-li-2025-tldr",
  "tao-li-2025-gpus",
  "cwpo-2026",
  "cwpo-2026-gpus",
  "study-small",
] as const;

const PRESET_FOLDER = fileURLToPath(new URL("../../../recipes", import.meta.url));
const MAX_BYTES = 2 ** 20;

/**
 * Opens a preset by its name, or a file.
 * @param from - folder that a relative path starts from
 * @throws ConfigError when there is neither, or the file is no YAML
 */
export async function openDocument(source: string, from: string): Promise<SettingsDocument> {
  const preset = PRESETS.find((name) => name === source);
  const file =
    preset !== undefined
      ? join(PRESET_FOLDER, `${preset}.yaml`)
      : isAbsolute(source)
        ? source
        : resolve(from, source);
  const shown = preset ?? source;
  if ((await stat(file).catch(() => undefined))?.isDirectory())
    throw new ConfigError(
      `${shown}: is a folder, expected a recipe file. The recipe of a run is ${join(shown, "recipe.yaml")}.`,
    );
  if (!(await exists(file)))
    throw new ConfigError(
      `${shown}: is neither a recipe file nor a preset (${PRESETS.join(", ")})${didYouMean(source, PRESETS) || "."}`,
    );
  return parseDocumentText(await readText(file, MAX_BYTES), shown);
}
