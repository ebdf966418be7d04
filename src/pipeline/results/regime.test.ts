import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { labelFromScores } from "../../method/labels/label.ts";
import { regimeIn, regimeTables } from "./regime.ts";

const options = { rng: createRng(1), resamples: 200 };
const ids = Array.from({ length: 10 }, (_, i) => `p${i}`);
/** Gold prefers a on all but the last, where it is equal. People say b on two of them, the teacher on four; on one both do. */
const judged = {
  labels: ids.map((id, i) => labelFromScores({ id, scoreA: i < 4 ? 0 : 1, scoreB: 0.5, teacher: "t" })),
  human: ids.map((id, i) => ({ id, preferred: i === 3 || i === 4 ? ("b" as const) : ("a" as const) })),
  gold: ids.map((id, i) => ({ id, goldA: i === 9 ? 0 : 1, goldB: 0 })),
  pool: new Map(ids.map((id) => [id, { id, prompt: id, a: "x", b: "y" }])),
};

test("the regime stands beside the paper's numbers, each row under its own name", () => {
  const [table] = regimeTables(judged, options);
  expect(
    table!.rows.map(([name, n, value, there, from]) => [
      name,
      n,
      Number((value as { estimate: number }).estimate.toFixed(12)),
      there,
      from,
    ]),
  ).toEqual([
    ["people with gold", 9, +(7 / 9).toFixed(12), 71, "assumed"],
    ["teacher with people", 9, +(5 / 9).toFixed(12), 60.6, "Table 1"],
    ["gold sides with the teacher where teacher and people differ", 4, 1 / 4, 44.3, "section 4"],
    ["teacher with gold", 9, +(5 / 9).toFixed(12), 67, "follows"],
    ["people with gold minus teacher with gold", 9, +(2 / 9).toFixed(12), 4.5, "follows"],
  ]);
  expect(table!.notes![0]).toContain("1 more have equal gold");
});

test("no regime where gold is not known, or has judged none of the pairs that people have", () => {
  expect(regimeTables({ ...judged, gold: [] }, options)).toEqual([]);
  expect(regimeTables({ ...judged, human: [] }, options)).toEqual([]);
});

test("what a report holds is read from it again, for reports over seeds", () => {
  const found = regimeIn(regimeTables(judged, options));
  expect(found.map(([name, { n }]) => [name, n])).toEqual([
    ["people with gold", 9],
    ["teacher with people", 9],
    ["gold sides with the teacher where teacher and people differ", 4],
    ["teacher with gold", 9],
    ["people with gold minus teacher with gold", 9],
  ]);
  expect(regimeIn([])).toEqual([]);
});
