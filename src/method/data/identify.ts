/** Names rows and groups them by content alone, so that neither depends on the order of the file. */
import { canonicalJson, digestOf, sha256 } from "../../base/core/digest.ts";
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
    const base = contentId(pair);
    const places = repeats.get(base);
    if (places === undefined) repeats.set(base, [i]);
    else places.push(i);
  }
  for (const [base, places] of repeats) {
    const order = (i: number) => repeatOrder(pairs[i]!);
    for (const [n, i] of numberRepeats(places, order).entries()) ids[i] = n === 0 ? base : `${base}-${n + 1}`;
  }
  return ids;
}

/** The id that a pair's content gives it, before repeats are numbered. */
export function contentId({ prompt, first, second, contentId: known }: ParsedPair): string {
  if (known !== undefined) return known;
  const responses = [canonicalJson(first), canonicalJson(second)].sort();
  return digestOf([prompt, ...responses]).slice(0, ID_LENGTH);
}

/** What pairs of equal content are numbered by. */
export function repeatOrder({ first, preferred }: ParsedPair): string {
  return canonicalJson([first, preferred]);
}

/** Places of pairs of equal content in the order of their numbers. */
export function numberRepeats<T>(places: readonly T[], order: (place: T) => string): readonly T[] {
  return places.length === 1 ? places : [...places].sort((x, y) => compare(order(x), order(y)));
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
