import { describe, expect, test } from "vitest";
import { bestOfN, type ListPair, styleMatrices, tiesScore } from "./bench-lists.ts";

/** The pairs of a row whose responses have these scores. */
function row(name: string, chosen: readonly number[], rejected: readonly number[], subset = "s"): ListPair[] {
  return chosen.flatMap((c, i) =>
    rejected.map((r, j) => ({
      ...{ row: name, subset, unit: name, chosen: i, rejected: j },
      score: { chosen: c, rejected: r },
    })),
  );
}

describe("RM-Bench", () => {
  test("rows of the matrix are the chosen style, columns the rejected; easy lies below the diagonal, hard above", () => {
    // Row p: chosen 1, 2, 3 against 2, 2, 2: only the third is above. Row q: chosen 5, 5, 5 against 1, 2, 9: not against the third.
    const [found] = styleMatrices([...row("p", [1, 2, 3], [2, 2, 2]), ...row("q", [5, 5, 5], [1, 2, 9])]);
    expect(found!.matrix.map((cells) => cells.map(({ estimate }) => estimate))).toEqual([
      [0.5, 0.5, 0],
      [0.5, 0.5, 0],
      [1, 1, 0.5],
    ]);
    expect(found).toMatchObject({ rows: 2, normal: 0.5 });
    expect(found!.easy).toBeCloseTo((0.5 + 1 + 1) / 3, 14);
    expect(found!.hard).toBeCloseTo(0.5 / 3, 14);
    expect(found!.average).toBeCloseTo((2.5 / 3 + 0.5 + 0.5 / 3) / 3, 14);
  });

  test("domains come by themselves and then together; one that lacks a cell has no matrix", () => {
    const pairs = [...row("p", [1, 2, 3], [0, 0, 0], "chat"), ...row("q", [1, 2, 3], [9, 9, 9], "code")];
    expect(styleMatrices(pairs).map(({ subset, average }) => [subset, average])).toEqual([
      ["chat", 1],
      ["code", 0],
      ["all", 0.5],
    ]);
    expect(styleMatrices(pairs.filter(({ row: name, chosen }) => name === "p" || chosen > 0))).toHaveLength(
      1,
    );
  });
});

describe("RewardBench 2", () => {
  test("a row is right when its chosen response is the best; equal bests share it", () => {
    const pairs = [
      ...row("1", [4], [1, 2, 3]),
      ...row("2", [2], [1, 3, 0]),
      ...row("3", [2], [2, 1, 0]),
      ...row("4", [2], [2, 2, 2]),
    ];
    const { subsets, score } = bestOfN(pairs);
    expect(subsets[0]).toMatchObject({ rows: 4, score: (1 + 0 + 1 / 2 + 1 / 4) / 4 });
    expect(score).toBeNull();
  });

  const TIES = [
    { row: "ref:1", chosen: [2], rejected: [0.5, -1] },
    { row: "tied:1", chosen: [1.5, 1.25, 1.75], rejected: [0, -0.5] },
    { row: "ref:2", chosen: [0.25], rejected: [0.5] },
    { row: "tied:2", chosen: [3, 1], rejected: [0.75] },
    { row: "ref:3", chosen: [4], rejected: [1] },
    { row: "tied:3", chosen: [2, 2], rejected: [1] },
    { row: "tied:4", chosen: [0, 1], rejected: [0.5] },
  ];
  const ties = () => TIES.flatMap(({ row: name, chosen, rejected }) => row(name, chosen, rejected, "Ties"));

  test("the score of Ties is that of its makers' code on these scores", () => {
    const found = tiesScore(TIES);
    expect(found).toMatchObject({
      reference: 2 / 3,
      tied: 0.75,
      preferred: 2 / 3,
      preferredHard: 2 / 3,
    });
    if (typeof found === "string") throw new Error(found);
    expect(found.margin).toBeCloseTo(0.36528239448102856, 14);
    expect(found.score).toBeCloseTo(0.6953194906114768, 14);
    expect(bestOfN(ties()).subsets[0]).toMatchObject({ subset: "Ties", accuracy: null, score: found.score });
  });

  test("Ties has no score by a scorer of two responses, nor under other ids", () => {
    const judged = ties().map((pair, i) => ({ ...pair, score: { chosen: i % 3, rejected: 1 } }));
    expect(bestOfN(judged).subsets[0]).toMatchObject({
      score: null,
      why: expect.stringContaining("compares two"),
    });
    expect(bestOfN(row("7", [1, 2], [0], "Ties")).subsets[0]).toMatchObject({
      score: null,
      why: expect.stringContaining("ref:N and tied:N"),
    });
  });

  test("a scorer of two is right where the chosen response is above each other one", () => {
    const pairs = [...row("1", [4], [1, 2, 3]), ...row("2", [4], [1, 2, 3])].map((pair, i) => ({
      ...pair,
      score: { chosen: i === 4 ? 0 : 1 + i, rejected: 0.5 },
    }));
    expect(bestOfN(pairs).subsets[0]).toMatchObject({ score: 0.5 });
  });

  test("the overall score is the mean of the six subsets", () => {
    const five = ["Factuality", "Precise IF", "Math", "Safety", "Focus"].flatMap((name, i) => [
      ...row(`${name}1`, [i < 3 ? 1 : -1], [0], name),
    ]);
    const { score } = bestOfN([...five, ...ties()]);
    expect(score).toBeCloseTo((3 + 0.6953194906114768) / 6, 14);
  });
});
