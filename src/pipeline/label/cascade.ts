/**
 * A cascade: a cheap teacher's labelling of the pool is there, another teacher labels what the cheap one is not sure of, and both are
 * calibrated as one. The probability of a pair is the cheap teacher's where that is sure, else the other's, whose curve is fitted on those
 * held-out pairs alone that the cheap one left to it: they are harder than the rest. One more curve over both is fitted on all held-out pairs.
 */
import { join } from "node:path";
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import {
  type CalibrationMethod,
  calibratorFromJson,
  calibratorSchema,
  calibratorToJson,
} from "../../method/labels/calibration.ts";
import {
  CASCADE,
  cascadePairs,
  cascadeWorthSchema,
  type FirstWord,
  fitCascade,
  isSure,
  SURE,
} from "../../method/labels/cascade.ts";
import { together, writeEnsembleScores } from "../../method/labels/ensemble-scores.ts";
import { HELD_OUT } from "../../method/labels/held-out-file.ts";
import { fitOn, type HeldOutFit, heldOutFit } from "../../method/labels/held-out-fit.ts";
import { type Label, labelFromScores, undoSelection } from "../../method/labels/label.ts";
import { readLabelFile } from "../../method/labels/label-file.ts";
import { LABEL_FILES, labellingFactsSchema, readLabellingFacts } from "../../method/labels/labelling.ts";
import { labelMaker } from "../../method/labels/plan-labels.ts";
import type { FittedForm } from "../../method/teacher/score-form.ts";
import { readScores } from "../../method/teacher/scores-folder.ts";
import type { PairScore } from "../../method/teacher/teacher.ts";
import { checkUnchanged, readStageRecord } from "../stages/cache.ts";

/** A cheap teacher's finished labelling, and what it leaves over. */
export type CheapLabels = {
  readonly folder: string;
  /** Of the labelling's contents. */
  readonly digest: string;
  readonly sure: number;
  readonly labels: readonly Label[];
  /** Its labels of the held-out pairs that it decided. */
  readonly heldOut: readonly Label[];
  /** Ids of the pool that the other teacher labels. */
  readonly asked: ReadonlySet<string>;
};

/** The pool and the labelled pairs that both labellings must be of, and how they are read. */
export type SameFiles = { readonly pool: string; readonly calibrate: string; readonly reading: string };

/**
 * Opens a labelling as the first of a cascade.
 * @param readingOf - digest of how a labelling's config says it was read
 * @throws ConfigError when it is no labelling of this pool that was calibrated on these pairs, or is sure of every pair
 */
export async function openCheap(
  { folder, sure = SURE }: { readonly folder: string; readonly sure?: number | undefined },
  { pool, calibrate, reading }: SameFiles,
  readingOf: (config: unknown) => string,
): Promise<CheapLabels> {
  const record = await readStageRecord(folder);
  const refuse = (problem: string) => new ConfigError(`--after ${folder}: ${problem}`);
  if (record?.identity.name !== "label")
    throw refuse("is no folder that label wrote, expected a finished labelling of this pool.");
  const { inputs, config } = record.identity;
  if (inputs["pool"] !== pool) throw refuse("holds labels of another pool. Label this one with it first.");
  if (inputs["calibrate"] === undefined)
    throw refuse(
      "was not calibrated, so how sure it is says nothing. Label with --calibrate and the same labelled pairs.",
    );
  if (inputs["calibrate"] !== calibrate)
    throw refuse("was calibrated on other pairs, expected those of --calibrate. Give the same file to both.");
  if (readingOf(config) !== reading)
    throw refuse(
      "was read with another --seed, --map, --format, --header, --limit or --on-bad-row. Give the flags it was labelled with.",
    );
  await checkUnchanged(folder, record);
  const labels = (await readLabelFile(join(folder, LABEL_FILES.labels))).map(undoSelection);
  const asked = new Set(labels.flatMap((label) => (isSure(label, sure) ? [] : [label.id])));
  if (asked.size === 0)
    throw refuse(
      `is at least ${sure} sure of all ${labels.length} pairs. Raise --sure, or take its labels as they are.`,
    );
  return { folder, digest: record.digest, sure, labels, heldOut: await heldOutOf(folder), asked };
}

/** The labels of held-out pairs, from the margins that lie beside the labels. */
async function heldOutOf(folder: string): Promise<Label[]> {
  const facts = await readLabellingFacts(folder, labellingFactsSchema);
  const calibrator = calibratorFromJson(facts.settings["calibrator"], join(folder, LABEL_FILES.facts));
  const pairs = await HELD_OUT.read(join(folder, LABEL_FILES.heldOut));
  const teacher = facts.teacher?.name ?? "";
  return pairs.map(({ id, margin }) =>
    labelFromScores({ id, scoreA: margin, scoreB: 0, teacher }, { calibrate: calibrator.apply }),
  );
}

/** What a cascade cost and is worth, and what it was made of. */
export const cascadeFactsSchema = cascadeWorthSchema.extend({
  /** Digest of the first teacher's labelling. */
  after: z.string(),
  /** The second teacher's own curve, on the pairs that were left to it. */
  calibrator: calibratorSchema,
});

/** The same as a value. */
export type CascadeFacts = z.output<typeof cascadeFactsSchema>;

/** What is known of the held-out pairs: the second teacher's uncalibrated labels, what people said, and units. */
export type HeldOutPairs = {
  readonly labels: readonly Label[];
  readonly human: ReadonlyMap<string, "a" | "b" | "tie">;
  readonly units: ReadonlyMap<string, string>;
};

/** Where scores lie, and how the second teacher's become one number. */
export type CascadeScores = {
  /** Of the second teacher, of the pairs that were asked. */
  readonly second: string;
  readonly form: FittedForm;
  /** To be written. */
  readonly into: string;
};

/**
 * Writes the cascade's scores of the pool, log-odds as an ensemble of one has them, and fits the curve over both teachers.
 * @throws ConfigError when too few held-out pairs are left to the second teacher to fit its curve on
 */
export async function cascade(
  cheap: CheapLabels,
  { second, form, into }: CascadeScores,
  method: CalibrationMethod,
  { labels, human, units }: HeldOutPairs,
): Promise<{ readonly fit: HeldOutFit; readonly facts: CascadeFacts }> {
  const { sure, heldOut: first } = cheap;
  const { calibrator, judged, heldOut } = fitCascade({ sure, where: "--sure" }, method, {
    ...{ first, second: labels, human, units },
  });
  const finish = labelMaker({ form, teacher: CASCADE, calibrator });
  const known = { after: cheap.digest, sure, calibrator: calibratorToJson(calibrator) };
  const tokens = { first: 0, second: 0 };
  await writeEnsembleScores(
    { folder: into, name: CASCADE, kind: CASCADE, settings: known },
    cascadePairs(firstWords(cheap), readScores(second), { sure, finish, tokens }),
  );
  const facts = { ...known, pairs: cheap.labels.length, asked: cheap.asked.size, tokens, heldOut };
  return { fit: heldOutFit(fitOn(method, judged), judged), facts };
}

async function* firstWords({ labels, folder }: CheapLabels): AsyncGenerator<FirstWord> {
  const read = together<Label | PairScore>([labels, readScores(join(folder, "scores"))]);
  for await (const [label, score] of read as AsyncGenerator<[Label, PairScore]>) yield { label, score };
}
