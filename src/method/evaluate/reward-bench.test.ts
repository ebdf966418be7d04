import { describe, expect, it } from "vitest";
import { DataError, NumericsError } from "../../base/core/errors.ts";
import { REWARD_BENCH_SECTIONS, rewardBench, scorePairs } from "./reward-bench.ts";

/** `right` of `n` pairs of a subset scored rightly. */
function subset(name: string | undefined, right: number, n: number) {
  return Array.from({ length: n }, (_, i) => ({
    row: {
      id: `${name}${i}`,
      prompt: `${name}${i}?`,
      chosen: "c",
      rejected: "r",
      ...(name === undefined ? {} : { meta: { subset: name } }),
    },
    score: { chosen: i < right ? 1 : -1, rejected: 0 },
  }));
}

const bench = (entries: ReturnType<typeof subset>) =>
  rewardBench(
    entries.map(({ row }) => row),
    entries.map(({ score }) => score),
  );

describe("rewardBench", () => {
  it("weights a section's subsets by their pairs", () => {
    const result = bench([...subset("alpacaeval-easy", 3, 4), ...subset("mt-bench-easy", 0, 2)]);
    expect(
      result.subsets.map(({ subset, section, accuracy }) => [subset, section, accuracy.estimate]),
    ).toEqual([
      ["alpacaeval-easy", "Chat", 0.75],
      ["mt-bench-easy", "Chat", 0],
    ]);
    expect(result.sections).toEqual([
      {
        section: "Chat",
        accuracy: 0.5, // 3 of 6
        pairs: 6,
        missing: ["alpacaeval-length", "alpacaeval-hard", "mt-bench-med"],
      },
    ]);
    expect(result.score).toBeNull();
    expect(result.overall).toMatchObject({ estimate: 0.5, n: 6 });
  });

  it("lets mathematics weigh as much as all code", () => {
    const code = [...subset("hep-go", 2, 4), ...subset("hep-rust", 4, 4)];
    const [reasoning] = bench([...subset("math-prm", 1, 1), ...code]).sections;
    // Mathematics 1 with weight 8; code 6 of 8: (8 + 6) / 16.
    expect(reasoning).toMatchObject({ section: "Reasoning", accuracy: 0.875, pairs: 9 });
    expect(bench(subset("math-prm", 1, 2)).sections[0]!.accuracy).toBe(0.5);
  });

  it("takes the mean of the four sections", () => {
    const all = Object.values(REWARD_BENCH_SECTIONS).flatMap((names, i) =>
      names.flatMap((name) => subset(name, i, 4)),
    );
    // Sections with 0, 1, 2 and 3 of 4 right.
    const { score, sections } = bench(all);
    expect(sections.map(({ accuracy }) => accuracy)).toEqual([0, 0.25, 0.5, 0.75]);
    expect(score).toBe(0.375);
  });

  it("counts prompts, not pairs: four prompts of fifty pairs, two right", () => {
    const rows = Array.from({ length: 200 }, (_, i) => ({
      id: String(i),
      prompt: `p${i % 4}`,
      chosen: `c${i}`,
      rejected: `r${i}`,
    }));
    const { overall, subsets } = rewardBench(
      rows,
      rows.map((_, i) => ({ chosen: i % 2, rejected: 0.5 })),
    );
    expect(overall).toMatchObject({ estimate: 0.5, n: 4 });
    expect(overall.high - overall.low).toBeGreaterThan(0.7);
    expect(subsets[0]).toMatchObject({ pairs: 200, accuracy: { n: 4 } });
  });

  it("does not count a tie as right, and shows it", () => {
    const [{ row }] = subset("shp", 1, 1) as [ReturnType<typeof subset>[number]];
    const result = rewardBench([row], [{ chosen: 2, rejected: 2 }]);
    expect(result.subsets[0]).toMatchObject({
      subset: "shp",
      section: null,
      ties: 1,
      accuracy: { estimate: 0 },
    });
  });

  it("takes data without subsets as one", () => {
    expect(bench(subset(undefined, 1, 2)).subsets[0]).toMatchObject({
      subset: "all",
      accuracy: { estimate: 0.5 },
    });
  });

  it("refuses scores that do not fit or are no numbers, and no rows", () => {
    const [entry] = subset("shp", 1, 1);
    expect(() => rewardBench([entry!.row], [])).toThrow(NumericsError);
    expect(() => rewardBench([entry!.row], [{ chosen: Number.NaN, rejected: 0 }])).toThrow(NumericsError);
    expect(() => rewardBench([], [])).toThrow(DataError);
  });
});

describe("scorePairs", () => {
  it("gives each pair the scores of its own two responses", async () => {
    const scorer = {
      name: "",
      digest: "",
      trainedOn: [],
      score: async (items: readonly { response: unknown }[]) =>
        items.map(({ response }) => String(response).length),
      close: async () => {},
    };
    const rows = [
      { id: "1", prompt: "p", chosen: "aa", rejected: "b" },
      { id: "2", prompt: "p", chosen: "", rejected: "ccc" },
    ];
    expect(await scorePairs(scorer, rows)).toEqual([
      { chosen: 2, rejected: 1 },
      { chosen: 0, rejected: 3 },
    ]);
  });
});
