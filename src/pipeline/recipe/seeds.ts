/** Seeds: one recipe as several training runs that differ in what is drawn. */
import { join } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import type { Recipe } from "./schema.ts";

/** `--seeds` as a `--set`: so many, or a list (`1,2,3`); none where it was not given. */
export const seedSetting = (text: string | undefined): string[] =>
  text === undefined ? [] : [`seeds=${text.includes(",") ? `[${text}]` : text}`];

/** The seeds of a recipe in their order; one where it asks for no more. */
export function seedsOf({ seed, seeds }: Pick<Recipe, "seed" | "seeds">): readonly number[] {
  if (seeds === undefined) return [seed];
  return typeof seeds === "number" ? Array.from({ length: seeds }, (_, i) => seed + i) : seeds;
}

/** The recipe of one seed's run, which asks for no other seeds. */
export function withSeed({ seeds: _, ...recipe }: Recipe, seed: number, out: string): Recipe {
  return { ...recipe, seed, out };
}

/** Where the run of a seed lies, in the folder of several. */
export const seedFolder = (folder: string, seed: number): string => join(folder, `seed-${seed}`);

/**
 * @param folder - where the recipe lies, if it is that of a run
 * @throws ConfigError for a recipe of several seeds where one run is expected
 */
export function checkOneSeed(recipe: Pick<Recipe, "seed" | "seeds">, folder?: string): void {
  if (recipe.seeds === undefined) return;
  const seeds = seedsOf(recipe);
  throw new ConfigError(
    folder === undefined
      ? `seeds: ${seeds.length} runs are asked for, expected one here. Leave it out, or name a seed with seed.`
      : `${folder}: holds the runs of ${seeds.length} seeds, expected one run. Name one of them: ${seedFolder(folder, seeds[0]!)}`,
  );
}
