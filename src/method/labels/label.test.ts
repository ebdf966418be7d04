import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mirrorLabel } from "../../../test/helpers/mirror-label.ts";
import { labelFromScores, relabel, UNSELECTED } from "./label.ts";
import { parseLabel, parseLabels, serializeLabel } from "./label-file.ts";

const scored = (scoreA: number, scoreB: number, flags: string[] = []) => ({
  id: "p1",
  scoreA,
  scoreB,
  flags,
  teacher: "t",
});

describe("labelFromScores", () => {
  test("the higher score is preferred, with the Bradley-Terry probability unless a calibrator is given", () => {
    // σ(2) = 0.8807970779778823
    const label = labelFromScores(scored(3, 1));
    expect(label).toMatchObject({ preferred: "a", margin: 2, flags: [], teacher: "t" });
    expect(label.pA).toBeCloseTo(0.8807970779778823, 15);
    expect(label.pChosen).toBe(label.pA);
    const other = labelFromScores(scored(1, 3));
    expect(other).toMatchObject({ preferred: "b", margin: -2 });
    expect(other.pA).toBeCloseTo(0.1192029220221177, 15);
    expect(other.pChosen).toBe(label.pChosen);
    expect(labelFromScores(scored(3, 1), { calibrate: () => 0.7 })).toMatchObject({
      pA: 0.7,
      pChosen: 0.7,
    });
  });

  test("equal scores are a tie, whatever the order of the candidates", () => {
    expect(labelFromScores(scored(1.5, 1.5))).toMatchObject({
      preferred: "tie",
      pA: 0.5,
      pChosen: null,
    });
    expect(labelFromScores(scored(1.5, 1.25))).toMatchObject({ preferred: "a" });
    expect(labelFromScores(scored(1.5, 1.25), { tieBand: 0.25 })).toMatchObject({
      preferred: "tie",
      margin: 0.25,
      pA: 0.5,
    });
    expect(labelFromScores(scored(0, -0)).margin).toBe(0);
  });

  test.each(["truncated", "empty", "identical", "non-finite"])(
    "the flag %s makes the label abstain",
    (flag) => {
      expect(labelFromScores(scored(3, 1, [flag]))).toMatchObject({
        preferred: "abstain",
        pA: 0.5,
        flags: [flag],
      });
    },
  );

  test.each([
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [Number.MAX_VALUE, -Number.MAX_VALUE],
  ])("scores %d and %d are no evidence", (a, b) => {
    expect(labelFromScores(scored(a, b))).toMatchObject({
      preferred: "abstain",
      flags: ["non-finite"],
      scoreA: Number.NaN,
    });
  });

  test("a harmless flag stays beside the label, sorted and once", () => {
    expect(labelFromScores(scored(3, 1, ["position-flip", "length-gap", "length-gap"]))).toMatchObject({
      preferred: "a",
      flags: ["length-gap", "position-flip"],
    });
  });

  test("swapping a and b mirrors everything exactly", () => {
    const score = fc.oneof(fc.double(), fc.integer({ min: -3, max: 3 }));
    const flags = fc.subarray(["truncated", "identical", "length-gap"]);
    fc.assert(
      fc.property(score, score, flags, fc.constantFrom(0, 0.5), (a, b, list, tieBand) => {
        const label = labelFromScores(scored(a, b, list), { tieBand });
        expect(labelFromScores(scored(b, a, list), { tieBand })).toEqual(mirrorLabel(label));
        expect(mirrorLabel(mirrorLabel(label))).toEqual(label);
      }),
    );
  });

  test("a calibrator that turns a preference round is a bug, not a label", () => {
    expect(() => labelFromScores(scored(1, 0), { calibrate: () => 0.4 })).toThrow(
      "internal: the calibrator gives 0.4",
    );
  });
});

test("relabelling uses the stored scores and undoes a selection", () => {
  const label = labelFromScores(scored(3, 1, ["length-gap"]));
  const left = { ...label, preferred: "abstain" as const, flags: [...label.flags, UNSELECTED] };
  expect(relabel(left, { calibrate: () => 0.6 })).toEqual({ ...label, pA: 0.6, pChosen: 0.6 });
});

describe("label files", () => {
  test("every label survives being written and read", () => {
    fc.assert(
      fc.property(fc.double(), fc.double(), fc.subarray(["empty", "length-gap"]), (a, b, flags) => {
        const label = labelFromScores(scored(a, b, flags));
        expect(parseLabel(serializeLabel(label), "f", 1)).toEqual(label);
      }),
    );
  });

  const good = JSON.parse(serializeLabel(labelFromScores(scored(3, 1)))) as Record<string, unknown>;

  test.each([
    ["a field that is missing", { ...good, margin: undefined }, '"margin" is missing'],
    ["a field that is unknown", { ...good, wieght: 1 }, '"wieght" is unknown'],
    ["a preference that is none", { ...good, preferred: "A" }, 'expected one of a, b, tie, abstain, got "A"'],
    ["an empty id", { ...good, id: "" }, '"id" is wrong'],
    ["a score that is text", { ...good, score_a: "3" }, '"score_a" is wrong, expected a number, got "3"'],
    ["a margin that does not fit", { ...good, margin: -2 }, "expected 2, got -2"],
    ["a probability above 1", { ...good, p_a: 1.5 }, "expected at most 1, got 1.5"],
    ["a p_chosen that does not fit", { ...good, p_chosen: 0.6 }, '"p_chosen" is not that of a'],
    ["a label against its margin", { ...good, preferred: "b" }, '"b" is preferred, expected margin < 0'],
    ["a label on a truncated pair", { ...good, flags: ["truncated"] }, "forbid a label"],
    ["flags that are not sorted", { ...good, flags: ["b", "a"] }, '"flags" is wrong'],
    ["an abstention without a reason", { ...good, preferred: "abstain" }, "abstains without a reason"],
    ["a tie with an opinion", { ...good, preferred: "tie" }, "is a tie, expected p_a 0.5"],
    ["a list", [], "is no label, expected an object, got []"],
  ])("%s is refused with its line", (_, row, message) => {
    expect(() => parseLabel(JSON.stringify(row), "labels.jsonl", 7)).toThrow(`labels.jsonl:7: `);
    expect(() => parseLabel(JSON.stringify(row), "labels.jsonl", 7)).toThrow(message);
  });

  test("a broken line and an id that comes twice are refused", () => {
    const line = JSON.stringify(good);
    expect(() => parseLabel("{", "f", 2)).toThrow("f:2: is not valid JSON");
    expect(parseLabels(`${line}\n\n`, "f")).toHaveLength(1);
    expect(() => parseLabels(`${line}\n\n${line}`, "f")).toThrow(
      'f:3: id "p1" is there twice, first in line 1.',
    );
  });
});
