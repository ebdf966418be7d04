import { expect, test } from "vitest";
import type { PreferenceRow } from "../data/rows.ts";
import { describeRows } from "./statistics.ts";

const row = (
  id: string,
  prompt: string,
  chosen: string,
  rejected: string,
  meta?: PreferenceRow["meta"],
): PreferenceRow => ({ id, prompt, chosen, rejected, ...(meta === undefined ? {} : { meta }) });

test("lengths, gaps and the share of longer chosen responses, by hand", () => {
  const statistics = describeRows([
    row("a", "pp", "xxxx", "yy"), // gap +2, twice as long
    row("b", "pp", "xx", "yyy"), // gap -1, not twice
    row("c", "pppp", "x", "y"), // gap 0
    row("d", "p", "xxxxx", "yyyy", { group: "g", subset: "s" }), // gap +1
    row("t", "p", "x".repeat(50), "y", { flags: ["tie"] }), // no preference: in no length
  ]);
  expect(statistics).toMatchObject({
    rows: 5,
    preferences: 4,
    ties: 1,
    prompts: 3,
    groups: 1,
    subsets: { s: 1 },
  });
  const [characters] = statistics.lengths;
  expect(characters).toMatchObject({
    unit: "characters",
    prompt: { mean: 2.25, median: 2, max: 4 }, // (2 + 2 + 4 + 1) / 4
    chosen: { mean: 3, median: 3, max: 5 }, // (4 + 2 + 1 + 5) / 4; (2 + 4) / 2
    meanGap: 0.5, // (2 - 1 + 0 + 1) / 4
    largeGap: { estimate: 0.25, n: 3 }, // a and b share their prompt
    equalLength: 1,
  });
  expect(characters?.chosenLonger).toMatchObject({ estimate: 2 / 3, n: 2 }); // a and d of a, b, d, in two units
  expect(statistics.lengths).toHaveLength(1);
});

test("characters are code points; tokens are counted with the given counter", () => {
  const { lengths } = describeRows(
    [row("a", "🙂🙂", "one two three", "one")],
    (text) => String(text).split(" ").length,
  );
  expect(lengths.map(({ unit, prompt, chosen }) => [unit, prompt.max, chosen.max])).toEqual([
    ["characters", 2, 13],
    ["tokens", 1, 3],
  ]);
});

test("a set of nothing but ties has no lengths", () => {
  expect(describeRows([row("t", "p", "x", "y", { flags: ["tie"] })])).toMatchObject({
    rows: 1,
    ties: 1,
    lengths: [],
  });
});
