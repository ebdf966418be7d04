/**
 * A cascade as stages: what the first teacher is not sure of is asked the second; both are calibrated on the same held-out pairs, and what
 * comes out are folders of scores like any teacher's, so that labels are made of them as of one.
 */
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { calibratorFromJson, calibratorSchema, calibratorToJson } from "../../method/labels/calibration.ts";
import {
  CASCADE,
  type CascadeWorth,
  cascadePairs,
  cascadeWorthSchema,
  type FirstWord,
  fitCascade,
  isSure,
} from "../../method/labels/cascade.ts";
import { writeEnsembleScores } from "../../method/labels/ensemble-scores.ts";
import { fitOn } from "../../method/labels/held-out-fit.ts";
import { type LabelOf, labelMaker, labelsOf } from "../../method/labels/plan-labels.ts";
import { fitForm, fittedFormSchema, type ScoreForm } from "../../method/teacher/score-form.ts";
import { readScores, readScoresManifest } from "../../method/teacher/scores-folder.ts";
import { defineStage, type Running } from "../stages/define.ts";
import type { Artefact } from "../stages/stage.ts";
import { jsonFile } from "../stages/stage-file.ts";
import { type HeldOutRules, heldOutFacts, judgedOf } from "./judge-held-out.ts";

/** How a cascade's parts are called in messages. */
const WHERE = "teacher.sure:";

/** One teacher's scores as labels: form and curve. */
const curveSchema = z.object({ form: fittedFormSchema, calibrator: calibratorSchema });
type Curve = z.output<typeof curveSchema>;

const ASKED = jsonFile(
  "asked.json",
  curveSchema.extend({ pairs: z.number(), asked: z.array(z.string()).readonly() }),
);
const FITTED = jsonFile("fitted.json", curveSchema.extend(cascadeWorthSchema.pick({ heldOut: true }).shape));
const WORTH = jsonFile("worth.json", cascadeWorthSchema);

type Rules = HeldOutRules & { readonly sure: number; readonly form: ScoreForm };

type Asking = Running<
  Rules,
  { readonly data: Artefact; readonly pool: Artefact; readonly heldOut: Artefact }
>;

/** Calibrates the first teacher, and says which pairs of the pool it is not sure of: `asked.json`. */
export const askedStage = defineStage({
  version: 1,
  async run({ work, config, inputs }: Asking) {
    const { sure, label } = config;
    const { pool, heldOut } = inputs;
    const facts = await heldOutFacts(config, inputs.data);
    const scored = { form: config.form, pool, heldOut: [heldOut] };
    const { form, judged } = await judgedOf(scored, facts, label.calibration);
    const curve = { form, calibrator: calibratorToJson(fitOn(label.calibration, judged)) };
    const asked: string[] = [];
    let pairs = 0;
    for await (const { label: first } of wordsIn(pool, curve, work.folder)) {
      pairs++;
      if (!isSure(first, sure)) asked.push(first.id);
    }
    if (asked.length === 0)
      throw new ConfigError(
        `${WHERE} the first teacher is at least ${sure} sure of all ${pairs} pairs of the pool. Raise it, or label with that teacher alone.`,
      );
    await ASKED.write(work, { ...curve, pairs, asked });
  },
});

/** Ids of the pool that a cascade's second teacher is asked. */
export const readAsked = async (asked: Artefact): Promise<ReadonlySet<string>> =>
  new Set((await ASKED.read(asked)).asked);

type Fitting = Running<
  Rules,
  {
    readonly data: Artefact;
    readonly asked: Artefact;
    /** Of the first teacher and of the second. */
    readonly first: Artefact;
    readonly second: Artefact;
    /** The second's of the pool: a form may depend on them. */
    readonly pool: Artefact;
  }
>;

/** Calibrates the second teacher on the held-out pairs that the first left to it; its folder `scores/` has the held-out pairs by both. */
export const cascadeHeldOutStage = defineStage({
  version: 1,
  async run({ work, config, inputs }: Fitting) {
    const { sure, label } = config;
    const { asked, first, second, pool } = inputs;
    const { human, groups } = await heldOutFacts(config, inputs.data);
    const curve = await ASKED.read(asked);
    const form = await fitForm(config.form, readScores(pool.path("scores")));
    const known = {
      first: await labelsOf(readScores(first.path("scores")), howOf(curve, asked.folder)),
      second: await labelsOf(readScores(second.path("scores")), { form, teacher: CASCADE }),
      ...{ human, units: groups },
    };
    const { calibrator, heldOut } = fitCascade({ sure, where: WHERE }, label.calibration, known);
    const fitted = { form, calibrator: calibratorToJson(calibrator), heldOut };
    await FITTED.write(work, fitted);
    await writeBoth({ folder: work.path("scores"), sure, curves: [curve, fitted], scores: [first, second] });
  },
});

type Combining = Running<
  { readonly sure: number },
  {
    readonly asked: Artefact;
    readonly fitted: Artefact;
    readonly first: Artefact;
    readonly second: Artefact;
  }
>;

/** The cascade's scores of other pairs, the pool's or test pairs: `scores/`, and what they cost beside what both are worth. */
export const cascadeScoresStage = defineStage({
  version: 1,
  async run({ work, config, inputs }: Combining) {
    const { sure } = config;
    const { first, second } = inputs;
    const curve = await ASKED.read(inputs.asked);
    const fitted = await FITTED.read(inputs.fitted);
    const tokens = await writeBoth({
      ...{ folder: work.path("scores"), sure },
      ...{ curves: [curve, fitted], scores: [first, second] },
    });
    const { pairs, asked } = curve;
    await WORTH.write(work, { sure, pairs, asked: asked.length, tokens, heldOut: fitted.heldOut });
  },
});

/** What a cascade's scores of the pool cost and are worth. */
export const readCascadeWorth = (pool: Artefact): Promise<CascadeWorth> => WORTH.read(pool);

type Both = {
  readonly folder: string;
  readonly sure: number;
  readonly curves: readonly [Curve, Curve];
  readonly scores: readonly [Artefact, Artefact];
};

/** Writes the scores of whoever has the word; gives the tokens that each read. */
async function writeBoth({ folder, sure, curves, scores }: Both): Promise<CascadeWorth["tokens"]> {
  const [first, second] = scores;
  const [curve, other] = curves;
  const digests = await Promise.all(
    scores.map(async (one) => (await readScoresManifest(one.path("scores"))).teacher.digest),
  );
  const settings = {
    sure,
    teachers: curves.map(({ form, calibrator }, i) => [digests[i], form, calibrator]),
  };
  const tokens = { first: 0, second: 0 };
  await writeEnsembleScores(
    { folder, name: CASCADE, kind: CASCADE, settings },
    cascadePairs(wordsIn(first, curve, folder), readScores(second.path("scores")), {
      ...{ sure, tokens, finish: labelMaker(howOf(other, folder)) },
    }),
  );
  return tokens;
}

/** How a teacher's scores become labels. @param where - for messages about the curve */
const howOf = ({ form, calibrator }: Curve, where: string): LabelOf => ({
  ...{ form, teacher: CASCADE, calibrator: calibratorFromJson(calibrator, where) },
});

async function* wordsIn(scores: Artefact, curve: Curve, where: string): AsyncGenerator<FirstWord> {
  const finish = labelMaker(howOf(curve, where));
  for await (const score of readScores(scores.path("scores"))) yield { label: finish(score), score };
}
