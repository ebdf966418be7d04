/** Every setting of a schema, with what must stand around it and values to try: a schema in, leaves out. */
import { z } from "zod";
import { diskName, objectAt, type Path, unwrap } from "../../src/base/settings/names.ts";
import { sectionUnder } from "../../src/base/settings/parts.ts";

/** A setting; `given` are the sections around it, outermost first, each with the least that it needs. */
export type Leaf = {
  readonly path: Path;
  readonly given: readonly { readonly path: Path; readonly value: unknown }[];
  /** Values that the schema takes. */
  readonly values: readonly unknown[];
  /** Names of one thing each: no two of them may do the same. */
  readonly named: boolean;
};

const CANDIDATES: readonly unknown[] = [
  ...[1, 2, 3, 0.1, 0.2, 0.3, 0.6, 0.7, 0, 8],
  ...[true, false],
  ...["x", "y", "--constraint=a", "--nice", "30", "60", "16G"],
];

/** Key of the one entry that is tried where any is taken: a stage of a job whose work is cut into shards. */
const PATTERN = "pool-scores";

/** All settings below a schema, names as in a file. */
export function leavesOf(schema: z.ZodType, path: Path = [], given: Leaf["given"] = []): Leaf[] {
  const over = sectionUnder(schema);
  if (over !== undefined) return leavesOf(over, path, given);
  const inner = unwrap(schema);
  const absent = schema.safeParse(null).success ? [{ path, given, values: [null, {}], named: false }] : [];
  if (inner instanceof z.ZodObject) return [...absent, ...membersOf(inner, path, given)];
  if (inner instanceof z.ZodDiscriminatedUnion) return [...absent, ...kindsOf(schema, inner, path, given)];
  if (inner instanceof z.ZodUnion) {
    const options = inner.options as readonly z.ZodType[];
    const plain = options.filter((option) => !isDeep(option));
    return [
      ...(plain.length === 0 ? [] : [{ path, given, values: plain.flatMap(samplesOf), named: false }]),
      ...options.filter(isDeep).flatMap((option) => leavesOf(option, path, given)),
    ];
  }
  if (inner instanceof z.ZodArray && isDeep(inner.element as z.ZodType)) {
    const element = inner.element as z.ZodType;
    return leavesOf(element, [...path, 0], [...given, { path, value: [leastOf(element)] }]);
  }
  if (inner instanceof z.ZodRecord && isDeep(inner.valueType as z.ZodType)) {
    const value = { [PATTERN]: leastOf(inner.valueType as z.ZodType) };
    return leavesOf(inner.valueType as z.ZodType, [...path, PATTERN], [...given, { path, value }]);
  }
  return [{ path, given, values: samplesOf(schema), named: inner instanceof z.ZodEnum }];
}

function membersOf(object: z.ZodObject, path: Path, given: Leaf["given"], but?: string): Leaf[] {
  const around = [...given, { path, value: leastOf(object) }];
  return Object.entries(object.shape as Record<string, z.ZodType>).flatMap(([name, member]) =>
    name === but ? [] : leavesOf(member, [...path, diskName(name)], around),
  );
}

function kindsOf(
  schema: z.ZodType,
  union: z.ZodDiscriminatedUnion,
  path: Path,
  given: Leaf["given"],
): Leaf[] {
  const key = union._zod.def.discriminator;
  const options = union.options as unknown as z.ZodObject[];
  return [
    { path, given, values: options.map(leastOf), named: true },
    ...options.flatMap((option) => {
      const kind = (option.shape[key] as z.ZodLiteral).value;
      return membersOf(objectAt(schema, { [key]: kind }) as z.ZodObject, path, given, key);
    }),
  ];
}

const isDeep = (schema: z.ZodType): boolean => {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return isDeep(inner.element as z.ZodType);
  return inner instanceof z.ZodObject ||
    inner instanceof z.ZodDiscriminatedUnion ||
    inner instanceof z.ZodUnion
    ? !(inner instanceof z.ZodUnion && (inner.options as readonly z.ZodType[]).every((one) => !isDeep(one)))
    : false;
};

/** What a schema cannot do without, names as in a file. */
function leastOf(schema: z.ZodType): unknown {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodDiscriminatedUnion) return leastOf(inner.options[0] as unknown as z.ZodType);
  if (!(inner instanceof z.ZodObject)) return samplesOf(schema)[0];
  const members = Object.entries(inner.shape as Record<string, z.ZodType>);
  return Object.fromEntries(
    members.flatMap(([name, member]) =>
      member.safeParse(undefined).success ? [] : [[diskName(name), leastOf(member)]],
    ),
  );
}

/** Values that a schema without members takes. */
function samplesOf(schema: z.ZodType): unknown[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodEnum) return [...inner.options];
  if (inner instanceof z.ZodLiteral) return [...inner.values];
  if (inner instanceof z.ZodUnion) return (inner.options as readonly z.ZodType[]).flatMap(samplesOf);
  const single = CANDIDATES.filter((value) => schema.safeParse(value).success).slice(0, 3);
  if (single.length > 0) return single;
  const lists = CANDIDATES.flatMap((value) => [[value], [value, value]]);
  const records = CANDIDATES.map((value) => ({ a: value }));
  return [...lists, ...records].filter((value) => schema.safeParse(value).success).slice(0, 4);
}
