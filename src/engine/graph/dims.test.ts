import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../base/core/errors.ts";
import {
  bindSymbols,
  broadcastShapes,
  type Dim,
  dimParts,
  dimProduct,
  dimQuotient,
  evaluateDim,
  formatShape,
  resolveAxis,
  sameShape,
} from "./dims.ts";

const VALUES = new Map([
  ["B", 3],
  ["T", 5],
  ["N", 7],
]);
const atom = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom("B", "T", "N"));
const dim: fc.Arbitrary<Dim> = fc.array(atom, { minLength: 1, maxLength: 4 }).map(dimProduct);
const sizeAt = (d: Dim) => evaluateDim(d, VALUES);

describe("the algebra of sizes", () => {
  test("products are canonical: equal sizes are equal strings", () => {
    expect(dimProduct(["T", 2, "B", 6])).toBe("12*B*T");
    expect(dimProduct(["2*T", "6*B"])).toBe("12*B*T");
    expect(dimProduct([2, 3])).toBe(6);
    expect(dimProduct([])).toBe(1);
    expect(dimProduct(["B", 0])).toBe(0);
    fc.assert(
      fc.property(fc.array(dim), (dims) => {
        expect(dimProduct([...dims].reverse())).toBe(dimProduct(dims));
      }),
    );
  });

  test("evaluation is a homomorphism", () => {
    fc.assert(
      fc.property(dim, dim, (a, b) => {
        expect(sizeAt(dimProduct([a, b]))).toBe(sizeAt(a) * sizeAt(b));
      }),
    );
  });

  test("(a·b)/b is a, and a quotient times its divisor is what was divided", () => {
    fc.assert(
      fc.property(dim, dim, (a, b) => {
        expect(dimQuotient(dimProduct([a, b]), b)).toBe(a);
        const quotient = dimQuotient(a, b);
        if (quotient !== undefined) expect(dimProduct([quotient, b])).toBe(a);
      }),
    );
    expect(dimQuotient("B*T", "N")).toBeUndefined();
    expect(dimQuotient("3*B", 2)).toBeUndefined();
    expect(dimQuotient(6, 0)).toBeUndefined();
  });

  test("parts give back the size", () => {
    fc.assert(
      fc.property(dim, (d) => {
        const { factor, symbols } = dimParts(d);
        expect(dimProduct([factor, ...symbols])).toBe(d);
      }),
    );
  });
});

test("broadcasting follows NumPy", () => {
  expect(broadcastShapes("op", ["B", 1, 4], ["T", 1])).toEqual(["B", "T", 4]);
  expect(broadcastShapes("op", [], ["B"])).toEqual(["B"]);
  expect(() => broadcastShapes("op", ["B", 4], ["T", 4])).toThrow(
    "op: cannot broadcast [B, 4] with [T, 4], axis 0 differs.",
  );
});

test("axes count from either end", () => {
  expect([resolveAxis("op", -1, [1, 2, 3]), resolveAxis("op", 0, [1, 2, 3])]).toEqual([2, 0]);
  for (const axis of [3, -4, 0.5]) expect(() => resolveAxis("op", axis, [1, 2, 3])).toThrow(ShapeError);
  expect(sameShape(["B", 2], ["B", 2])).toBe(true);
  expect(sameShape(["B", 2], ["B", 2, 1])).toBe(false);
  expect(formatShape(["B", "2*T", 3])).toBe("[B, 2*T, 3]");
});

describe("binding symbols to actual sizes", () => {
  test("reads them, through factors as well", () => {
    const bound = new Map<string, number>();
    bindSymbols("x", ["B", "2*T", 4], [3, 10, 4], bound);
    expect([...bound]).toEqual([
      ["B", 3],
      ["T", 5],
    ]);
    bindSymbols("y", ["B*T"], [15], bound);
  });

  test.each([
    ["rank", ["B"], [1, 2], "x: expected [B], got [1, 2]."],
    ["number", [4], [5], "x: expected [4], got [5]."],
    ["factor", ["2*T"], [7], "x: expected [2*T], got [7]."],
    ["contradiction", ["B", "B"], [2, 3], "x: B is 3 here and 2 in another input; they must agree."],
    ["product", ["B", "T", "B*T"], [2, 3, 5], "x: expected [B, T, B*T], got [2, 3, 5]."],
  ])("refuses a wrong %s", (_what, shape, actual, message) => {
    expect(() => bindSymbols("x", shape, actual, new Map())).toThrow(message);
  });

  test("a symbol without a value cannot be evaluated", () => {
    expect(() => evaluateDim("2*Q", VALUES)).toThrow("symbol Q of 2*Q has no value");
  });
});
