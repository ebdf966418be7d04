import { expect, test } from "vitest";
import { logistic } from "../../base/stats/special.ts";
import { labelFromScores } from "./label.ts";
import { applySelection, selectThreshold, selectTop } from "./selection.ts";

const labels = [
  ["p1", 2],
  ["p2", -3],
  ["p3", 0],
  ["p4", 0.5],
  ["p5", 0.5],
] as const;
const made = labels.map(([id, m]) => labelFromScores({ id, scoreA: m, scoreB: 0, teacher: "t" }));

test("the top share counts decided labels, the most confident first, equals by id", () => {
  expect([...selectTop(made, 50).kept]).toEqual(["p2", "p1"]);
  expect([...selectTop(made, 75).kept]).toEqual(["p2", "p1", "p4"]);
  expect([...selectTop(made.toReversed(), 75).kept]).toEqual(["p2", "p1", "p4"]);
  expect(selectTop(made, 100)).toMatchObject({ selectable: 4, threshold: logistic(0.5) });
  expect(selectTop([], 30)).toMatchObject({ selectable: 0, threshold: null });
  expect(() => selectTop(made, 0)).toThrow("expected (0, 100] percent, got 0");
});

test("confidences that saturate are ordered by their margins", () => {
  const sure = [50, 90, 70].map((m) => labelFromScores({ id: `m${m}`, scoreA: m, scoreB: 0, teacher: "t" }));
  expect([...selectTop(sure, 34).kept]).toEqual(["m90"]);
});

test("the threshold keeps what is at or above it", () => {
  expect([...selectThreshold(made, logistic(2)).kept]).toEqual(["p1", "p2"]);
  expect(selectThreshold(made, 1)).toMatchObject({ threshold: null, selectable: 4 });
  expect(() => selectThreshold(made, 0.2)).toThrow("expected [0.5, 1], got 0.2");
});

test("what is left out abstains, flagged, with its probability kept; ties stay ties", () => {
  const after = applySelection(made, selectTop(made, 50));
  expect(after.map((label) => label.preferred)).toEqual(["a", "b", "tie", "abstain", "abstain"]);
  expect(after[3]).toEqual({ ...made[3], preferred: "abstain", pChosen: null, flags: ["unselected"] });
});
