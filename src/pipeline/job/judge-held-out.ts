/** What the held-out labelled pairs say of one teacher: its form and calibrator, and an honest report of the calibration. */
import { ConfigError, NumericsError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import { unitOf } from "../../method/data/normalise.ts";
import { type CalibrationMethod, type Calibrator, fitCalibrator } from "../../method/labels/calibration.ts";
import { type CalibrationReport, calibrationReport } from "../../method/labels/calibration-report.ts";
import {
  adviceForFew,
  fitOn,
  type HeldOutFit,
  heldOutFit,
  type JudgedLabel,
  judgedLabels,
  LEAST_HELD_OUT,
} from "../../method/labels/held-out-fit.ts";
import { labelsOf } from "../../method/labels/plan-labels.ts";
import { type FittedForm, fitForm } from "../../method/teacher/score-form.ts";
import { readScores } from "../../method/teacher/scores-folder.ts";
import type { PairScore } from "../../method/teacher/teacher.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { Artefact } from "../stages/stage.ts";
import { readLabelled } from "./data-files.ts";
import { heldOutPairs, promisable, type SplitRule } from "./labelled-split.ts";
import type { MemberScores } from "./member-scores.ts";

/** Scores under their form and calibrator, and how good the latter is; null when one half of the pairs is empty or cannot be fitted. */
export type Judged = HeldOutFit & {
  readonly form: FittedForm;
  readonly report: CalibrationReport | null;
};

/** What people said of the held-out pairs, and the prompt (or group) of each. */
export type HeldOutFacts = {
  readonly human: ReadonlyMap<string, "a" | "b" | "tie">;
  readonly groups: ReadonlyMap<string, string>;
  /** Half of the prompts, drawn with the job's seed: a calibrator is fitted on these to be judged on the others. */
  readonly half: ReadonlySet<string>;
};

/** How held-out pairs are drawn, and what is fitted on them. */
export type HeldOutRules = SplitRule & { readonly label: Pick<MainJob["label"], "calibration"> };

/** Scores of one teacher, in a form. */
type Scored = Pick<MemberScores, "form" | "pool" | "heldOut">;

/** Facts of the held-out pairs of all folds. */
export async function heldOutFacts(rules: SplitRule, data: Artefact): Promise<HeldOutFacts> {
  const { pairs, human } = await heldOutPairs(data, rules);
  const groups = new Map(pairs.map((pair) => [pair.id, unitOf(pair)]));
  const prompts = createRng(rules.seed)
    .fork("calibration")
    .shuffle([...new Set(groups.values())]);
  return {
    human: new Map(human.map(({ id, preferred }) => [id, preferred])),
    groups,
    half: new Set(prompts.filter((_, i) => i % 2 === 0)),
  };
}

/** Scores of held-out pairs, fold after fold. */
export async function* readHeldOutScores({
  heldOut,
}: Pick<Scored, "heldOut">): AsyncGenerator<PairScore, void, undefined> {
  for (const artefact of heldOut) yield* readScores(artefact.path("scores"));
}

/**
 * Before a teacher is trained: it can decide no more pairs than people did, and a promise rests on none that `ask` chose.
 * @throws ConfigError as `judgedOf` surely would
 */
export async function checkHeldOut(job: MainJob, data: Artefact): Promise<void> {
  // In a plan the data may not be there yet.
  if (data.digest === undefined) return;
  const promises = [job.label.selection, ...job.arms.map(({ select }) => select)].some(
    (select) => select?.kind === "promise",
  );
  if (promises && !promisable(await readLabelled(data)))
    throw new ConfigError(
      "select: a promise rests on pairs that are a draw of the data, and people were asked about all labelled pairs (column asked). Give labelled pairs beside those of ask, or select by top or threshold.",
    );
  if (job.label.calibration === "none") return;
  const { human } = await heldOutPairs(data, job);
  const decided = human.filter(({ preferred }) => preferred !== "tie").length;
  if (decided < LEAST_HELD_OUT) throw tooFew(`${decided} held-out pairs are decided by people`, ADVICE);
}

const ADVICE = "raise label.held_out or label more pairs";

const tooFew = (what: string, advice: string) =>
  new ConfigError(
    `label.held_out: only ${what}, expected at least ${LEAST_HELD_OUT} to calibrate on; ${advice}.`,
  );

/** A teacher's form, and its held-out labels beside what people said. @throws ConfigError when there are too few to fit on */
export async function judgedOf(
  member: Scored,
  { human, groups }: HeldOutFacts,
  method: CalibrationMethod,
): Promise<{ form: FittedForm; judged: JudgedLabel[] }> {
  const form = await fitForm(member.form, readScores(member.pool.path("scores")));
  const labels = await labelsOf(readHeldOutScores(member), { form, teacher: "held-out" });
  const judged = judgedLabels(labels, human, groups);
  if (judged.length < LEAST_HELD_OUT && method !== "none") {
    const limits = "data.max_length and data.max_prompt_length";
    const decided = `${judged.length} held-out pairs are decided by teacher and person`;
    throw tooFew(decided, adviceForFew(labels, limits, ADVICE));
  }
  return { form, judged };
}

/** Fits the calibrator on all held-out pairs; its report is of one fitted on half of their prompts and judged on the other. */
export async function judgeHeldOut(rules: HeldOutRules, data: Artefact, member: Scored): Promise<Judged> {
  const facts = await heldOutFacts(rules, data);
  const { form, judged } = await judgedOf(member, facts, rules.label.calibration);
  const [fit, check] = halves(judged, facts);
  const before = fitCalibrator("none", [], []);
  const after = fitHalf(rules.label.calibration, fit);
  const report = after === undefined ? null : honestReport(rules, facts, check, before, after);
  return { form, report, ...heldOutFit(fitOn(rules.label.calibration, judged), judged) };
}

/**
 * The calibrator of one half of the pairs, for the report alone; undefined where there is none, as no finite temperature is where the
 * teacher is right on the whole half. Labels come from a fit on all pairs, which fails where it must.
 */
export function fitHalf(method: CalibrationMethod, half: readonly JudgedLabel[]): Calibrator | undefined {
  try {
    return fitOn(method, half);
  } catch (error) {
    if (error instanceof NumericsError) return undefined;
    throw error;
  }
}

/** Judged labels of the half that a calibrator is fitted on, and of the other. */
export function halves<T extends { readonly label: { readonly id: string } }>(
  judged: readonly T[],
  { half, groups }: HeldOutFacts,
): readonly [T[], T[]] {
  const inside = ({ label }: T) => half.has(groups.get(label.id)!);
  return [judged.filter(inside), judged.filter((one) => !inside(one))];
}

/** Probabilities of one teacher before and after calibration on pairs that the calibrator was not fitted on. */
function honestReport(
  rules: SplitRule,
  facts: HeldOutFacts,
  check: readonly JudgedLabel[],
  before: Calibrator,
  after: Calibrator,
): CalibrationReport | null {
  const margins = check.map(({ label }) => label.margin);
  const probabilities = { before: margins.map(before.apply), after: margins.map(after.apply) };
  return reportOn(rules, facts, check, probabilities);
}

/** A calibration report on judged pairs; null without any. @param probabilities - P(a) of each pair */
export function reportOn(
  { seed }: Pick<SplitRule, "seed">,
  { groups }: HeldOutFacts,
  check: readonly JudgedLabel[],
  probabilities: { readonly before: readonly number[]; readonly after: readonly number[] },
): CalibrationReport | null {
  if (check.length === 0) return null;
  return calibrationReport(
    probabilities.before,
    probabilities.after,
    check.map(({ prefersA }) => prefersA),
    {
      rng: createRng(seed).fork("calibration-report"),
      groups: check.map(({ label }) => groups.get(label.id)!),
    },
  );
}
