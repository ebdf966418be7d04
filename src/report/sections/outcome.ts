/** What came out: the arms side by side, then their differences. */

import type { Block, Section } from "../blocks.ts";
import { type Interval, isMeasured, type NumberFormat } from "../charts/spec.ts";
import type { Arm, Cell, Column, Difference, ReportData, ReportFigure, ReportTable } from "../data.ts";
import { formatCount, formatInterval, formatNumber, formatP } from "../format.ts";
import type { GlossaryTerm } from "../glossary.ts";
import { DEFAULT_LEVEL, marginInWords, type Reading, readDifference, verdictOf } from "../headline.ts";

type Metric = {
  title: string;
  format?: NumberFormat | undefined;
  of: (arm: Arm) => Interval | undefined;
  term: GlossaryTerm;
};

const METRICS: Metric[] = [
  { title: "gold reward", of: (arm) => arm.goldReward, term: "goldReward" },
  { title: "win rate vs SFT", format: "percent", of: (arm) => arm.winRateVsSft, term: "winRate" },
  { title: "win rate vs human labels", format: "percent", of: (arm) => arm.winRateVsHuman, term: "winRate" },
  {
    title: "test accuracy",
    format: "percent",
    of: (arm) => arm.testAccuracy,
    term: "testAccuracy",
  },
  { title: "length, tokens", of: (arm) => arm.responseLength, term: "length" },
  { title: "KL from own start, nats", of: (arm) => arm.klFromSft, term: "kl" },
];

const READINGS: Record<Reading, string> = {
  above: "these models differ: above",
  below: "these models differ: below",
  "not shown": "not told apart",
  "corrected away": "not significant after correction",
  "too few": "too few to compare",
};

/** The result section: arms as a plot and a table, differences as a plot and a table. */
export function outcomeSection(data: ReportData): Section | undefined {
  const arms = data.arms ?? [];
  const differences = (data.differences ?? []).filter((difference) => isMeasured(difference.value));
  const used = METRICS.filter((metric) => arms.some((arm) => isMeasured(metric.of(arm))));
  const descriptions = arms.flatMap((arm) =>
    arm.description === undefined ? [] : [{ term: arm.name, text: arm.description }],
  );
  const tally = winTable(arms);
  const blocks: Block[] = [];
  const figures = outcomeFigures(arms, differences);
  if (figures.length > 0) blocks.push({ type: "figures", figures, tabulated: true });
  if (arms.length > 0) blocks.push({ type: "table", table: armTable(arms, used) });
  if (tally !== undefined) blocks.push({ type: "table", table: tally });
  if (differences.length > 0)
    blocks.push({
      type: "table",
      table: differenceTable(differences, data.intervals?.level ?? DEFAULT_LEVEL),
    });
  const parity = parityTable(differences);
  if (parity !== undefined) blocks.push({ type: "table", table: parity });
  if (descriptions.length > 0)
    blocks.push({ type: "heading", text: "The arms" }, { type: "facts", items: descriptions });
  if (blocks.length === 0) return undefined;
  const terms: GlossaryTerm[] = [
    "interval",
    ...used.map((metric) => metric.term),
    ...(differences.length > 0 ? (["difference"] as const) : []),
  ];
  return { id: "result", title: "Result", blocks, terms };
}

function outcomeFigures(arms: readonly Arm[], differences: readonly Difference[]): ReportFigure[] {
  const rows = arms.flatMap((arm) =>
    isMeasured(arm.goldReward) ? [{ label: arm.name, value: arm.goldReward }] : [],
  );
  const figures: ReportFigure[] = [];
  if (rows.length > 0)
    figures.push({
      chart: {
        kind: "intervals",
        title: "Gold reward by arm",
        xLabel: "mean gold reward on test prompts",
        rows,
      },
    });
  // One axis holds one unit: the differences of the first metric that any is about.
  const first = differences[0];
  const same = differences.filter((one) => one.metric === first?.metric && one.format === first?.format);
  if (first !== undefined && same.length > 1)
    figures.push({
      chart: {
        kind: "intervals",
        title: `Differences in ${first.metric}`,
        xLabel: `difference in ${first.metric}, first named minus second`,
        rows: same.map((one) => ({ label: `${one.a} − ${one.b}`, value: one.value })),
        signed: true,
        references: [{ value: 0, label: "no difference" }],
        format: first.format,
      },
    });
  return figures;
}

function armTable(arms: readonly Arm[], used: readonly Metric[]): ReportTable {
  const more = [
    ...new Map(arms.flatMap((arm) => (arm.more ?? []).map((extra) => [extra.metric, extra.format] as const))),
  ];
  const columns: Column[] = [
    { title: "arm", format: "text" },
    ...used.map(({ title, format }) => ({ title, format: format ?? "number" }) as const),
    ...more.map(([title, format]) => ({ title, format: format ?? "number" }) as const),
  ];
  const rows = arms.map((arm): Cell[] => [
    arm.name,
    ...used.map((metric) => metric.of(arm) ?? null),
    ...more.map(([title]) => arm.more?.find((extra) => extra.metric === title)?.value ?? null),
  ]);
  return { title: "Arms", columns, rows };
}

/** Wins, ties and losses where they were counted. */
function winTable(arms: readonly Arm[]): ReportTable | undefined {
  const rows = arms.flatMap((arm) =>
    [
      { against: "SFT start", rate: arm.winRateVsSft },
      { against: "human labels", rate: arm.winRateVsHuman },
    ].flatMap(({ against, rate }): Cell[][] =>
      isMeasured(rate) && rate.wins !== undefined
        ? [[arm.name, against, rate.wins, rate.ties ?? null, rate.losses ?? null, rate.n]]
        : [],
    ),
  );
  if (rows.length === 0) return undefined;
  const count = (title: string): Column => ({ title, format: "count" });
  return {
    title: "Wins, ties and losses by pairs of responses",
    columns: [
      { title: "arm" },
      { title: "against" },
      count("wins"),
      count("ties"),
      count("losses"),
      count("prompts"),
    ],
    rows,
  };
}

/** Equivalence where it was tested. */
function parityTable(differences: readonly Difference[]): ReportTable | undefined {
  const tested = differences.flatMap((one) =>
    one.parity === undefined ? [] : [{ ...one, parity: one.parity }],
  );
  if (tested.length === 0) return undefined;
  return {
    title: "As good as the other?",
    columns: [
      { title: "comparison" },
      { title: "in" },
      { title: "margin" },
      { title: "equivalent" },
      { title: "p", format: "p" },
      { title: "smallest share of the gain", format: "percent", digits: 0 },
      { title: "smallest difference", format: "text" },
    ],
    rows: tested.map(({ a, b, metric, format = "number", parity }): Cell[] => [
      `${a} and ${b}`,
      metric,
      marginInWords(parity, format),
      parity.shown ? "yes" : "not shown",
      parity.pValue,
      parity.smallestShare ?? "none",
      formatNumber(parity.smallestMargin, { format }),
    ]),
    notes: [
      "Two one-sided tests at 5 %: a missing difference shows nothing. The gain is measured on the same runs, so a share of it is tested as a contrast of all three arms, not as a known number.",
      "Smallest share, smallest difference: with these margins and larger ones equivalence would have been shown. A margin is to be stated before the runs, not read off here.",
    ],
  };
}

function differenceTable(differences: readonly Difference[], level: number): ReportTable {
  const corrections = [
    ...new Set(differences.flatMap((one) => (one.correction === undefined ? [] : [one.correction]))),
  ];
  const columns: Column[] = [
    { title: "difference" },
    { title: "in" },
    { title: "estimate", format: "number" },
    { title: "n", format: "number" },
    { title: "reading" },
    { title: "p", format: "number" },
    { title: "p, corrected", format: "number" },
  ];
  const rows = differences.map((one): Cell[] => [
    `${one.a} − ${one.b}`,
    `${one.metric}${one.moreIsBetter === false ? " (less is better)" : ""}`,
    formatInterval(one.value, { format: one.format ?? "number", signed: true }),
    `${formatCount(one.value.n)} ${one.unit}${one.paired === false ? ", unpaired" : ""}`,
    one.scope === "methods" ? verdictOf(one, level) : READINGS[readDifference(one, level)],
    one.pValue === undefined ? null : formatP(one.pValue),
    one.pAdjusted === undefined ? null : formatP(one.pAdjusted),
  ]);
  const tests = [
    ...new Set(differences.flatMap((one) => (one.test === undefined ? [] : [`Test: ${one.test}.`]))),
  ];
  const notes = [...tests, ...corrections.map((correction) => `Corrected: ${correction}.`)];
  return { title: "Differences", columns, rows, ...(notes.length === 0 ? {} : { notes }) };
}
