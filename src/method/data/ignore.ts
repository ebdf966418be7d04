/** `--ignore system,tools`: columns, message members and kinds of content parts that are left out on purpose. */

import { isRecord } from "../../base/files/record.ts";
import { messagesIn } from "./account.ts";
import { TOGETHER } from "./adapters/adapter.ts";

type Value = Readonly<Record<string, unknown>>;

/** A record without what is ignored, and what of it was there. */
export type Ignored = { readonly value: Value; readonly found: readonly string[] };

/**
 * Takes out every column and every member of a message with one of these names, and content parts of such a type or member.
 */
export function withoutIgnored(value: Value, names: readonly string[]): Ignored {
  if (names.length === 0) return { value, found: [] };
  const rows = value[TOGETHER];
  if (Array.isArray(rows)) {
    const each = rows.map((row: Value) => withoutIgnored(row, names));
    return {
      value: { [TOGETHER]: each.map((row) => row.value) },
      found: each.flatMap(({ found }) => found.map((column) => `${TOGETHER}.${column}`)),
    };
  }
  const drop = new Set(names);
  const found = new Set<string>();
  const kept: Record<string, unknown> = {};
  for (const [column, inner] of Object.entries(value)) {
    if (drop.has(column)) found.add(column);
    else kept[column] = withoutMembers(inner, { drop, found, column });
  }
  return { value: kept, found: [...found] };
}

type Place = { readonly drop: ReadonlySet<string>; readonly found: Set<string>; readonly column: string };

function withoutMembers(value: unknown, place: Place): unknown {
  if (messagesIn(value).length === 0) return value;
  if (Array.isArray(value)) return value.map((message) => withoutMembers(message, place));
  const { drop, found, column } = place;
  const kept: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value as Value)) {
    if (drop.has(name)) found.add(`${column}[].${name}`);
    else kept[name] = name === "content" ? withoutParts(inner, place) : inner;
  }
  return kept;
}

function withoutParts(content: unknown, { drop, found, column }: Place): unknown {
  if (!Array.isArray(content)) return content;
  return content.flatMap((part: unknown) => {
    if (!isRecord(part)) return [part];
    if (typeof part.type === "string" && drop.has(part.type)) {
      found.add(`${column}[].content[].${part.type}`);
      return [];
    }
    const members = Object.keys(part).filter((name) => drop.has(name));
    for (const name of members) found.add(`${column}[].content[].${name}`);
    return [Object.fromEntries(Object.entries(part).filter(([name]) => !drop.has(name)))];
  });
}
