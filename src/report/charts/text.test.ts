import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitText, spreadLabels, textWidth, wrapText } from "./text.ts";

describe("text in charts", () => {
  it("is cut with an ellipsis when it is too wide, never inside a surrogate pair", () => {
    expect(fitText("short", 100)).toBe("short");
    const cut = fitText("a rather long label for an arm", 80);
    expect(cut.endsWith("…")).toBe(true);
    expect(textWidth(cut)).toBeLessThanOrEqual(80);
    expect(fitText("😀😀😀😀😀😀", 30).isWellFormed()).toBe(true);
  });
  it("is broken at a space into at most two lines", () => {
    expect(wrapText("weak labels − human labels", 120)).toEqual(["weak labels −", "human labels"]);
    expect(wrapText("fits", 120)).toEqual(["fits"]);
    expect(wrapText("onewordthatistoolongforit", 80)).toHaveLength(1);
  });
  it("is moved apart: 10 and 12 with a gap of 14 become 10 and 24", () => {
    expect(spreadLabels([12, 10], 14, [0, 100])).toEqual([24, 10]);
  });
  it("is pushed back from the end: 95 and 98 within 0..100 become 86 and 100", () => {
    expect(spreadLabels([95, 98], 14, [0, 100])).toEqual([86, 100]);
  });
  it("stays in range, in order and apart as long as it fits", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -50, max: 250, noNaN: true }), { minLength: 1, maxLength: 14 }),
        (wanted) => {
          const placed = spreadLabels(wanted, 14, [0, 200]).sort((a, b) => a - b);
          expect(placed[0]).toBeGreaterThanOrEqual(-1e-9);
          expect(placed.at(-1)).toBeLessThanOrEqual(200 + 1e-9);
          for (let i = 1; i < placed.length; i++)
            expect(placed[i]! - placed[i - 1]!).toBeGreaterThanOrEqual(14 - 1e-9);
        },
      ),
    );
  });
});
