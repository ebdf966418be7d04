/**
 * The stage that makes one teacher of several: each member is calibrated by itself on the held-out pairs, their mean probability is the
 * ensemble's. Its scores are folders like any teacher's.
 */
import { z } from "zod";
import { agreementShareSchema, clusteredShare } from "../../base/stats/clustered-share.ts";
import {
  type Calibrator,
  calibratorSchema,
  calibratorToJson,
  fitCalibrator,
} from "../../method/labels/calibration.ts";
import { type CalibrationReport, calibrationReportSchema } from "../../method/labels/calibration-report.ts";
import {
  type EnsemblePair,
  ensembleScore,
  together,
  uncertaintySchema,
  writeEnsembleScores,
} from "../../method/labels/ensemble-scores.ts";
import { fitOn, type JudgedLabel } from "../../method/labels/held-out-fit.ts";
import { labelFromScores } from "../../method/labels/label.ts";
import { type FittedForm, fittedFormSchema, formScores } from "../../method/teacher/score-form.ts";
import { readScores, readScoresManifest } from "../../method/teacher/scores-folder.ts";
import type { PairScore } from "../../method/teacher/teacher.ts";
import { defineStage, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { jsonFile } from "../stages/stage-file.ts";
import {
  fitHalf,
  type HeldOutFacts,
  type HeldOutRules,
  halves,
  heldOutFacts,
  judgedOf,
  readHeldOutScores,
  reportOn,
} from "./judge-held-out.ts";
import type { MemberScores } from "./member-scores.ts";

/** Folders of scores that the stage writes. */
export const ENSEMBLE_FOLDERS = { pool: "scores", heldOut: "held-out-scores" } as const;

/** The name on an ensemble's labels. */
export const ENSEMBLE = "ensemble";

const memberSchema = z.object({
  name: z.string(),
  digest: z.string(),
  form: fittedFormSchema,
  calibrator: calibratorSchema,
  /** Held-out pairs on which it is with the person. */
  heldOut: agreementShareSchema,
});

/** What is known of one member. */
export type MemberFacts = z.output<typeof memberSchema>;

/** What is known of an ensemble beside its scores. */
export const ensembleFactsSchema = z.object({
  members: z.array(memberSchema).readonly(),
  report: calibrationReportSchema.nullable(),
  uncertainty: uncertaintySchema,
});

/**
 * Combines members. For a promise the calibrators are fitted on half of the held-out prompts and only the other half is left to
 * promise from: the mean of several fitted curves can order pairs by the very answers they were fitted on, as one curve cannot.
 */
export function ensembleStage(
  deps: JobDeps,
  { seed, label }: HeldOutRules,
  data: Artefact,
  members: readonly MemberScores[],
  { promise }: { readonly promise: boolean },
): Promise<Artefact> {
  const { calibration, heldOut, folds } = label;
  return combining(deps, {
    name: promise ? "ensemble-scores-promise" : "ensemble-scores",
    config: {
      ...{ seed, promise, label: { calibration, heldOut, folds } },
      members: members.map(({ name, form }) => ({ name, form })),
    },
    inputs: {
      data,
      pools: members.map(({ pool }) => pool),
      heldOut: members.flatMap((member) => member.heldOut),
    },
  });
}

type Combining = Running<
  HeldOutRules & {
    readonly promise: boolean;
    readonly members: readonly Pick<MemberScores, "name" | "form">[];
  },
  {
    readonly data: Artefact;
    readonly pools: readonly Artefact[];
    /** Of each member as many as there are folds, or one. */
    readonly heldOut: readonly Artefact[];
  }
>;

const FACTS = jsonFile("facts.json", ensembleFactsSchema);

const combining = defineStage({
  version: 5,
  async run({ work, config, inputs }: Combining) {
    const { promise } = config;
    const facts = await heldOutFacts(config, inputs.data);
    const each = inputs.heldOut.length / config.members.length;
    const members = config.members.map((member, i) => ({
      ...{ ...member, pool: inputs.pools[i]! },
      heldOut: inputs.heldOut.slice(i * each, (i + 1) * each),
    }));
    const fitted = await Promise.all(members.map((member) => fitMember(config, facts, member, promise)));
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
    await FACTS.write(work, {
      members: known,
      report: await honestReport(config, facts, fitted),
      uncertainty,
    });
  },
});

/** What an ensemble stage knows. */
export const readEnsembleFacts = (ensemble: Artefact) => FACTS.read(ensemble);

/** Scores of one member. */
type Member = Pick<MemberScores, "name" | "form" | "pool" | "heldOut">;

type Fitted = {
  readonly member: Member;
  readonly form: FittedForm;
  readonly judged: readonly JudgedLabel[];
  /** Fitted on half of the held-out prompts, where it can be, and the one that labels. */
  readonly half: Calibrator | undefined;
  readonly final: Calibrator;
};

const finalOf = ({ final }: Fitted) => final;

async function fitMember(
  { label: { calibration } }: HeldOutRules,
  facts: HeldOutFacts,
  member: Member,
  promise: boolean,
): Promise<Fitted> {
  const { form, judged } = await judgedOf(member, facts, calibration);
  const [fit] = halves(judged, facts);
  const final = fitOn(calibration, promise ? fit : judged);
  return { member, form, judged, half: fitHalf(calibration, fit), final };
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
  rules: HeldOutRules,
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
  return reportOn(rules, facts, check, {
    before: check.map(({ label }) => before.get(label.id)!),
    after: check.map(({ label }) => after.get(label.id)!),
  });
}
