import { expect, test } from "vitest";
import { type JsonSchema, recipeJsonSchema } from "./json-schema.ts";
import { recipePage } from "./page.ts";

test("docs/recipe.md is what the schema says (write it with: npx vitest run src/pipeline/recipe/page.test.ts -u)", async () => {
  await expect(recipePage()).toMatchFileSnapshot("../../../docs/recipe.md");
});

test("recipes/recipe.schema.json is what the schema says (write it with -u)", async () => {
  const text = `${JSON.stringify(recipeJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../../recipes/recipe.schema.json");
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
