/** Which settings of runs differ: recipes as paths and values. */

/** A setting by its path in the recipe, with its value in each run; undefined where a run does not have it. */
export type SettingDifference = { readonly path: string; readonly values: readonly (string | undefined)[] };

/** Settings that are not the same in all recipes, in the order of their first mention. Items of lists go by name where they have one. */
export function differingSettings(recipes: readonly unknown[]): SettingDifference[] {
  const flat = recipes.map((recipe) => new Map(flatten(recipe, "")));
  const paths = new Set(flat.flatMap((settings) => [...settings.keys()]));
  return [...paths]
    .map((path) => ({ path, values: flat.map((settings) => settings.get(path)) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}

function flatten(value: unknown, path: string): [string, string][] {
  if (Array.isArray(value)) {
    if (value.length === 0 || value.every((item) => !isObject(item))) return [[path, JSON.stringify(value)]];
    return value.flatMap((item, i) => flatten(item, `${path}[${nameOf(item) ?? i}]`));
  }
  if (!isObject(value)) return [[path, JSON.stringify(value)]];
  const entries = Object.entries(value);
  if (entries.length === 0) return [[path, "{}"]];
  return entries.flatMap(([key, member]) => flatten(member, path === "" ? key : `${path}.${key}`));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nameOf(item: unknown): string | undefined {
  const name = isObject(item) ? item.name : undefined;
  return typeof name === "string" ? name : undefined;
}
