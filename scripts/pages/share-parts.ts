/** A JSON Schema in which parts that stand several times are written once. */
import { isObject } from "../../src/base/settings/parts.ts";
import type { JsonSchema } from "./recipe-schema.ts";

/** A reference is as long as this; shorter parts are easier to read where they stand. */
const LEAST = 300;
/** Parts that hold themselves have a name already. */
const RECURSIVE = /^__schema/;

/** The same schema with each longer part that stands in it more than once under `$defs`, named after where it stands first. */
export function shareParts(schema: JsonSchema): JsonSchema {
  const times = new Map<string, number>();
  const count = (part: JsonSchema): JsonSchema => {
    const text = JSON.stringify(part);
    times.set(text, (times.get(text) ?? 0) + 1);
    return mapParts(part, count);
  };
  mapParts(schema, count);
  const names = new Map<string, string>();
  const defs: Record<string, JsonSchema> = {};
  const share = (part: JsonSchema, key: string): JsonSchema => {
    const text = JSON.stringify(part);
    if (text.length < LEAST || times.get(text) === 1) return mapParts(part, share, key);
    if (!names.has(text)) {
      const name = freeName(defs, key);
      names.set(text, name);
      defs[name] = {};
      defs[name] = mapParts(part, share, key);
    }
    return { $ref: `#/$defs/${names.get(text)}` };
  };
  const { $defs: own, ...whole } = schema;
  return { ...mapParts(whole, share), $defs: { ...defs, ...(own as object) } };
}

/** The schema with references put back; what `shareParts` undoes. */
export function expandParts({ $defs, ...schema }: JsonSchema): JsonSchema {
  const defs = $defs as Record<string, JsonSchema>;
  const expand = (part: JsonSchema): JsonSchema => {
    const name = String(part.$ref ?? "").replace("#/$defs/", "");
    return mapParts(name === "" || RECURSIVE.test(name) ? part : defs[name]!, expand);
  };
  const own = Object.entries(defs).filter(([name]) => RECURSIVE.test(name));
  return { ...mapParts(schema, expand), ...(own.length > 0 && { $defs: Object.fromEntries(own) }) };
}

/** A schema with the schemas right inside it replaced. @param key - name of the member that the schema stands under */
function mapParts(
  schema: JsonSchema,
  replace: (part: JsonSchema, key: string) => JsonSchema,
  key = "part",
): JsonSchema {
  const one = (part: unknown, name: string) => (isObject(part) ? replace(part as JsonSchema, name) : part);
  return Object.fromEntries(
    Object.entries(schema).map(([member, value]) => {
      if (member === "properties" && isObject(value))
        return [
          member,
          Object.fromEntries(Object.entries(value).map(([name, part]) => [name, one(part, name)])),
        ];
      if ((member === "anyOf" || member === "oneOf" || member === "allOf") && Array.isArray(value))
        return [member, value.map((part) => one(part, key))];
      if (member === "items" || member === "additionalProperties") return [member, one(value, key)];
      return [member, value];
    }),
  );
}

function freeName(taken: Readonly<Record<string, unknown>>, wanted: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}_${n}`;
    if (!Object.hasOwn(taken, name)) return name;
  }
}
