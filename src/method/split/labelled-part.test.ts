/** Labelled pairs made fewer, mixed and poisoned. */
import { describe, expect, test } from "vitest";
import type { PreferenceRow } from "../data/rows.ts";
import { domainsOf, taughtRows } from "./labelled-part.ts";

/** Ten pairs with short prompts, ten with long ones; the first five of each are of subset "x". */
const rows: PreferenceRow[] = Array.from({ length: 20 }, (_, i) => ({
  id: `r${String(i).padStart(2, "0")}`,
  prompt: (i < 10 ? "short" : "a longer prompt") + i,
  chosen: "good",
  rejected: "bad",
  meta: { subset: i % 10 < 5 ? "x" : "y", scoreChosen: 2, scoreRejected: 1 },
}));
const settings = { by: "subset", seed: 1 } as const;
const ids = (kept: readonly PreferenceRow[]) => kept.map(({ id }) => id);

describe("labelled pairs that the teacher learns from", () => {
  test("are all of them, or so many drawn with the seed; more contain fewer", () => {
    expect(taughtRows(rows, settings)).toEqual(rows);
    const [five, half] = [
      taughtRows(rows, { ...settings, size: 5 }),
      taughtRows(rows, { ...settings, size: 0.5 }),
    ];
    expect([five.length, half.length]).toEqual([5, 10]);
    expect(ids(half)).toEqual(expect.arrayContaining(ids(five)));
    expect(ids(taughtRows(rows, { ...settings, size: 5, seed: 2 }))).not.toEqual(ids(five));
    expect(ids(taughtRows(rows.toReversed(), { ...settings, size: 5 })).sort()).toEqual(ids(five));
    expect(() => taughtRows(rows, { ...settings, size: 21 })).toThrow("asks for 21 pairs, there are 20");
  });

  test("are mixed of domains in the shares asked for", () => {
    const count = (mix: Record<string, number>, size?: number) => {
      const kept = taughtRows(rows, {
        by: "prompt-length",
        seed: 1,
        mix,
        ...(size === undefined ? {} : { size }),
      });
      return [kept.filter(({ prompt }) => String(prompt).startsWith("short")).length, kept.length];
    };
    // Ten of each: 80 to 20 can have at most 10 / 0.8 = 12 (rounded down).
    expect(count({ short: 0.8, long: 0.2 })).toEqual([10, 12]);
    expect(count({ short: 0.5, long: 0.5 }, 10)).toEqual([5, 10]);
    expect(count({ long: 1 })).toEqual([0, 10]);
    expect(() => count({ short: 0.8, long: 0.2 }, 20)).toThrow("cannot be mixed like this, at most 12");
    expect(() => count({ medium: 1 })).toThrow("no pair is in medium, expected some of long, short");
  });

  test("are turned round with their scores, as many as asked for", () => {
    const poisoned = taughtRows(rows, { ...settings, poison: 0.25 });
    const turned = poisoned.filter(({ chosen }) => chosen === "bad");
    expect(turned).toHaveLength(5);
    expect(turned[0]).toMatchObject({ rejected: "good", meta: { scoreChosen: 1, scoreRejected: 2 } });
    const more = taughtRows(rows, { ...settings, poison: 0.5 }).filter(({ chosen }) => chosen === "bad");
    expect(ids(more)).toEqual(expect.arrayContaining(ids(turned)));
  });

  test("belong to domains by column or by the length of their prompts", () => {
    expect(rows.map(domainsOf(rows, "subset")).slice(3, 7)).toEqual(["x", "x", "y", "y"]);
    expect(domainsOf(rows, "prompt-length")({ prompt: "short1" })).toBe("short");
  });
});
