/**
 * The stage that makes one teacher of several: each member is calibrated by itself on the held-out pairs, their mean probability is the
 * ensemble's. Its scores are folders like any teacher's.
 */
import { readJson, writeJsonAtomic } from "../../base/core/files.ts";
import type { Interval } from "../../base/stats/check.ts";
import { clusteredShare } from "../../base/stats/clustered-share.ts";
import { type Calibrator, calibratorToJson, fitCalibrator } from "../../method/labels/calibration.ts";
import type { CalibrationReport } from "../../method/labels/calibration-report.ts";
import {
  type EnsemblePair,
  ensembleScore,
  together,
  type UncertaintySummary,
  writeEnsembleScores,
} from "../../method/labels/ensemble-scores.ts";
import { fitOn, type JudgedLabel } from "../../method/labels/held-out-fit.ts";
import { labelFromScores } from "../../method/labels/label.ts";
import { type FittedForm, formScores } from "../../method/teacher/score-form.ts";
import { readScores, readScoresManifest } from "../../method/teacher/scores-folder.ts";
import type { PairScore } from "../../method/teacher/teacher.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import {
  fitHalf,
  type HeldOutFacts,
  halves,
  heldOutFacts,
  judgedOf,
  readHeldOutScores,
  reportOn,
} from "./judge-held-out.ts";
import type { MemberScores } from "./teacher-stages.ts";

/** Folders of scores that the stage writes. */
export const ENSEMBLE_FOLDERS = { pool: "scores", heldOut: "held-out-scores" } as const;

/** The name on an ensemble's labels. */
export const ENSEMBLE = "ensemble";

/** What is known of one member. */
export type MemberFacts = {
  readonly name: string;
  readonly digest: string;
  readonly form: FittedForm;
  readonly calibrator: ReturnType<typeof calibratorToJson>;
  /** Held-out pairs on which it is with the person. */
  readonly heldOut: { readonly agree: number; readonly n: number; readonly share: Interval | null };
};

/** What is known of an ensemble beside its scores. */
export type EnsembleFacts = {
  readonly members: readonly MemberFacts[];
  readonly report: CalibrationReport | null;
  readonly uncertainty: UncertaintySummary;
};

/**
 * Combines members. For a promise the calibrators are fitted on half of the held-out prompts and only the other half is left to
 * promise from: the mean of several fitted curves can order pairs by the very answers they were fitted on, as one curve cannot.
 */
export function ensembleStage(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  members: readonly MemberScores[],
  { promise }: { readonly promise: boolean },
): Promise<Artefact> {
  const { calibration, heldOut, folds } = job.label;
  const inputs = members.flatMap(({ pool, heldOut: parts }, i) => [
    [`pool-${i}`, pool] as const,
    ...parts.map((part, fold) => [`held-out-${i}-${fold}`, part] as const),
  ]);
  return deps.pipeline.stage({
    name: promise ? "ensemble-scores-promise" : "ensemble-scores",
    version: 5,
    config: { calibration, heldOut, folds, promise, seed: job.seed, forms: members.map(({ form }) => form) },
    inputs: { data, ...Object.fromEntries(inputs) },
    run: async (work) => {
      const facts = await heldOutFacts(job, data);
      const fitted = await Promise.all(members.map((member) => fitMember(job, facts, member, promise)));
      const known = await Promise.all(fitted.map(factsOf));
      const target = { name: ENSEMBLE, settings: { members: known } };
      const uncertainty = await writeEnsembleScores(
        { ...target, folder: work.path(ENSEMBLE_FOLDERS.pool), uncertainty: work.folder },
        pairsOf(fitted, ({ member }) => readScores(member.pool.path("scores")), fitted.map(finalOf)),
      );
      const heldOutScores = pairsOf(fitted, ({ member }) => readHeldOutScores(member), fitted.map(finalOf));
      const kept = promise
        ? only(heldOutScores, (id) => !facts.half.has(facts.groups.get(id)!))
        : heldOutScores;
      await writeEnsembleScores({ ...target, folder: work.path(ENSEMBLE_FOLDERS.heldOut) }, kept);
      const written: EnsembleFacts = {
        members: known,
        report: await honestReport(job, facts, fitted),
        uncertainty,
      };
      await writeJsonAtomic(work.path("facts.json"), written);
    },
  });
}

/** What an ensemble stage knows. */
export const readEnsembleFacts = async (ensemble: Artefact): Promise<EnsembleFacts> =>
  (await readJson(ensemble.path("facts.json"))) as EnsembleFacts;

type Fitted = {
  readonly member: MemberScores;
  readonly form: FittedForm;
  readonly judged: readonly JudgedLabel[];
  /** Fitted on half of the held-out prompts, where it can be, and the one that labels. */
  readonly half: Calibrator | undefined;
  readonly final: Calibrator;
};

const finalOf = ({ final }: Fitted) => final;

async function fitMember(
  job: MainJob,
  facts: HeldOutFacts,
  member: MemberScores,
  promise: boolean,
): Promise<Fitted> {
  const { form, judged } = await judgedOf(member, facts, job.label.calibration);
  const [fit] = halves(judged, facts);
  const final = fitOn(job.label.calibration, promise ? fit : judged);
  return { member, form, judged, half: fitHalf(job.label.calibration, fit), final };
}

async function factsOf({ member, form, judged, final }: Fitted): Promise<MemberFacts> {
  const agrees = judged.map(({ label, prefersA }) => (label.preferred === "a") === prefersA);
  const share = clusteredShare(
    agrees,
    judged.map(({ unit }) => unit),
  );
  return {
    name: member.name,
    digest: (await readScoresManifest(member.pool.path("scores"))).teacher.digest,
    form,
    calibrator: calibratorToJson(final),
    heldOut: { agree: agrees.filter(Boolean).length, n: judged.length, share },
  };
}

/** Each pair with all members' labels of it. */
async function* pairsOf(
  fitted: readonly Fitted[],
  read: (one: Fitted) => AsyncIterable<PairScore>,
  calibrators: readonly Calibrator[],
): AsyncGenerator<EnsemblePair> {
  for await (const scores of together(fitted.map(read))) {
    const labels = scores.map((score, i) => {
      const { form, member } = fitted[i]!;
      const { id, flags } = score;
      const scored = { id, flags, teacher: member.name, ...formScores(score, form) };
      return labelFromScores(scored, { calibrate: calibrators[i]!.apply });
    });
    const { lengthA, lengthB } = scores[0]!;
    yield { labels, lengthA, lengthB, tokens: scores.reduce((sum, { tokens }) => sum + tokens, 0) };
  }
}

async function* only(
  pairs: AsyncIterable<EnsemblePair>,
  keep: (id: string) => boolean,
): AsyncGenerator<EnsemblePair> {
  for await (const pair of pairs) if (keep(pair.labels[0]!.id)) yield pair;
}

/** The ensemble's probabilities, of uncalibrated members and of those fitted on one half, on the other half. */
async function honestReport(
  job: MainJob,
  facts: HeldOutFacts,
  fitted: readonly Fitted[],
): Promise<CalibrationReport | null> {
  const none = fitCalibrator("none", [], []);
  const probabilities = async (calibrators: readonly Calibrator[]) => {
    const found = new Map<string, number>();
    for await (const pair of pairsOf(fitted, ({ member }) => readHeldOutScores(member), calibrators)) {
      const { score, uncertainty } = ensembleScore(pair, ENSEMBLE);
      const { pA: members } = uncertainty;
      found.set(score.id, members.reduce((sum, p) => sum + p, 0) / members.length);
    }
    return found;
  };
  const halfFits = fitted.flatMap(({ half }) => half ?? []);
  if (halfFits.length < fitted.length) return null;
  const before = await probabilities(fitted.map(() => none));
  const after = await probabilities(halfFits);
  const [, check] = halves(fitted[0]!.judged, facts);
  return reportOn(job, facts, check, {
    before: check.map(({ label }) => before.get(label.id)!),
    after: check.map(({ label }) => after.get(label.id)!),
  });
}
