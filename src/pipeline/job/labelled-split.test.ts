/** Pairs that `ask` chose teach and are never what a promise rests on. */
import { expect, test } from "vitest";
import type { Asked, PreferenceRow } from "../../method/data/rows.ts";
import { promisable, splitRowsOf } from "./labelled-split.ts";

const row = (i: number, asked?: Asked): PreferenceRow => ({
  id: `r${i}`,
  prompt: `prompt ${i}`,
  chosen: "yes",
  rejected: "no",
  ...(asked === undefined ? {} : { meta: { asked } }),
});
const job = (heldOut: number, folds = 0) => ({ seed: 3, label: { heldOut, folds } });
const own = Array.from({ length: 80 }, (_, i) => row(i));
const asked = Array.from({ length: 40 }, (_, i) => row(100 + i, i % 4 === 0 ? "random" : "useful"));
const rows = [...own, ...asked];
const askedIn = (some: readonly PreferenceRow[]) =>
  some.filter(({ meta }) => meta?.asked !== undefined).length;

test("held-out pairs are drawn of those nobody was asked about, as many as of all; the others teach", () => {
  const { train, heldOut } = splitRowsOf(rows, job(0.2));
  expect(askedIn(heldOut)).toBe(0);
  expect(heldOut).toHaveLength(24); // .2 of 120
  expect([...train, ...heldOut].map(({ id }) => id).sort()).toEqual(rows.map(({ id }) => id).sort());
  expect(promisable(rows)).toBe(true);
});

test("folds and judges, too, measure on none of them", () => {
  for (const fold of [0, 1, 2]) expect(askedIn(splitRowsOf(rows, job(0.1, 3), { fold }).heldOut)).toBe(0);
  expect(askedIn(splitRowsOf(rows, job(0.1, 3)).heldOut)).toBe(0);
  expect(splitRowsOf(rows, job(1)).heldOut).toHaveLength(80);
});

test("where people were asked about all, those drawn at random calibrate, and nothing can be promised", () => {
  const { heldOut, train } = splitRowsOf(asked, job(0.2));
  expect(heldOut).toHaveLength(8); // .2 of 40
  expect(heldOut.every(({ meta }) => meta?.asked === "random")).toBe(true);
  expect(train).toHaveLength(32);
  expect(promisable(asked)).toBe(false);
});

test("without such pairs the split is what it was", () => {
  const { heldOut } = splitRowsOf(own, job(0.25));
  expect(heldOut).toHaveLength(20);
});
