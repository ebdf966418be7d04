/**
 * What a setting is called in a file: TRL's and Hugging Face's names where an equal exists, else snake_case. The one place
 * where files of settings and code meet.
 */
import { z } from "zod";
import { isObject, metaOf, type PartMeta, sectionUnder } from "./parts.ts";

const HUGGING_FACE: Readonly<Record<string, string>> = {
  epochs: "num_train_epochs",
  schedule: "lr_scheduler_type",
  betas: "adam_betas",
  epsilon: "adam_epsilon",
  tokens: "micro_batch_tokens",
};

/** camelCase to the name in a file. */
export function diskName(name: string): string {
  return HUGGING_FACE[name] ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Names of settings inside a sentence, as in a file; vLLM is none. */
export function diskWords(text: string): string {
  return text.replace(/\b[a-z]+(?:[A-Z](?![A-Z])[a-z]*)+\b/g, (word) => diskName(word));
}

/** Where in a recipe; names as in a file. */
export type Path = readonly (string | number)[];

/** A key that the recipe does not have, and those that stand in its place. */
export type UnknownKey = { readonly path: Path; readonly known: readonly string[] };

/** A recipe as it is written, with the names of the code. */
export type Renamed = { readonly value: unknown; readonly unknown: readonly UnknownKey[] };

/** Gives settings the names they have inside, following `schema`; keys that it does not have are left out and reported. */
export function fromDisk(value: unknown, schema: z.ZodType): Renamed {
  const unknown: UnknownKey[] = [];
  return { value: rename(value, schema, [], unknown), unknown };
}

function rename(value: unknown, schema: z.ZodType, path: Path, unknown: UnknownKey[]): unknown {
  const target = objectAt(schema, value);
  if (Array.isArray(value) && target instanceof z.ZodArray)
    return value.map((item, i) => rename(item, target.element as z.ZodType, [...path, i], unknown));
  if (isObject(value) && target instanceof z.ZodRecord)
    return mapValues(value, (member, key) =>
      rename(member, target.valueType as z.ZodType, [...path, key], unknown),
    );
  if (!isObject(value) || !(target instanceof z.ZodObject)) return value;
  const shape = target.shape as Record<string, z.ZodType>;
  const names = new Map(Object.keys(shape).map((name) => [diskName(name), name]));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => {
      const name = names.get(key);
      const at = [...path, key];
      // A schema with words of its own for keys out of place (the losses) gets to see them.
      if (name === undefined && hasOwnWords(schema) && !(key in shape)) return [[key, member]];
      if (name === undefined) {
        unknown.push({ path: at, known: [...names.keys()] });
        return [];
      }
      return [[name, rename(member, shape[name]!, at, unknown)]];
    }),
  );
}

/** How to write a recipe out. */
export type ExpandOptions = {
  /** Gets the places where a shorthand says something else than what it stands for. */
  readonly conflicts?: Path[];
  /** Name the alternative that is meant where none is named: for what others are laid over. */
  readonly complete?: boolean;
};

/** A recipe as it is written, with every shorthand written out, so that recipes can be laid over each other. */
export function expand(
  value: unknown,
  schema: z.ZodType,
  options: ExpandOptions = {},
  path: Path = [],
): unknown {
  const key = wrapperMeta(schema, "shorthand");
  const full = typeof value === "string" && key !== undefined ? { [key]: value } : value;
  const target = objectAt(schema, full);
  if (Array.isArray(full) && target instanceof z.ZodArray)
    return full.map((item, i) => expand(item, target.element as z.ZodType, options, [...path, i]));
  if (isObject(full) && target instanceof z.ZodRecord)
    return mapValues(full, (member, name) =>
      expand(member, target.valueType as z.ZodType, options, [...path, name]),
    );
  if (!isObject(full) || !(target instanceof z.ZodObject)) return full;
  const shape = target.shape as Record<string, z.ZodType>;
  const schemas = new Map(Object.entries(shape).map(([name, member]) => [diskName(name), member]));
  const entries = Object.entries(full).map(([name, member]) => {
    const inner = schemas.get(name);
    return [name, inner === undefined ? member : expand(member, inner, options, [...path, name])] as const;
  });
  const otherwise = options.complete === true ? wrapperMeta(schema, "otherwise") : undefined;
  const named = otherwise === undefined ? {} : { [otherwise.key]: otherwise.value };
  const out = { ...named, ...Object.fromEntries(entries) };
  return "beta" in shape && "loss" in shape ? moveBeta(out, options.conflicts ?? [], path) : out;
}

const mapValues = (value: Record<string, unknown>, map: (member: unknown, key: string) => unknown) =>
  Object.fromEntries(Object.entries(value).map(([key, member]) => [key, map(member, key)]));

/** `beta` beside `loss` is written into the loss. */
function moveBeta(
  { beta, ...rest }: Record<string, unknown>,
  conflicts: Path[],
  path: Path,
): Record<string, unknown> {
  if (beta === undefined) return rest;
  const loss = rest.loss ?? {};
  if (!isObject(loss)) return { ...rest, beta };
  if (loss.beta !== undefined && loss.beta !== beta) conflicts.push([...path, "beta"]);
  return { ...rest, loss: { ...loss, beta } };
}

/** The schema that names the keys of a value: wrappers taken off, the alternative chosen, overlays looked up. */
export function objectAt(schema: z.ZodType, value: unknown): z.ZodType {
  const over = sectionUnder(schema);
  if (over !== undefined) return unwrap(over);
  const inner = unwrap(schema);
  if (inner instanceof z.ZodDiscriminatedUnion) {
    const key = inner._zod.def.discriminator;
    const said = isObject(value) ? value[key] : undefined;
    const meant = said ?? wrapperMeta(schema, "otherwise")?.value;
    const options = inner.options as unknown as z.ZodObject[];
    const literal = (option: z.ZodObject) => (option.shape[key] as z.ZodLiteral).value;
    return options.find((option) => literal(option) === meant) ?? options[0]!;
  }
  // A number or a list of objects, and the like: the alternative of the value's shape.
  if (inner instanceof z.ZodUnion) {
    const options = (inner.options as readonly z.ZodType[]).map(unwrap);
    const shape = Array.isArray(value) ? z.ZodArray : isObject(value) ? z.ZodObject : undefined;
    return options.find((option) => shape !== undefined && option instanceof shape) ?? inner;
  }
  return inner;
}

/** A fact about a schema, which may be noted on any of its wrappers. */
function wrapperMeta<K extends keyof PartMeta>(schema: z.ZodType, key: K): PartMeta[K] | undefined {
  for (let at: z.ZodType | undefined = schema; at !== undefined; at = innerOf(at)) {
    const fact = metaOf(at)[key];
    if (fact !== undefined) return fact;
  }
  return undefined;
}

function hasOwnWords(schema: z.ZodType): boolean {
  const target = unwrap(schema);
  return target instanceof z.ZodDiscriminatedUnion && target._zod.def.error !== undefined;
}

/** Takes off optional, nullable, default, preprocess and transform. */
export function unwrap(schema: z.ZodType): z.ZodType {
  let at = schema;
  for (let inner = innerOf(at); inner !== undefined; inner = innerOf(at)) at = inner;
  return at;
}

function innerOf(schema: z.ZodType): z.ZodType | undefined {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  )
    return schema._zod.def.innerType as z.ZodType;
  if (!(schema instanceof z.ZodPipe)) return undefined;
  const { in: input, out } = schema._zod.def as unknown as { in: z.ZodType; out: z.ZodType };
  return input instanceof z.ZodTransform ? out : input;
}
