/** The recipe's JSON Schema, for editors: `# yaml-language-server: $schema=…/recipe.schema.json`. */
import { z } from "zod";
import { diskName, diskWords } from "../../src/base/settings/names.ts";
import { isObject } from "../../src/base/settings/parts.ts";
import { recipeSchema } from "../../src/pipeline/recipe/schema.ts";
import { preferSchema } from "../../src/pipeline/recipe/training.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = { [key: string]: unknown };

/** The schema of what may be written, names as in a file. */
export function recipeJsonSchema(): JsonSchema {
  const { required: _, ...schema } = forDisk(
    z.toJSONSchema(recipeSchema, { io: "input", unrepresentable: "any" }) as JsonSchema,
  );
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "weak-teacher recipe",
    ...schema,
    // A recipe that extends another need not repeat what that one says, its version included.
    anyOf: [{ required: ["version"] }, { required: ["extends"] }],
  };
}

/** Names as in a file; shorthands become alternatives; overlays get the keys of what they overlay. */
function forDisk(schema: JsonSchema): JsonSchema {
  const { shorthand, otherwise, overlay, ...rest } = schema as JsonSchema & {
    shorthand?: string;
    otherwise?: { key: string };
  };
  if (overlay !== undefined) {
    const inner = forDisk(
      z.toJSONSchema(preferSchema, { io: "input", unrepresentable: "any" }) as JsonSchema,
    );
    const { $schema: _1, default: _2, ...part } = inner;
    return { ...part, description: rest.description };
  }
  const named = withoutRequired(rename(rest), otherwise?.key);
  if (shorthand === undefined) return named;
  const { description, default: standard, ...object } = named;
  return {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
    anyOf: [{ type: "string", ...stringValues(object, shorthand) }, object],
  };
}

function rename(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(
    Object.entries(schema)
      .map(([key, value]) => {
        if (key === "properties" && isObject(value))
          return [
            key,
            Object.fromEntries(
              Object.entries(value).map(([name, part]) => [diskName(name), forDisk(part as JsonSchema)]),
            ),
          ];
        if (key === "required" && Array.isArray(value))
          return [key, value.map((name) => diskName(String(name)))];
        if (key === "description") return [key, diskWords(String(value))];
        // Whole numbers are bounded by what a double holds, which tells nobody anything.
        if ((key === "maximum" || key === "minimum") && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER)
          return [key, undefined];
        if (key === "default" || key === "enum" || key === "const") return [key, value];
        if (Array.isArray(value)) return [key, value.map((item) => (isObject(item) ? forDisk(item) : item))];
        return [key, isObject(value) ? forDisk(value) : value];
      })
      .filter(([, value]) => value !== undefined),
  );
}

/** The key that tells alternatives apart may be left out where one is meant without it. */
function withoutRequired(schema: JsonSchema, key: string | undefined): JsonSchema {
  if (key === undefined || !Array.isArray(schema.oneOf)) return schema;
  const loosen = (option: JsonSchema): JsonSchema => ({
    ...option,
    required: (option.required as string[]).filter((name) => name !== key),
  });
  // With the key left out several could fit, so anyOf.
  const { oneOf, ...rest } = schema as JsonSchema & { oneOf: JsonSchema[] };
  return { ...rest, anyOf: oneOf.map(loosen) };
}

/** The strings that a shorthand can be, where they are few. */
function stringValues(schema: JsonSchema, key: string): JsonSchema {
  const options = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined;
  const property = (part: JsonSchema) => (part.properties as Record<string, JsonSchema> | undefined)?.[key];
  if (options !== undefined) {
    const kinds = options.flatMap((option) => property(option)?.const ?? []);
    return kinds.length === 0 ? {} : { enum: kinds };
  }
  const values = property(schema)?.enum;
  return Array.isArray(values) ? { enum: key === "labels" ? ["sft", "base", ...values] : values } : {};
}
