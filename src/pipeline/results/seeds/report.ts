/**
 * One report over runs of one recipe that differ in their seed. What it says of a way of labelling is meant for further seeds and further prompts:
 * intervals hold both variances, and parity is a test against the recipe's margin. Nothing is computed that the runs have not measured.
 */
import { relative } from "node:path";
import { parse, stringify } from "yaml";
import { digestOf } from "../../../base/core/digest.ts";
import { ConfigError } from "../../../base/core/errors.ts";
import { SHARE } from "../../../base/stats/bootstrap.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { equivalence, type Margin } from "../../../base/stats/equivalence.ts";
import { holm } from "../../../base/stats/hypothesis.ts";
import {
  type SeedIntervalOptions,
  type SeedMean,
  seedInterval,
  seedPValue,
} from "../../../base/stats/over-seeds.ts";
import type { Arm, Difference, ReportData, ReportWarning } from "../../../report/data.ts";
import { amountTable, fewer, type LearnedArm } from "../../job/report-amounts.ts";
import type { ComparedRun } from "../compare/run-folder.ts";
import { differingSettings } from "../compare/settings.ts";
import { commonArms, contrastsOf, meanOfArm, meanOfTwo, type SeedFigure, seedFigures } from "./figures.ts";
import { seedTables, spreadTable, summaryTable } from "./tables.ts";

/** Arms as they are written in a resolved recipe. */
type WrittenArm = {
  readonly name?: string | undefined;
  readonly labels?: string;
  readonly training?: string;
};

/** The parts of a run's recipe that the comparison depends on. */
type WrittenRecipe = {
  readonly name?: string | undefined;
  readonly arms?: readonly WrittenArm[];
  readonly eval?: { readonly parity?: { readonly share?: number; readonly margin?: number } };
};

/** Settings that may differ between the runs of one recipe: they change what is drawn, or where it is computed. */
const FREE = /^(seed|name|device|threads|needs|executor(\.|$))/;

const LIMITS =
  "They are meant for further seeds of this recipe on this data and for further prompts like these; other data, models and settings are not in them.";

/**
 * The report.
 * @param runs - two or more, each a seed of one recipe
 * @param options.folder - where the report goes; runs are named relative to it
 * @throws ConfigError for runs that are not of one recipe, or of one seed
 */
export function seedsReport(
  runs: readonly ComparedRun[],
  { version, folder }: { readonly version: string; readonly folder: string },
): ReportData {
  checkRuns(runs);
  const recipe = runs[0]!.recipe as WrittenRecipe;
  const figures = seedFigures(runs);
  const differences = figures.flatMap((figure, i) => differencesIn(figure, runs, recipe, i === 0));
  const yaml = stringify({
    recipe: recipe.name,
    seeds: runs.map(({ seed }) => seed),
    runs: runs.map(({ runId }) => runId),
  });
  const seeds = runs.map(({ seed }) => seed).join(", ");
  const learned = learnedArms(runs);
  return {
    title: `weak-teacher: ${recipe.name ?? "runs"}, ${runs.length} seeds`,
    runId: `seeds-${digestOf(yaml).slice(0, 12)}`,
    recipe: { yaml: stringify(withoutSeed(recipe)), digest: digestOf(yaml) },
    environment: { version, seed: seeds },
    summary:
      `${runs.length} runs of one recipe with the seeds ${seeds}. ${drawnAnew(recipe)} ` +
      "Within a run all arms have the same data, the same base and the same order of training, so that they are compared pair by pair.",
    intervals: {
      level: 0.95,
      method: `over seeds and prompts together (n counts seeds): Student's for the variance between runs, and what the runs share by answering the same prompts`,
      limits: LIMITS,
    },
    arms: commonArms(runs).map((name) => armOver(runs, figures, name)),
    ...questionOf(runs[0]!.report),
    differences,
    headlineNotes: fewer(learned),
    tables: [
      ...summaryTable(runs, figures[0], differences),
      ...spreadTable(figures, differences),
      ...(learned.length === 0
        ? []
        : [amountTable(learned, [`The least and the most of ${runs.length} seeds.`])]),
      ...seedTables(runs),
    ],
    warnings: warningsOf(runs, figures),
    notes: runs.map(
      (run) =>
        `Seed ${run.seed}: ${relative(folder, run.folder) || "."} (${run.runId}), version ${run.version}.`,
    ),
  };
}

/** What the runs ask, as the first one's report has it. */
function questionOf(report: unknown): Pick<ReportData, "question"> {
  const { question } = report as Pick<ReportData, "question">;
  return question === undefined ? {} : { question };
}

/** What each arm learned from in every run, as the runs' own reports have it. */
const learnedArms = (runs: readonly ComparedRun[]): LearnedArm[] =>
  commonArms(runs).flatMap((name) => {
    const learned = runs.flatMap(({ arms }) => arms.find((arm) => arm.name === name)?.learned ?? []);
    return learned.length === runs.length ? [{ name, learned }] : [];
  });

/** @throws ConfigError as `seedsReport` */
function checkRuns(runs: readonly ComparedRun[]): void {
  if (runs.length < 2) throw new ConfigError(`seeds: expected two runs or more, got ${runs.length}.`);
  const other = differingSettings(runs.map(({ recipe }) => recipe)).filter(({ path }) => !FREE.test(path));
  if (other.length > 0)
    throw new ConfigError([
      `seeds: the runs differ in more than their seed: ${other
        .slice(0, 5)
        .map(({ path, values }) => `${path} (${values.map((value) => value ?? "none").join(", ")})`)
        .join(
          "; ",
        )}${other.length > 5 ? `; and ${other.length - 5} more` : ""}. Compare them without --seeds.`,
    ]);
  const seeds = runs.map(({ seed }) => String(seed));
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) !== i);
  if (twice !== undefined)
    throw new ConfigError(
      `seeds: two runs have seed ${twice}, expected one run of each: they are the same run.`,
    );
}

function drawnAnew(recipe: WrittenRecipe): string {
  const { data } = recipe as { data?: { seed?: number } };
  return data?.seed === undefined
    ? "A seed draws everything anew: the split (or the made-up world with its people), the teacher's and the students' training, the answers."
    : `The data is that of seed ${data.seed} in all runs; a seed draws the training of teacher and students and the answers anew.`;
}

const withoutSeed = (recipe: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(parse(stringify(recipe)) as Record<string, unknown>).filter(([key]) => key !== "seed"),
  );

const intervalOf = (figure: SeedMean | null, options: SeedIntervalOptions = {}): Interval | undefined =>
  (figure && seedInterval(figure, options)) ?? undefined;

/** Figures of one arm over all runs. */
function armOver(runs: readonly ComparedRun[], figures: readonly SeedFigure[], name: string): Arm {
  const [gold] = figures.filter(({ metric }) => metric.startsWith("gold reward"));
  const testFigure = figures.find(({ metric }) => metric === "test accuracy");
  const has = (figure: SeedFigure | undefined): figure is SeedFigure => figure?.arms.includes(name) === true;
  const baseline = runs[0]!.baseline;
  const human = humanArm(runs[0]!.recipe as WrittenRecipe);
  const wins = (against: string | undefined) =>
    has(gold) && against !== undefined && against !== name && gold.arms.includes(against)
      ? intervalOf(gold.wins?.(name, against) ?? null, { range: SHARE })
      : undefined;
  const [reward, accuracy, vsSft, vsHuman] = [
    has(gold) ? intervalOf(meanOfArm(gold, name)) : undefined,
    has(testFigure) ? intervalOf(meanOfArm(testFigure, name), { range: testFigure.range }) : undefined,
    wins(baseline),
    wins(human),
  ];
  const description = runs[0]!.arms.find((arm) => arm.name === name)?.description;
  return {
    name,
    description,
    ...(reward && { goldReward: reward }),
    ...(vsSft && { winRateVsSft: vsSft }),
    ...(vsHuman && { winRateVsHuman: vsHuman }),
    ...(accuracy && { testAccuracy: accuracy }),
  };
}

/** The arm on people's labels that others are compared with: preference training on the whole pool, as `humanOf` of a job. */
function humanArm({ arms = [] }: WrittenRecipe): string | undefined {
  const trained = arms.filter(({ labels, training }) => labels === "human" && training === "prefer");
  return (trained.find(isPlainArm) ?? trained[0])?.name;
}

const isPlainArm = (arm: WrittenArm): boolean => {
  const { data, subset, flip, size } = arm as Record<string, unknown>;
  return (
    (data ?? "pool") === "pool" && (subset ?? "all") === "all" && flip === undefined && size === undefined
  );
};

/** Every arm against the SFT baseline and against human labels; parity with the latter. */
function differencesIn(
  figure: SeedFigure,
  runs: readonly ComparedRun[],
  recipe: WrittenRecipe,
  leads: boolean,
): Difference[] {
  const { metric, format, arms } = figure;
  const baseline = runs[0]!.baseline;
  const human = humanArm(recipe);
  const trained = new Set(
    (recipe.arms ?? []).filter(({ training }) => training === "prefer").map(({ name }) => name),
  );
  const pairs = arms.flatMap((a) =>
    [baseline, human]
      // The human arm against the baseline is the baseline against the human arm, seen from the other side.
      .filter((b) => b !== undefined && b !== a && arms.includes(b) && !(a === baseline && b === human))
      .map((b) => ({ a, b: b! })),
  );
  const found = pairs.flatMap(({ a, b }) => {
    const mean = meanOfTwo(figure, [a, b], (x, y) => x - y);
    const value = intervalOf(mean);
    if (mean === null || value === undefined) return [];
    const parity =
      b === human && trained.has(a) ? parityOf(figure, { a, human: b, baseline, recipe, leads }) : {};
    return [{ a, b, mean, value, pValue: seedPValue(mean)!, parity }];
  });
  const adjusted = holm(found.map(({ pValue }) => pValue));
  return found.map(({ a, b, mean, value, pValue, parity }, i) => ({
    ...{ scope: "methods" as const, a, b, metric, value },
    unit: `seeds, ${mean.clusters} prompts`,
    format,
    ...{ paired: true, pValue, pAdjusted: adjusted[i]!, correction: "Holm" },
    test: "two-sided, from the interval over seeds and prompts",
    ...parity,
    headline: leads && trained.has(a),
  }));
}

/** The equivalence test of an arm with human labels. */
function parityOf(
  figure: SeedFigure,
  how: {
    readonly a: string;
    readonly human: string;
    readonly baseline: string | undefined;
    readonly recipe: WrittenRecipe;
    readonly leads: boolean;
  },
): Pick<Difference, "parity"> {
  const { a, human, baseline, recipe, leads } = how;
  const contrasts = contrastsOf(figure, { own: a, other: human, start: baseline });
  if (contrasts === undefined) return {};
  const { share = 0.5, margin: fixed } = recipe.eval?.parity ?? {};
  // A fixed margin is in the unit of the figure that leads.
  const margin: Margin =
    fixed === undefined || !leads ? { kind: "share", share } : { kind: "fixed", margin: fixed };
  const found = equivalence(contrasts, margin);
  if (found === null) return {};
  const { shown, size, pValue, smallestShare, smallestMargin } = found;
  const isArm = baseline !== undefined && figure.arms.includes(baseline);
  return {
    parity: {
      ...{ shown, size, pValue, smallestShare, smallestMargin, over: human },
      start: isArm ? baseline : "chance",
      ...(margin.kind === "share" ? { share: margin.share } : {}),
    },
  };
}

function warningsOf(runs: readonly ComparedRun[], figures: readonly SeedFigure[]): ReportWarning[] {
  const versions = new Set(runs.map(({ version }) => version));
  return [
    ...(runs.length < 5
      ? [
          {
            severity: "note" as const,
            message: `${runs.length} seeds: Student's quantile is ${runs.length === 2 ? "12.7" : runs.length === 3 ? "4.3" : "3.2"} here and 2.8 for five; what cannot be told may only need more seeds.`,
          },
        ]
      : []),
    ...(versions.size > 1
      ? [
          {
            severity: "warning" as const,
            message: `The runs were made by different versions: ${[...versions].join(", ")}.`,
          },
        ]
      : []),
    ...(figures.length === 0
      ? [
          {
            severity: "warning" as const,
            message: "Nothing is compared over seeds: the runs share no gold scorer and no test pairs.",
          },
        ]
      : []),
  ];
}
