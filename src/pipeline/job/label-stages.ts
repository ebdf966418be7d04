/** Stages from raw scores to training rows: labels, calibrated on held-out labelled pairs, selected and weighted. */
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { agreementShareSchema, clusteredShare } from "../../base/stats/clustered-share.ts";
import { unitOf } from "../../method/data/normalise.ts";
import { readPool } from "../../method/data/pool.ts";
import { fitCalibrator } from "../../method/labels/calibration.ts";
import { calibrationReportSchema } from "../../method/labels/calibration-report.ts";
import { cascadeWorthSchema } from "../../method/labels/cascade.ts";
import type { WeightForm } from "../../method/labels/confidence.ts";
import { heldOutFit, judgedLabels, keptPairs } from "../../method/labels/held-out-fit.ts";
import { selectionRule } from "../../method/labels/human-answers.ts";
import type { Label } from "../../method/labels/label.ts";
import { readLabelFile } from "../../method/labels/label-file.ts";
import {
  LABEL_FILES,
  labellingFactsSchema,
  readLabellingFacts,
  writeLabelling,
} from "../../method/labels/labelling.ts";
import { type LabelPlan, labelsOf, planLabels } from "../../method/labels/plan-labels.ts";
import type { SelectionSettings } from "../../method/labels/selection.ts";
import type { ScoreForm } from "../../method/teacher/score-form.ts";
import { readScores } from "../../method/teacher/scores-folder.ts";
import { teacherFacts, teacherFactsSchema } from "../../method/teacher/teacher-facts.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { defineStage, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { readCascadeWorth } from "./cascade-stages.ts";
import { poolFolder } from "./data-files.ts";
import { ENSEMBLE_FOLDERS, ensembleFactsSchema, ensembleStage, readEnsembleFacts } from "./ensemble-stage.ts";
import { type HeldOutRules, heldOutFacts, type Judged, judgeHeldOut } from "./judge-held-out.ts";
import type { MemberScores } from "./member-scores.ts";

/** Pairs that teacher and person decided, and those of them on which they agree. */
type Agreements = { readonly agree: number; readonly n: number };

const factsSchema = labellingFactsSchema.extend({
  teacher: teacherFactsSchema,
  /** Each teacher that had a say; more than one in an ensemble. */
  teachers: z.array(teacherFactsSchema).readonly(),
  calibration: calibrationReportSchema.nullable(),
  heldOutAccuracy: agreementShareSchema,
  /** The same among held-out pairs that the selection would keep; undefined where all are. */
  heldOutKept: z.object({ agree: z.number(), n: z.number() }).optional(),
  /** Members and uncertainty of an ensemble; null for one teacher. */
  ensemble: ensembleFactsSchema.omit({ report: true }).nullable(),
  /** Of a cascade: what it cost and is worth beside each of its teachers alone. */
  cascade: cascadeWorthSchema.optional(),
});

/** What the labels stage knows beside the labels. */
export type LabelFacts = z.output<typeof factsSchema>;

/** Scores of the pool and of held-out labelled pairs by each teacher that has a say. */
export type PoolScores = readonly MemberScores[];

/** How labels are made of scores, and what the stage that does it is called. */
export type LabelRules = {
  readonly name: string;
  readonly selection: SelectionSettings;
  readonly weight: WeightForm;
};

/** Labels of the pool: calibrated on held-out labelled pairs, selected, weighted; and the rows to train on. */
export async function weakLabelsStage(
  deps: JobDeps,
  { seed, label }: MainJob,
  data: Artefact,
  scores: PoolScores,
  { name, selection, weight }: LabelRules = { name: "weak-labels", ...label },
): Promise<Artefact> {
  const { calibration, heldOut, folds } = label;
  const [first, ...others] = scores;
  if (first === undefined) throw new Error("internal: labels of no teacher");
  const rules = { seed, label: { calibration, heldOut, folds } };
  const promise = selection.kind === "promise";
  const ensemble =
    others.length === 0 ? undefined : await ensembleStage(deps, rules, data, scores, { promise });
  return labelling(deps, {
    name,
    config: { ...rules, selection, weight, form: first.form },
    inputs: {
      ...{ data, ensemble },
      pools: scores.map(({ pool }) => pool),
      steps: first.steps?.map(({ pool }) => pool),
      heldOut: ensemble ? [] : first.heldOut,
    },
  });
}

type Labelling = Running<
  HeldOutRules & Omit<LabelRules, "name"> & { readonly form: ScoreForm },
  {
    readonly data: Artefact;
    /** Where several teachers have a say. */
    readonly ensemble: Artefact | undefined;
    readonly pools: readonly Artefact[];
    /** Of a cascade: what each of its teachers read of the pool. */
    readonly steps: readonly Artefact[] | undefined;
    /** One teacher's: one artefact, or one for each fold. */
    readonly heldOut: readonly Artefact[];
  }
>;

/**
 * The digest of the pool's scores among the recorded inputs of a labels stage; undefined where several teachers have a say.
 * @param inputs - of its `stage.json`
 */
export const poolScoresIn = (inputs: Readonly<Record<string, string>>): string | undefined =>
  // Before the stage was typed there was one input of that name.
  inputs["ensemble"] === undefined ? (inputs["pools0"] ?? inputs["pool"]) : undefined;

const labelling = defineStage({
  version: 11,
  async run({ work, config, inputs }: Labelling) {
    const { selection, weight } = config;
    const { data, ensemble, pools, steps, heldOut } = inputs;
    const folder = (ensemble ?? pools[0]!).path(ENSEMBLE_FOLDERS.pool);
    const judged = ensemble
      ? await judgeEnsemble(config, data, ensemble)
      : await judgeHeldOut(config, data, { form: config.form, pool: pools[0]!, heldOut });
    const plan = await planLabels(folder, {
      form: judged.form,
      calibrator: judged.calibrator,
      select: selectionRule(selection, () => judged.pairs),
      weight,
    });
    const pool = await readPool(poolFolder(data));
    const units = new Map(pool.map((pair) => [pair.id, unitOf(pair)]));
    const ensembled = ensemble ? await readEnsembleFacts(ensemble) : null;
    const facts: LabelFacts = {
      teacher: await teacherFacts(folder),
      teachers: await Promise.all(
        (steps ?? pools).map((part) => teacherFacts(part.path("scores"), (id) => units.get(id)!)),
      ),
      counts: plan.counts,
      promise: plan.promise,
      calibration: judged.report,
      heldOutAccuracy: {
        agree: judged.agrees.filter(Boolean).length,
        n: judged.agrees.length,
        share: clusteredShare(
          judged.agrees,
          judged.pairs.map(({ id, unit = id }) => unit),
        ),
      },
      ...(selection.kind === "all" ? {} : { heldOutKept: keptOf(judged, plan) }),
      ensemble: ensembled && { members: ensembled.members, uncertainty: ensembled.uncertainty },
      ...(steps && { cascade: await readCascadeWorth(pools[0]!) }),
      settings: plan.settings,
    };
    await writeLabelling(work.folder, {
      labels: plan.read(),
      pairs: pool,
      heldOut: keptPairs(judged, selection),
      uncertainty: ensemble?.path(LABEL_FILES.uncertainty),
      facts: () => facts,
    });
  },
});

/** Combined scores are log-odds of calibrated probabilities already: there is nothing left to fit. */
async function judgeEnsemble(rules: HeldOutRules, data: Artefact, ensemble: Artefact): Promise<Judged> {
  const form = { form: "sum" } as const;
  const heldOut = readScores(ensemble.path(ENSEMBLE_FOLDERS.heldOut));
  const { human, groups } = await heldOutFacts(rules, data);
  const judged = judgedLabels(await labelsOf(heldOut, { form, teacher: "held-out" }), human, groups);
  const { report } = await readEnsembleFacts(ensemble);
  return { form, report, ...heldOutFit(fitCalibrator("none", [], []), judged) };
}

/** Labels a stage wrote. */
export const readLabels = (artefact: Artefact): Promise<Label[]> =>
  readLabelFile(artefact.path(LABEL_FILES.labels));

/** What the labels stage knows. */
export const readLabelFacts = (labels: Artefact): Promise<LabelFacts> =>
  readLabellingFacts(labels.path(), factsSchema);

/** Held-out pairs that the cut would keep, by the very rule that it keeps labels by: a promise goes by margin, the others by confidence. */
export function keptOf(
  { pChosen, agrees, pairs }: Pick<Judged, "pChosen" | "agrees" | "pairs">,
  { keeps }: Pick<LabelPlan, "keeps">,
): Agreements {
  const kept = agrees.filter((_, i) => keeps({ ...pairs[i]!, pChosen: pChosen[i]! }));
  return { agree: kept.filter(Boolean).length, n: kept.length };
}

/** Share of held-out labelled pairs on which the teacher sides against the person; among those that a selection would keep. */
export async function errorRateOf(labels: Artefact): Promise<number> {
  const { heldOutAccuracy, heldOutKept } = await readLabelFacts(labels);
  const { agree, n } = heldOutKept ?? heldOutAccuracy;
  if (n === 0)
    throw new ConfigError(
      "flip: auto: the teacher decided, and the selection kept, none of the held-out pairs, so the error rate is not known. Give a number.",
    );
  return 1 - agree / n;
}
