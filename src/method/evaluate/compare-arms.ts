/**
 * Arms side by side, prompt by prompt. The unit is the prompt: with several samples per prompt its rewards are their means, win rates
 * are over pairs of samples (`sample-pairs.ts`), and intervals resample prompts. What is not defined is null.
 */
import { AlignError } from "../../base/core/errors.ts";
import type { Rng } from "../../base/core/rng.ts";
import { bootstrap, bootstrapMean, pairedBootstrap, SHARE } from "../../base/stats/bootstrap.ts";
import type { Interval } from "../../base/stats/check.ts";
import { mean } from "../../base/stats/describe.ts";
import { holm, pairedPermutationTest } from "../../base/stats/hypothesis.ts";
import { performanceGapRecovered } from "../../base/stats/win-rate.ts";
import { type EvaluatedArm, type PromptMeans, promptMeans } from "./arm.ts";
import { type Standing, standingOf } from "./sample-pairs.ts";

/** Which arm plays which part, and how intervals are made. */
export type CompareOptions = {
  /** The gold scorer that is compared by. */
  readonly gold: string;
  /** The SFT student all arms share as a baseline. */
  readonly sft: string;
  /** The student on human labels. */
  readonly human?: string | undefined;
  /** For the performance gap recovered: the weak supervisor's own performance and the ceiling (Burns et al. 2023). */
  readonly gap?: { readonly weak: string; readonly ceiling: string } | undefined;
  /** True when responses were sampled at temperature 1 from the whole distribution: else the log ratio is no KL. */
  readonly exactSampling: boolean;
  /** SFT starts that arms name as their own and that are in no table themselves. */
  readonly starts?: readonly EvaluatedArm[] | undefined;
  /** Forked, never advanced. */
  readonly rng: Rng;
  readonly resamples?: number | undefined;
  /** In (0, 1), default 0.95. */
  readonly level?: number | undefined;
};

/** One arm against a baseline on the same prompts. */
export type ArmComparison = {
  readonly baseline: string;
  /** Pairs of samples of one prompt. */
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  /** Prompts. */
  readonly n: number;
  /** Share of pairs of samples won, ties counting half; n counts prompts. */
  readonly winRate: Interval;
  /** Mean gold reward of the arm minus the baseline's, paired by prompt. */
  readonly difference: Interval;
  /** Two-sided sign test over prompts: won more often than lost, or less. */
  readonly signTest: number;
  /** Two-sided permutation test of the mean difference. */
  readonly permutationTest: number;
  /** `permutationTest` after Holm's correction over all comparisons of the table. */
  readonly adjusted: number;
};

/** All figures of one arm. */
export type ArmFigures = {
  readonly name: string;
  readonly goldReward: Interval;
  /** Tokens. */
  readonly responseLength: Interval;
  /** KL(π ‖ π_start), of the arm's own SFT start, per response estimated on the arm's own samples, nats; null unless sampling was exact and it was measured. */
  readonly klFromSft: Interval | null;
  /** Mean of log π - log π_sft on the arm's samples, nats per response, however these were sampled. */
  readonly logRatioFromSft: Interval | null;
  /** Null for the baseline itself and where there is no such arm. */
  readonly vsSft: ArmComparison | null;
  readonly vsHuman: ArmComparison | null;
  /** Share of responses with gold reward above the shared SFT student's to the same prompt (CW-PO's GRA, strict >); null for that student. */
  readonly graShared: Interval | null;
  /** The same against the arm's own SFT start; null where it named none. */
  readonly graOwn: Interval | null;
  /** Performance gap recovered; null without `gap`, for its two ends, and where there is no gap. */
  readonly pgr: Interval | null;
  /** Responses that ended by themselves, as a share. */
  readonly ended: number;
};

/** A table of arms and what a reader must know about its tests. */
export type ArmTable = {
  readonly gold: string;
  readonly arms: readonly ArmFigures[];
  /** Comparisons made, over which p-values are corrected. */
  readonly comparisons: number;
  readonly note: string;
};

/**
 * Compares arms by one gold scorer.
 * @throws AlignError with code "data" when an arm is missing, comes twice, or was evaluated on other prompts
 */
export function compareArms(arms: readonly EvaluatedArm[], options: CompareOptions): ArmTable {
  const byName = new Map<string, Map<string, PromptMeans>>();
  for (const arm of [...arms, ...(options.starts ?? [])]) {
    if (byName.has(arm.name)) throw dataError(`arm ${arm.name} comes twice, expected each name once.`);
    byName.set(arm.name, promptMeans(arm, options.gold));
  }
  const table = new Table(byName, options);
  const figures = arms.map((arm) => table.figures(arm));
  const { count, adjusted } = holmOver([{ arms: figures }]);
  const correct = (comparison: ArmComparison | null) =>
    comparison && { ...comparison, adjusted: adjusted(comparison) };
  return {
    gold: options.gold,
    arms: figures.map((f) => ({ ...f, vsSft: correct(f.vsSft), vsHuman: correct(f.vsHuman) })),
    comparisons: count,
    note:
      `${count} comparisons were tested. With so many, one in ${(1 / 0.05).toFixed(0)} is expected below p = 0.05 by ` +
      "chance alone; the adjusted p-values (Holm 1979) hold for all of them together.",
  };
}

/**
 * Comparisons by the test each counts as: itself, but for the SFT baseline's against human labels, which is the human arm's against that
 * baseline seen from the other side. A pair of arms is tested once.
 */
export function testsOf(arms: readonly ArmFigures[]): ReadonlyMap<ArmComparison, ArmComparison> {
  const tests = new Map<ArmComparison, ArmComparison>();
  for (const { name, vsSft, vsHuman } of arms) {
    if (vsSft) tests.set(vsSft, vsSft);
    const other = vsHuman && arms.find((arm) => arm.name === vsHuman.baseline)?.vsSft;
    if (vsHuman) tests.set(vsHuman, other?.baseline === name ? other : vsHuman);
  }
  return tests;
}

/** Holm's correction over the comparisons of tables, each counted as the test it is (`testsOf`). */
export function holmOver(tables: readonly { readonly arms: readonly ArmFigures[] }[]): {
  /** Tests made. */
  readonly count: number;
  readonly adjusted: (comparison: ArmComparison) => number;
} {
  const tests = new Map(tables.flatMap(({ arms }) => [...testsOf(arms)]));
  const own = [...new Set(tests.values())];
  const corrected = holm(own.map(({ permutationTest }) => permutationTest));
  const adjusted = (comparison: ArmComparison) => corrected[own.indexOf(tests.get(comparison)!)]!;
  return { count: own.length, adjusted };
}

/** Figures of arms over the one list of prompts that all of them answered. */
class Table {
  private readonly arms: ReadonlyMap<string, ReadonlyMap<string, PromptMeans>>;
  private readonly prompts: readonly string[];
  private readonly options: CompareOptions;

  constructor(arms: ReadonlyMap<string, ReadonlyMap<string, PromptMeans>>, options: CompareOptions) {
    this.arms = arms;
    this.options = options;
    this.prompts = [...this.arm(options.sft).keys()];
    for (const [name, means] of arms) this.checkPrompts(name, means);
  }

  figures({ name, records, ownSft }: EvaluatedArm): ArmFigures {
    const { sft, human, exactSampling } = this.options;
    const logRatioFromSft = this.logRatio(name);
    return {
      name,
      goldReward: this.meanOf(name, this.gold(name))!,
      responseLength: this.meanOf(
        name,
        this.values(name, ({ tokens }) => tokens),
      )!,
      klFromSft: exactSampling ? logRatioFromSft : null,
      logRatioFromSft,
      vsSft: name === sft ? null : this.compare(name, sft),
      vsHuman: human === undefined || name === human ? null : this.compare(name, human),
      graShared: name === sft ? null : this.gra(name, sft),
      graOwn: ownSft === undefined || name === ownSft ? null : this.gra(name, ownSft),
      pgr: this.pgr(name),
      ended: records.filter(({ finish }) => finish !== "length").length / records.length,
    };
  }

  private compare(name: string, baseline: string): ArmComparison {
    const [a, b] = [this.gold(name), this.gold(baseline)];
    const { wins, ties, losses, points, signTest } = this.standing(name, baseline);
    const differences = a.map((value, i) => value - b[i]!);
    const permutationTest = pairedPermutationTest(differences, { rng: this.rng(name, baseline) });
    return {
      baseline,
      wins,
      ties,
      losses,
      n: points.length,
      winRate: bootstrapMean(points, { ...this.bootstrapOptions(name, baseline, "wins"), range: SHARE })!,
      difference: pairedBootstrap(a, b, this.bootstrapOptions(name, baseline, "difference"))!,
      signTest,
      permutationTest,
      adjusted: permutationTest,
    };
  }

  private gra(name: string, baseline: string): Interval | null {
    const { above } = this.standing(name, baseline);
    return bootstrapMean(above, { ...this.bootstrapOptions(name, baseline, "gra"), range: SHARE });
  }

  private standing(name: string, baseline: string): Standing {
    const [own, other] = [this.arm(name), this.arm(baseline)];
    return standingOf(this.prompts.map((id) => [own.get(id)!.samples, other.get(id)!.samples]));
  }

  private pgr(name: string): Interval | null {
    const { gap } = this.options;
    if (gap === undefined || name === gap.weak || name === gap.ceiling) return null;
    const [weak, own, ceiling] = [gap.weak, name, gap.ceiling].map((arm) => this.gold(arm));
    const units = own!.map((value, i) => [weak![i]!, value, ceiling![i]!] as const);
    const column = (sample: readonly (readonly number[])[], i: number) =>
      mean(sample.map((unit) => unit[i]!));
    return bootstrap(
      units,
      (sample) => performanceGapRecovered(column(sample, 0), column(sample, 1), column(sample, 2)),
      this.bootstrapOptions(name, "pgr"),
    );
  }

  private logRatio(name: string): Interval | null {
    const ratios = this.prompts.map((id) => this.arm(name).get(id)!.logRatio);
    return ratios.some((ratio) => ratio === null) ? null : this.meanOf(name, ratios as number[]);
  }

  private gold(name: string): number[] {
    return this.values(name, ({ gold }) => gold);
  }

  private values(name: string, of: (means: PromptMeans) => number): number[] {
    const arm = this.arm(name);
    return this.prompts.map((id) => of(arm.get(id)!));
  }

  private meanOf(name: string, values: readonly number[]): Interval | null {
    return bootstrapMean(values, this.bootstrapOptions(name, "mean"));
  }

  private bootstrapOptions(...labels: string[]) {
    const { resamples, level } = this.options;
    return {
      rng: this.rng(...labels),
      resamples,
      level,
    };
  }

  /** A stream of its own for each figure, so that adding an arm changes no other arm's interval. */
  private rng(...labels: string[]): Rng {
    return this.options.rng.fork("compare-arms", this.options.gold, ...labels);
  }

  private arm(name: string): ReadonlyMap<string, PromptMeans> {
    const arm = this.arms.get(name);
    if (arm === undefined)
      throw dataError(`there is no arm ${name}, expected one of ${[...this.arms.keys()].join(", ")}.`);
    return arm;
  }

  private checkPrompts(name: string, means: ReadonlyMap<string, PromptMeans>): void {
    const missing = this.prompts.filter((id) => !means.has(id)).length;
    if (this.prompts.length === 0)
      throw dataError(`arm ${name} has no records, expected at least one prompt.`);
    if (missing > 0 || means.size !== this.prompts.length)
      throw dataError(
        `arm ${name} answered ${means.size} prompts, ${missing} of the ${this.prompts.length} of arm ${this.options.sft} are missing. ` +
          "Evaluate all arms on the same prompts.",
      );
  }
}

function dataError(problem: string): AlignError {
  return new AlignError("data", `compare arms: ${problem}`);
}
