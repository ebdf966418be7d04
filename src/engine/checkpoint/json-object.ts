/** A JSON file of a checkpoint that must hold an object. */
import { CheckpointError, messageOf, show } from "../../base/core/errors.ts";
import { readJson } from "../../base/core/files.ts";

/**
 * Reads a JSON file that must hold an object.
 * @throws CheckpointError when it cannot be read or holds something else
 */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  const value = await readJson(path).catch((error) => {
    throw new CheckpointError(path, messageOf(error).replace(`${path}: `, ""), { cause: error });
  });
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CheckpointError(path, `expected a JSON object, got ${show(value)}.`);
  return value as Record<string, unknown>;
}
