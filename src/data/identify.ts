/** Names rows and groups them by content alone, so that neither depends on the order of the file. */
import { canonicalJson, digestOf, sha256 } from "../core/digest.ts";
import type { ParsedPair } from "./adapters/adapter.ts";

const ID_LENGTH = 20;

/**
 * Ids of pairs: the data's own, else the first 20 hex digits of a digest of prompt and both responses, with `-2`, `-3`, …
 * for repeated content. The digest takes the responses in sorted order: an id does not tell which one was preferred.
 * Repeats are numbered by their text, not by their place, so permuting the file permutes the ids with the rows.
 */
export function assignIds(pairs: readonly ParsedPair[]): string[] {
  const ids = pairs.map((pair) => pair.id ?? "");
  const repeats = new Map<string, number[]>();
  for (const [i, pair] of pairs.entries()) {
    if (pair.id !== undefined) continue;
    const responses = [canonicalJson(pair.first), canonicalJson(pair.second)].sort();
    const base = digestOf([pair.prompt, ...responses]).slice(0, ID_LENGTH);
    repeats.set(base, [...(repeats.get(base) ?? []), i]);
  }
  const orderOf = (i: number) => canonicalJson([pairs[i]!.first, pairs[i]!.preferred]);
  for (const [base, places] of repeats) {
    const sorted = places.length === 1 ? places : [...places].sort((x, y) => compare(orderOf(x), orderOf(y)));
    for (const [n, i] of sorted.entries()) ids[i] = n === 0 ? base : `${base}-${n + 1}`;
  }
  return ids;
}

/**
 * Groups of rows that share a key, directly or over other rows.
 * @returns for each row the name of its group (a digest of its least key), or undefined when it has no keys
 */
export function assignGroups(pairs: readonly Pick<ParsedPair, "groupKeys">[]): (string | undefined)[] {
  const parent = new Map<string, string>();
  const root = (key: string): string => {
    let top = key;
    for (let up = parent.get(top); up !== undefined && up !== top; up = parent.get(top)) {
      const above = parent.get(up) ?? up;
      parent.set(top, above);
      top = above;
    }
    return top;
  };
  for (const { groupKeys = [] } of pairs) {
    for (const key of groupKeys) {
      if (!parent.has(key)) parent.set(key, key);
      const [low, high] = [root(groupKeys[0]!), root(key)].sort(compare);
      // The least key becomes the root, so that a group's name does not depend on the order of rows.
      parent.set(high!, low!);
    }
  }
  return pairs.map(({ groupKeys = [] }) =>
    groupKeys[0] === undefined ? undefined : sha256(root(groupKeys[0])).slice(0, ID_LENGTH),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
