/** A resolved recipe as a file: every setting spelt out, so that it says all there is to repeat the run. */
import { stringify } from "yaml";
import { z } from "zod";
import { diskName, objectAt } from "../../base/settings/names.ts";
import { isObject } from "../../base/settings/parts.ts";
import { type ColumnMap, formatColumnMap } from "../../method/data/adapters/column-map.ts";
import { type Recipe, recipeSchema } from "./schema.ts";

/** A recipe, with or without where it is computed, which is no part of what comes out. */
export type WrittenRecipe = Omit<Recipe, "executor"> & Partial<Pick<Recipe, "executor">>;

/**
 * YAML that `loadRecipe` reads back to the same recipe, but for `out`: where a run lies is not part of what it is.
 */
export function recipeYaml({ out: _, ...recipe }: WrittenRecipe): string {
  return stringify(toDisk(recipe, recipeSchema), { lineWidth: 0 });
}

/** Keys in the order of the schema, wherever they were filled in: what is read back and written again is the same file. */
function toDisk(value: unknown, schema?: z.ZodType): unknown {
  const target = schema && objectAt(schema, value);
  const element = target instanceof z.ZodArray ? (target.element as z.ZodType) : undefined;
  if (Array.isArray(value)) return value.map((item) => toDisk(item, element));
  if (!isObject(value)) return value;
  const shape = target instanceof z.ZodObject ? (target.shape as Record<string, z.ZodType>) : {};
  const names = new Set([...Object.keys(shape), ...Object.keys(value)]);
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const member = value[name];
      if (member === undefined) return [];
      // The column map is one string in a file.
      if (name === "map" && isObject(member)) return [[name, formatColumnMap(member as ColumnMap)]];
      return [[diskName(name), toDisk(member, shape[name])]];
    }),
  );
}
