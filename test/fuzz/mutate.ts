/** Damage to real files: what disks, networks and people with bad intentions do to bytes and to JSON. Seeded. */
import type { Rng } from "../../src/base/core/rng.ts";

type Mutation = (bytes: Buffer, rng: Rng) => Buffer;

const splice = (bytes: Buffer, at: number, remove: number, insert: Uint8Array) =>
  Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
/** A place in the bytes, often near the begin, where headers are. */
const placeIn = (bytes: Buffer, rng: Rng) =>
  rng.int(Math.max(1, rng.int(3) === 0 ? Math.min(64, bytes.length) : bytes.length));
const pick = <T>(items: readonly T[], rng: Rng): T => items[rng.int(items.length)]!;

const NUMBERS = [
  "0",
  "-1",
  "1e308",
  "-1e999",
  "4294967295",
  "2147483648",
  "9007199254740993",
  "1.5",
  "99999999999999999999",
  "16777216",
];
const BAD_TEXT = [
  Buffer.from([0xff, 0xfe]),
  Buffer.from([0xc0, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0]),
  Buffer.from("\u202e\u0000\ufeff"),
  Buffer.from("\u2028"),
  Buffer.from('"'),
  Buffer.from("\n"),
];

/** Bytes of any format. */
const BYTES: readonly Mutation[] = [
  (bytes, rng) => {
    const out = Buffer.from(bytes);
    for (let n = 1 + rng.int(8); n > 0 && out.length > 0; n--) out[placeIn(out, rng)]! ^= 1 << rng.int(8);
    return out;
  },
  (bytes, rng) => bytes.subarray(0, rng.int(bytes.length + 1)),
  (bytes, rng) => splice(bytes, placeIn(bytes, rng), 1 + rng.int(64), Buffer.alloc(0)),
  (bytes, rng) => {
    const at = placeIn(bytes, rng);
    return splice(bytes, placeIn(bytes, rng), 0, bytes.subarray(at, at + 1 + rng.int(256)));
  },
  (bytes, rng) => splice(bytes, placeIn(bytes, rng), 0, pick(BAD_TEXT, rng)),
  (bytes, rng) => splice(bytes, placeIn(bytes, rng), 1, pick(BAD_TEXT, rng)),
  (bytes, rng) => {
    const out = Buffer.from(bytes);
    const [size, value] = pick(
      [
        [4, 0xffffffffn],
        [4, 0x7fffffffn],
        [8, 2n ** 64n - 1n],
        [8, 2n ** 40n],
        [8, 2n ** 53n],
        [1, 0n],
        [1, 255n],
      ] as const,
      rng,
    );
    const at = placeIn(out, rng);
    for (let i = 0; i < size && at + i < out.length; i++)
      out[at + i] = Number((value >> BigInt(8 * i)) & 255n);
    return out;
  },
];

/** Text: numbers out of range, and nesting. */
const TEXT: readonly Mutation[] = [
  (bytes, rng) => replaceMatch(bytes, /-?\d+(\.\d+)?/g, () => pick(NUMBERS, rng), rng),
  (bytes, rng) => splice(bytes, placeIn(bytes, rng), 0, nested(rng)),
  (bytes, rng) => replaceMatch(bytes, /"[^"\\]{0,40}"/g, () => nested(rng).toString(), rng),
  (bytes, rng) =>
    replaceMatch(bytes, /[:,[\]{}]/g, () => pick([":", ",", "[", "]", "{", "}", "", "\t", "- "], rng), rng),
];

function nested(rng: Rng): Buffer {
  const [open, close] = pick(
    [
      ["[", "]"],
      ['{"a":', "}"],
      ["[{", "}]"],
      ["- ", ""],
      ["(", ")"],
    ] as const,
    rng,
  );
  const depth = pick([8, 200, 5000, 60_000], rng);
  return Buffer.from(`${open.repeat(depth)}1${rng.int(2) === 0 ? close.repeat(depth) : ""}`);
}

function replaceMatch(bytes: Buffer, pattern: RegExp, by: () => string, rng: Rng): Buffer {
  const text = bytes.toString("latin1");
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return bytes;
  const match = pick(matches, rng);
  return splice(bytes, match.index, match[0].length, Buffer.from(by(), "latin1"));
}

/** JSON values that a reader may not expect where it expects another. */
const VALUES: readonly unknown[] = [
  null,
  true,
  "",
  "x".repeat(3000),
  "\u0000",
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  16_777_216,
  [],
  {},
  [null],
  [[[[]]]],
  { a: { b: {} } },
  { __proto__x: 1, constructor: 1, length: 5 },
  Array.from({ length: 2000 }, (_, i) => i),
];

/** One value somewhere in a JSON document becomes another, goes away, or comes twice. Undefined where it is no JSON. */
export function mutateJson(text: string, rng: Rng): string | undefined {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return undefined;
  }
  const places: [Record<string, unknown>, string][] = [];
  const stack: unknown[] = [root];
  while (stack.length > 0 && places.length < 20_000) {
    const value = stack.pop();
    if (typeof value !== "object" || value === null) continue;
    for (const key of Object.keys(value)) {
      places.push([value as Record<string, unknown>, key]);
      stack.push((value as Record<string, unknown>)[key]);
    }
  }
  if (places.length === 0) return JSON.stringify(pick(VALUES, rng));
  // Places near the root, where settings are, as often as all others together.
  const [owner, key] = rng.int(2) === 0 ? places[rng.int(Math.min(places.length, 40))]! : pick(places, rng);
  const how = rng.int(6);
  if (how === 0 && !Array.isArray(owner)) delete owner[key];
  else if (how === 1 && !Array.isArray(owner))
    owner[pick(["x", "__proto__", "constructor", "id", "type"], rng)] = owner[key];
  else if (how === 2) owner[key] = [owner[key]];
  else owner[key] = pick(VALUES, rng);
  try {
    return JSON.stringify(root);
  } catch {
    return undefined; // nested more deeply than can be written; it stays as it is
  }
}

/** How a format is damaged. */
export type Damage = "binary" | "text" | "json" | "json-lines";

/** One damaged input: one to three mutations after another. */
export function mutate(seed: Buffer, damage: Damage, rng: Rng): Buffer {
  let bytes = seed;
  for (let n = 1 + rng.int(3); n > 0; n--) bytes = once(bytes, damage, rng);
  return bytes;
}

function once(bytes: Buffer, damage: Damage, rng: Rng): Buffer {
  const structured = damage === "json" || damage === "json-lines";
  if (structured && rng.int(5) < 3) {
    if (damage === "json") return Buffer.from(mutateJson(bytes.toString(), rng) ?? bytes);
    const lines = bytes.toString().split("\n");
    const at = rng.int(Math.max(1, lines.length - 1));
    lines[at] = mutateJson(lines[at]!, rng) ?? lines[at]!;
    return Buffer.from(lines.join("\n"));
  }
  const choices = damage === "binary" ? BYTES : [...BYTES, ...TEXT];
  return pick(choices, rng)(bytes, rng);
}
