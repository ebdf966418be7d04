/** Recipes that people have: what they resolve to is what it was, whatever rooms the schemas live in. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jobOf } from "./job.ts";
import { loadRecipe } from "./parse.ts";
import { recipeYaml } from "./write.ts";

const root = join(import.meta.dirname, "../../..");
const kept = (name: string) => join(root, "test/resolved-recipes", `${name}.yaml`);
/** Files that a recipe names beside itself, as they are written there. */
const fromFolder = (yaml: string, folder: string) => yaml.replaceAll(`${folder}/`, "");
const files = (await readdir(join(root, "recipes"))).filter((file) => file.endsWith(".yaml"));

describe("a recipe resolves to what it did", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "resolved-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(files)("%s", async (file) => {
    const recipe = await loadRecipe(join(root, "recipes", file));
    const written = fromFolder(recipeYaml(recipe), join(root, "recipes"));
    await expect(written).toMatchFileSnapshot(kept(file.replace(/\.yaml$/, "")));
  });

  test("those of the README", async () => {
    const readme = await readFile(join(root, "README.md"), "utf8");
    const recipes = [...readme.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text!);
    expect(recipes.length).toBeGreaterThan(0);
    for (const [i, text] of recipes.entries()) {
      const file = join(folder, "recipe.yaml");
      await writeFile(file, text);
      const written = fromFolder(recipeYaml(await loadRecipe(file)), folder);
      await expect(written).toMatchFileSnapshot(kept(`readme-${i + 1}`));
    }
  });

  test("every one is a job, unless it asks for several seeds", async () => {
    for (const file of files) {
      const recipe = await loadRecipe(join(root, "recipes", file));
      expect(jobOf({ ...recipe, seeds: undefined }).seed).toBe(recipe.seed);
    }
  });
});
