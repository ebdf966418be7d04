import { expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import { type Ratings, raterAgreement } from "./raters.ts";

const ratings = (rows: readonly (readonly (number | null)[])[]): Ratings[] =>
  rows.map((row) => row.map((answer) => (answer === null ? null : String(answer))));
const turned = <T>(rows: readonly (readonly T[])[]) => rows[0]!.map((_, i) => rows.map((row) => row[i]!));
const options = { rng: createRng(1), resamples: 200 };

/** Fifteen items, four people, drawn at random. */
const DRAWN = ratings([
  [2, 0, 2, 2],
  [2, 2, 2, 0],
  [0, 0, 0, null],
  [2, 2, 2, 1],
  [null, null, 1, 2],
  [1, 1, null, 0],
  [1, 1, 1, null],
  [0, 0, null, null],
  [2, 2, 1, null],
  [null, 0, null, 1],
  [0, 0, 2, 2],
  [1, 0, 1, 2],
  [1, 1, null, 2],
  [1, null, 0, 0],
  [0, 2, 1, 0],
]);

const alphaOf = (items: readonly Ratings[]) =>
  raterAgreement(
    items,
    items.map((_, i) => String(i)),
    { ...options, paired: false },
  ).alpha?.estimate ?? null;

test("alpha by hand: two people, four items", () => {
  // a a, a a, a b, b b: N = 8, five a and three b; coincidences aa 4, bb 2, ab and ba 1 each.
  // 1 - 7 (8 - 6) / (64 - 25 - 9) = 1 - 14 / 30
  const items = [
    ["a", "a"],
    ["a", "a"],
    ["a", "b"],
    ["b", "b"],
  ];
  expect(alphaOf(items)).toBeCloseTo(1 - 14 / 30, 14);
});

test("alpha by hand with an answer missing: an item with three answers weighs its pairs by one half", () => {
  // a a b adds aa 2/2, and ab, ba 2/2 each; a b: 1 and 1; the lone b adds nothing. N = 5, three a, two b; alike: 1.
  // 1 - 4 (5 - 1) / (25 - 9 - 4)
  expect(
    alphaOf([
      ["a", "a", "b"],
      ["a", null, "b"],
      [null, "b", null],
    ]),
  ).toBeCloseTo(1 - 16 / 12, 14);
});

test("alpha of the published example (Krippendorff 2011, section C: four observers, twelve units)", () => {
  const _ = null;
  const observers = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
  ];
  expect(alphaOf(ratings(turned(observers)))).toBeCloseTo(0.743421052631579, 14);
});

test("alpha, kappa and raw agreement are those of krippendorff 0.9.0 and scikit-learn 1.9.1", () => {
  const { pairs, alpha } = raterAgreement(DRAWN, DRAWN.map(String), options);
  expect(alpha?.estimate).toBeCloseTo(0.1625380269448068, 14);
  const found = pairs.map(({ raters, items, agreement, kappa }) => [
    ...raters,
    items,
    agreement!.estimate,
    kappa!.estimate,
  ]);
  const expected = [
    [0, 1, 12, 0.75, 0.625],
    [0, 2, 10, 0.6, 0.3939393939393939],
    [0, 3, 9, 0.2222222222222222, -0.10526315789473695],
    [1, 2, 9, 0.4444444444444444, 0.21052631578947378],
    [1, 3, 9, 0, -0.5283018867924529],
    [2, 3, 8, 0.375, 0.04761904761904767],
  ];
  expect(found).toHaveLength(expected.length);
  for (const [i, row] of expected.entries())
    for (const [j, value] of row.entries()) expect(found[i]![j]).toBeCloseTo(value, 14);
});

test("items of one prompt are drawn together: copies of each item make no interval narrower", () => {
  const names = DRAWN.map((_, i) => `prompt ${i}`);
  const once = raterAgreement(DRAWN, names, options);
  const many = Array.from({ length: 20 }, () => DRAWN).flat();
  const copied = raterAgreement(many, Array.from({ length: 20 }, () => names).flat(), options);
  expect(copied.pairs[0]).toMatchObject({
    items: 240,
    agreement: once.pairs[0]!.agreement,
  });
  expect(copied.pairs[0]!.agreement?.n).toBe(12);
  const apart = raterAgreement(
    many,
    many.map((_, i) => String(i)),
    options,
  );
  const width = (one: typeof once) => one.pairs[0]!.agreement!.high - one.pairs[0]!.agreement!.low;
  expect(width(apart)).toBeLessThan(width(copied) / 3);
});

test("where nothing is known nothing is said", () => {
  expect(alphaOf([])).toBeNull();
  expect(alphaOf([["a", null]])).toBeNull();
  expect(alphaOf([["a", "a"]])).toBeNull();
  expect(raterAgreement([["a", null]], ["p"], options).pairs[0]).toMatchObject({
    items: 0,
    agreement: null,
    kappa: null,
  });
});
