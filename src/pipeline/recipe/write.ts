/** A resolved recipe as a file: every setting spelt out, so that it says all there is to repeat the run. */
import { stringify } from "yaml";
import { diskName } from "./names.ts";
import { isObject } from "./parts.ts";
import type { Recipe } from "./schema.ts";

/** A recipe, with or without where it is computed, which is no part of what comes out. */
export type WrittenRecipe = Omit<Recipe, "executor"> & Partial<Pick<Recipe, "executor">>;

/**
 * YAML that `loadRecipe` reads back to the same recipe, but for `out`: where a run lies is not part of what it is.
 */
export function recipeYaml({ out: _, ...recipe }: WrittenRecipe): string {
  return stringify(toDisk(recipe), { lineWidth: 0 });
}

function toDisk(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toDisk);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      if (member === undefined) return [];
      // The column map is one string in a file.
      if (name === "map" && isObject(member)) return [[name, columns(member)]];
      return [[diskName(name), toDisk(member)]];
    }),
  );
}

const columns = (map: Record<string, unknown>) =>
  Object.entries(map)
    .map(([target, column]) => `${target}=${String(column)}`)
    .join(",");
