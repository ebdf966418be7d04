/** Small pieces that schemas of settings are made of. */
import { z } from "zod";

/** Facts about a schema that its users (names, JSON Schema, page) need; kept with zod's metadata. */
export type PartMeta = {
  /** A bare string stands for an object with only this key. */
  readonly shorthand?: string;
  /** The alternative that is meant when the discriminator is left out. */
  readonly otherwise?: { readonly key: string; readonly value: string };
  /** Keys are those of the section of this name, to lay over it; the section is noted by `layOver`. */
  readonly overlay?: string;
};

const overlaid = new WeakMap<z.ZodType, z.ZodType>();

/** Notes the section that a schema with `overlay` lays its keys over. */
export function layOver<S extends z.ZodType>(schema: S, section: z.ZodType): S {
  overlaid.set(schema, section);
  return schema;
}

/** The section noted by `layOver`. */
export function sectionUnder(schema: z.ZodType): z.ZodType | undefined {
  return overlaid.get(schema);
}

/** What is known of a schema. */
export function metaOf(schema: z.ZodType): PartMeta {
  return (schema.meta() ?? {}) as PartMeta;
}

/** An object that may be written as the bare string of one of its keys. */
export function shorthand<S extends z.ZodType>(key: string, schema: S, description: string) {
  return z
    .preprocess((value) => (typeof value === "string" ? { [key]: value } : value), schema)
    .meta({ description, shorthand: key } satisfies PartMeta & { description: string });
}

/** Alternatives told apart by `key`; without it, or as a bare string, `value` or that string is meant. */
export function choice<S extends z.ZodType>(key: string, value: string, schema: S, description: string) {
  const complete = (input: unknown) =>
    typeof input === "string"
      ? { [key]: input }
      : isObject(input) && !(key in input)
        ? { [key]: value, ...input }
        : input;
  return z.preprocess(complete, schema).meta({
    description,
    shorthand: key,
    otherwise: { key, value },
  } satisfies PartMeta & {
    description: string;
  });
}

/** True for a plain JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A whole number from 1. */
export const count = z.number().int().positive();

/** A number above 0. */
export const positive = z.number().positive();

/** Share in (0, 1). */
export const share = z.number().gt(0).lt(1);
