import { describe, expect, it } from "vitest";
import { fullReport, smallestReport } from "../../test/report/fixture.ts";
import type { Block } from "./blocks.ts";
import type { ReportData } from "./data.ts";
import { buildDocument } from "./document.ts";
import { cellText, tableView } from "./table.ts";

const interval = (estimate: number) => ({ estimate, low: estimate - 0.09, high: estimate + 0.09, n: 200 });
const sectionOf = (data: Partial<ReportData>, id: string) =>
  buildDocument({ ...smallestReport(), ...data }).sections.find((section) => section.id === id)!;
const tables = (blocks: readonly Block[]) =>
  blocks.flatMap((block) => (block.type === "table" ? [tableView(block.table)!] : []));
const charts = (blocks: readonly Block[]) =>
  blocks.flatMap((block) => (block.type === "figures" ? block.figures.map((figure) => figure.chart) : []));
const texts = (view: ReturnType<typeof tables>[number]) => [
  view.columns.map((column) => column.title),
  ...view.rows.map((row) => row.map(cellText)),
];

describe("the result section", () => {
  const arms = [
    {
      name: "weak",
      goldReward: interval(0.5),
      winRateVsSft: { ...interval(0.75), wins: 140, ties: 20, losses: 40 },
      winRateVsHuman: interval(0.25),
      more: [{ metric: "toxicity", value: interval(0.1) }],
    },
    { name: "human", goldReward: interval(0.4) },
  ];
  it("puts every metric in its own column", () => {
    const [table] = tables(sectionOf({ arms }, "result").blocks);
    expect(texts(table!)).toEqual([
      ["arm", "gold reward", "win rate vs SFT", "win rate vs human labels", "toxicity"],
      [
        "weak",
        "0.50 [0.41, 0.59]",
        "75 % [66, 84], n = 200",
        "25 % [16, 34], n = 200",
        "0.10 [0.01, 0.19], n = 200",
      ],
      ["human", "0.40 [0.31, 0.49]", "–", "–", "–"],
    ]);
  });
  it("counts wins, ties and losses in that order", () => {
    expect(texts(tables(sectionOf({ arms }, "result").blocks)[1]!)).toEqual([
      ["arm", "against", "wins", "ties", "losses", "prompts"],
      ["weak", "SFT start", "140", "20", "40", "200"],
    ]);
  });
  it("reads each difference in words, with its n and both p values", () => {
    const differences = [
      {
        a: "weak",
        b: "SFT",
        metric: "gold reward",
        unit: "prompts",
        value: interval(0.3),
        pValue: 0.01,
        pAdjusted: 0.04,
        test: "sign test",
        correction: "Holm",
      },
    ];
    const [table] = tables(sectionOf({ differences }, "result").blocks);
    expect(texts(table!)[1]).toEqual([
      "weak − SFT",
      "gold reward",
      "+0.30 [+0.21, +0.39]",
      "200 prompts",
      "these models differ: above",
      "0.010",
      "0.040",
    ]);
  });
});

describe("sections about labels and training", () => {
  it("draw the bins before calibration before those after", () => {
    const bin = (accuracy: number) => ({ confidence: 0.75, accuracy, n: 10 });
    const reliability = [{ labeller: "t", against: "human", before: [bin(0.6)], after: [bin(0.74)] }];
    const [chart] = charts(sectionOf({ reliability }, "calibration").blocks);
    expect(chart).toMatchObject({
      series: [
        { name: "before calibration", bins: [{ accuracy: 0.6 }] },
        { name: "after calibration", bins: [{ accuracy: 0.74 }] },
      ],
    });
  });
  it("keep a labeller's length preference apart from its reference's", () => {
    const lengthBias = [
      {
        labeller: "t",
        against: "human",
        longerPreferred: interval(0.6),
        longerPreferredByReference: interval(0.5),
      },
    ];
    const [table] = tables(sectionOf({ lengthBias }, "length-bias").blocks);
    expect(texts(table!)).toEqual([
      ["labeller", "P(longer preferred)", "reference", "the reference's P(longer)"],
      ["t", "60 % [51, 69], n = 200", "human", "50 % [41, 59], n = 200"],
    ]);
  });
  it("join curves of one panel in one chart, told from first to last", () => {
    const curve = (metric: string, panel: string) => ({
      stage: "s",
      metric,
      panel,
      points: [
        [1, 0.5],
        [2, 0.25],
      ] as [number, number][],
    });
    const drawn = charts(
      sectionOf(
        { curves: [curve("train", "loss"), curve("held out", "loss"), curve("lr", "lr")] },
        "training",
      ).blocks,
    );
    expect(drawn.map((chart) => chart.title)).toEqual(["loss", "lr"]);
    expect(drawn[0]!.description).toBe(
      "s, loss over step: train from 0.50 to 0.25 in 2 points; held out from 0.50 to 0.25 in 2 points.",
    );
  });
});

describe("the document", () => {
  it("gives two studies of one name two anchors", () => {
    const study = { id: "β sweep", title: "S", finding: "f" };
    const ids = buildDocument({ ...smallestReport(), studies: [study, study] }).sections.map(
      (section) => section.id,
    );
    expect(ids.filter((id) => id.startsWith("study"))).toEqual(["study-sweep", "study-sweep--2"]);
  });
  it("explains the terms it uses and no others", () => {
    const terms = (data: ReportData) =>
      buildDocument(data).sections.flatMap(({ id, blocks }) =>
        id === "glossary" && blocks[0]?.type === "facts" ? blocks[0].items.map((item) => item.term) : [],
      );
    expect(terms(smallestReport())).toEqual([]);
    expect(terms({ ...smallestReport(), arms: [{ name: "a", goldReward: interval(1) }] })).toEqual([
      "interval",
      "gold reward",
    ]);
    expect(terms(fullReport())).toContain("paper's numbers");
  });
  it("says how intervals were made", () => {
    const intervals = { level: 0.9, method: "bootstrap, 1,000 resamples", limits: "One run per arm." };
    expect(buildDocument({ ...smallestReport(), intervals }).intervalNote).toBe(
      "Brackets: 90 % intervals, bootstrap, 1,000 resamples. One run per arm.",
    );
  });
});
