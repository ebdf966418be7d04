import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { recipePage } from "../../scripts/pages/recipe-page.ts";
import { type JsonSchema, recipeJsonSchema } from "../../scripts/pages/recipe-schema.ts";
import { expandParts, shareParts } from "../../scripts/pages/share-parts.ts";
import { PRESETS } from "../../src/pipeline/recipe/presets.ts";

test("docs/recipe.md is what the schema says (write it with: npx vitest run test/pages/recipe.test.ts -u)", async () => {
  await expect(recipePage()).toMatchFileSnapshot("../../docs/recipe.md");
});

test("a setting of some kinds names them, with a line for each default that differs", () => {
  const page = recipePage();
  const lines = (path: string) =>
    page
      .split("\n")
      .filter((line) => line.startsWith(`| \`${path}\` |`))
      .map((line) => line.split(" | ").slice(2).join(" "));
  expect(lines("label.select.percent")).toEqual([
    expect.stringMatching(/^required Only with kind `top`\. Share/),
  ]);
  expect(lines("student.prefer.loss.flip")).toEqual([
    expect.stringMatching(/^`0\.1` Only with type `cdpo`, `rdpo`\. /),
  ]);
  expect(lines("student.prefer.loss.gamma")).toEqual([
    expect.stringMatching(/^`0\.5` Only with type `simpo`\. /),
    expect.stringMatching(/^`0\.1` Only with type `wspo`\. /),
  ]);
  expect(lines("student.prefer.loss.sft_coefficient")[0]).toMatch(/^`0` Not with type `orpo`\. /);
  // Of all kinds, or told by the section around it.
  expect(lines("student.prefer.loss.weighted")[0]).toMatch(/^`false` Multiply/);
  expect(lines("teacher.prefer.loss.gamma")[0]).toMatch(/^`0\.5` Only with type `simpo`\. Reward/);
  expect(lines("teacher.url")[1]).toMatch(/^required Only with kind `remote`\. .* vLLM/);
  for (const preset of PRESETS) expect(page).toContain(`\`${preset}\``);
});

test("recipes/recipe.schema.json is what the schema says (write it with -u)", async () => {
  const shared = shareParts(recipeJsonSchema());
  expect(expandParts(shared)).toEqual(recipeJsonSchema());
  const text = `${JSON.stringify(shared, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../recipes/recipe.schema.json");
});

test("every setting says what it is for, and none has a name that a file would not have", () => {
  const visit = (part: JsonSchema, path: string) => {
    for (const [name, member] of Object.entries((part.properties ?? {}) as Record<string, JsonSchema>)) {
      expect(name, path).toMatch(/^[a-z][a-z_0-9]*$/);
      const alone = "const" in member || (path.endsWith("gold[]") && name === "name");
      if (!alone) expect(String(member.description ?? ""), `${path}.${name}`).not.toBe("");
      visit(member, `${path}.${name}`);
    }
    for (const key of ["anyOf", "oneOf"])
      for (const option of (part[key] ?? []) as JsonSchema[]) visit(option, path);
    if (part.items) visit(part.items as JsonSchema, `${path}[]`);
  };
  visit(recipeJsonSchema(), "recipe");
});

test("what a recipe must have at its top, every recipe of the package has", async () => {
  const { anyOf, required } = recipeJsonSchema() as { anyOf: { required: string[] }[]; required?: string[] };
  expect(required).toBeUndefined();
  for (const name of PRESETS) {
    const file = new URL(`../../recipes/${name}.yaml`, import.meta.url);
    const keys = Object.keys(parse(await readFile(file, "utf8")) as object);
    expect(
      anyOf.some((option) => option.required.every((key) => keys.includes(key))),
      name,
    ).toBe(true);
  }
});
