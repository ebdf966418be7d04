import { describe, expect, test } from "vitest";
import type { PreferenceRow } from "../data/rows.ts";
import { setAside } from "./set-aside.ts";

const row = (i: number, prompt = `prompt ${i >> 1}`): PreferenceRow => ({
  id: `r${i}`,
  prompt,
  chosen: `yes ${i}`,
  rejected: `no ${i}`,
});
const rows = Array.from({ length: 40 }, (_, i) => row(i));
const options = { share: 0.25, seed: 1, where: "sft" };
const idsOf = (some: readonly PreferenceRow[]) => some.map(({ id }) => id);

describe("rows set aside", () => {
  test("are the share, share no prompt with the others, and all keep their order", () => {
    const { training, validation } = setAside(rows, options);
    expect(validation).toHaveLength(10);
    const prompts = new Set(validation.map(({ prompt }) => prompt));
    expect(training.filter(({ prompt }) => prompts.has(prompt))).toEqual([]);
    for (const part of [training, validation]) expect(part).toEqual(rows.filter((one) => part.includes(one)));
    expect(training.length + validation.length).toBe(40);
  });

  test("are the same pairs whoever labelled them and in whatever order they come; another seed draws others", () => {
    const wanted = idsOf(setAside(rows, options).validation).sort();
    const turned = rows.map((one) => ({ ...one, chosen: one.rejected, rejected: one.chosen })).reverse();
    expect(idsOf(setAside(turned, options).validation).sort()).toEqual(wanted);
    expect(idsOf(setAside(rows, { ...options, seed: 2 }).validation).sort()).not.toEqual(wanted);
  });

  test("keep groups and dialogues whole, and a row that stands twice", () => {
    const grouped = rows.map((one, i) => ({ ...one, meta: { group: `g${i >> 3}` } }));
    const inGroups = new Set(setAside(grouped, options).validation.map(({ meta }) => meta!.group));
    expect(setAside(grouped, options).training.some(({ meta }) => inGroups.has(meta!.group))).toBe(false);
    const twice = [...rows, ...rows];
    const { training, validation } = setAside(twice, options);
    expect(training.some((one) => validation.includes(one))).toBe(false);
    expect(training.length + validation.length).toBe(80);
  });

  test("of too few prompts are refused by the stage's name", () => {
    expect(() => setAside(rows.slice(0, 2), options)).toThrow(
      /^sft: validation\.share 0\.25: split: part "training" comes out empty of 2 rows in 1 groups/,
    );
  });
});
