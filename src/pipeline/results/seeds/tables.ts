/** Tables over seeds: the one for a page, how far runs differ, and every figure of every run. */

import { mean, standardDeviation } from "../../../base/stats/describe.ts";
import { seedInterval } from "../../../base/stats/over-seeds.ts";
import type { Interval } from "../../../report/charts/spec.ts";
import type { Cell, Column, Difference, ReportData, ReportTable } from "../../../report/data.ts";
import { verdictOf } from "../../../report/headline.ts";
import type { ComparedRun } from "../compare/run-folder.ts";
import { regimeIn } from "../regime.ts";
import { meanOfArm, meanOfTwo, type SeedFigure } from "./figures.ts";

/** Arms by what leads: level, differences, verdicts. This is the table to quote. */
export function summaryTable(
  runs: readonly ComparedRun[],
  figure: SeedFigure | undefined,
  differences: readonly Difference[],
): ReportTable[] {
  if (figure === undefined) return [];
  const { metric, format = "number", arms } = figure;
  const own = differences.filter((one) => one.metric === metric);
  const against = [...new Set(own.map(({ b }) => b))];
  const column = (title: string, signed = false): Column => ({
    title,
    format,
    ...(signed ? { signed } : {}),
  });
  return [
    {
      title: `Over ${runs.length} seeds: ${metric}`,
      columns: [
        { title: "arm", format: "text" },
        column(metric),
        ...against.flatMap((name): Column[] => [
          column(`minus ${name}`, true),
          { title: `against ${name}`, format: "text" },
        ]),
      ],
      rows: arms.map((arm): Cell[] => [
        arm,
        meanCell(figure, arm),
        ...against.flatMap((name): Cell[] => {
          const one = own.find(({ a, b }) => a === arm && b === name);
          return one === undefined ? [null, null] : [one.value, verdictOf(one)];
        }),
      ]),
      notes: [
        `"matches": equal within the stated margin, by test. "better", "worse": the difference holds for further seeds and prompts, after Holm's correction. Else these ${runs.length} seeds cannot tell.`,
      ],
    },
  ];
}

function meanCell(figure: SeedFigure, arm: string): Interval | null {
  const found = meanOfArm(figure, arm);
  return found && seedInterval(found, { range: figure.range });
}

/** How far one run may be from another: what a report of one run cannot know. */
export function spreadTable(
  figures: readonly SeedFigure[],
  differences: readonly Difference[],
): ReportTable[] {
  const rows = differences.flatMap((one): Cell[][] => {
    const figure = figures.find(({ metric }) => metric === one.metric)!;
    const found = meanOfTwo(figure, [one.a, one.b], (a, b) => a - b);
    if (found === null || found.seeds < 2) return [];
    return [
      [
        `${one.a} − ${one.b}`,
        one.metric,
        standardDeviation(found.means),
        Math.sqrt(found.within),
        Math.min(...found.means),
        Math.max(...found.means),
      ],
    ];
  });
  if (rows.length === 0) return [];
  return [
    {
      title: "How far runs differ",
      columns: [
        { title: "difference" },
        { title: "in" },
        { title: "standard deviation between runs", digits: 3 },
        { title: "standard error within a run", digits: 3 },
        { title: "least", digits: 3, signed: true },
        { title: "most", digits: 3, signed: true },
      ],
      rows,
      notes: [
        "The standard error within a run is what the interval of one run's report rests on. Where runs differ by more, that interval speaks of two models only. With few seeds a standard deviation is itself uncertain by a factor of about two.",
      ],
    },
  ];
}

/** What a run's own report has; read loosely, for reports of other versions lack some. */
type RunReport = Partial<
  Pick<ReportData, "agreement" | "coverage" | "reliability" | "lengthBias" | "arms" | "tables">
>;

/** Every figure of every run with its own interval over prompts, and mean and standard deviation over the runs; shares and rewards apart, for their digits differ. */
export function seedTables(runs: readonly ComparedRun[]): ReportTable[] {
  const figures = runs.map(({ report }) => new Map(figuresOf(report as RunReport)));
  const names = [...figures[0]!.keys()].filter((name) =>
    figures.every((figure) => (figure.get(name)?.value.n ?? 0) > 0),
  );
  const isShare = (name: string) => figures[0]!.get(name)!.percent;
  return [
    seedTable("Every run, %", runs, names.filter(isShare), (name, run) =>
      timesHundred(figures[run]!.get(name)!.value),
    ),
    seedTable(
      "Every run",
      runs,
      names.filter((name) => !isShare(name)),
      (name, run) => figures[run]!.get(name)!.value,
    ),
  ].filter(({ rows }) => rows.length > 0);
}

function seedTable(
  title: string,
  runs: readonly ComparedRun[],
  names: readonly string[],
  figureOf: (name: string, run: number) => Interval,
): ReportTable {
  const rows = names.map((name): Cell[] => {
    const values = runs.map((_, run) => figureOf(name, run));
    const estimates = values.map(({ estimate }) => estimate);
    return [name, ...values, mean(estimates), standardDeviation(estimates)];
  });
  return {
    title,
    columns: [
      { title: "figure", format: "text" },
      ...runs.map(({ seed }): Column => ({ title: `seed ${seed}` })),
      { title: "mean", digits: 3 },
      { title: `sd over ${runs.length} seeds`, digits: 3 },
    ],
    rows,
    notes: ["Intervals here are each run's own, over its prompts: they say nothing of other seeds."],
  };
}

const timesHundred = ({ estimate, low, high, ...rest }: Interval): Interval => ({
  ...rest,
  estimate: 100 * estimate,
  low: 100 * low,
  high: 100 * high,
});

type Figure = readonly [string, { readonly value: Interval; readonly percent: boolean }];

function figuresOf({
  agreement = [],
  coverage = [],
  reliability = [],
  lengthBias = [],
  arms = [],
  tables = [],
}: RunReport): Figure[] {
  const share = (name: string, value: unknown) => [name, value, true] as const;
  const half = coverage.map(({ labeller, against, points }) => {
    const point = points.find((one) => one.coverage >= 0.5 - 1e-4);
    const { accuracy = 0, low = accuracy, high = accuracy, n = 0 } = point ?? {};
    return share(`${labeller} with ${against}, surer half`, { estimate: accuracy, low, high, n });
  });
  return [
    ...agreement.map((one) => share(`${one.labeller} with ${one.against}`, one.agreement)),
    ...half,
    ...regimeIn(tables).map(([name, value]) => share(`regime: ${name}`, value)),
    ...reliability.flatMap(({ labeller, eceBefore, eceAfter }) => [
      share(`${labeller}: calibration error before`, eceBefore),
      share(`${labeller}: calibration error after`, eceAfter),
    ]),
    ...lengthBias.flatMap(({ labeller, longerPreferred, longerPreferredByReference }) => [
      share(`P(longer preferred) by ${labeller}`, longerPreferred),
      share("P(longer preferred) by people", longerPreferredByReference),
    ]),
    ...arms.map(({ name, testAccuracy }) => share(`test accuracy: ${name}`, testAccuracy)),
    ...arms.flatMap(({ name, more = [] }) =>
      more
        .filter(({ metric }) => metric === "test accuracy by likelihood")
        .map(({ metric, value }) => share(`${metric}: ${name}`, value)),
    ),
    ...arms.map(({ name, goldReward }) => [`gold reward: ${name}`, goldReward, false] as const),
  ].flatMap(([name, value, percent]) =>
    value === undefined ? [] : [[name, { value: value as Interval, percent }] as const],
  );
}
