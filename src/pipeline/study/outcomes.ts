/** What came out of a cell, read from its artefacts: labels with what people and gold said, and what was measured of students. */
import { z } from "zod";
import { exists } from "../../base/core/files.ts";
import { createRng } from "../../base/core/rng.ts";
import { unitOf } from "../../method/data/normalise.ts";
import { readPool } from "../../method/data/pool.ts";
import type { CandidatePair, HumanLabel, PreferenceRow } from "../../method/data/rows.ts";
import { plainText } from "../../method/data/rows.ts";
import { ARM_RECORDS, type ArmRecord, type EvaluatedArm } from "../../method/evaluate/arm.ts";
import type { JudgedPair } from "../../method/evaluate/label-analysis/judged-pair.ts";
import type { TestAccuracy, TestMargins } from "../../method/evaluate/test-accuracy.ts";
import { HELD_OUT, HELD_OUT_FILE } from "../../method/labels/held-out-file.ts";
import type { Label } from "../../method/labels/label.ts";
import type { GoldPair, SimulatedPeople } from "../../method/split/world.ts";
import type { Learned } from "../../report/data.ts";
import { poolFolder, readFacts, readHidden, readLabelledGold, readTest } from "../job/data-files.ts";
import { readTestAccuracy, readTestMargins } from "../job/evaluate-stages.ts";
import { type LabelFacts, readLabelFacts, readLabels } from "../job/label-stages.ts";
import { heldOutPairs, splitLabelled } from "../job/labelled-split.ts";
import type { MeasuredStudent } from "../job/main-job.ts";
import { learnedBy } from "../job/report-amounts.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { Artefact } from "../stages/stage.ts";

/** A student and its measurements; no records where nothing scores them. */
export type ArmOutcome = EvaluatedArm & {
  readonly testAccuracy: TestAccuracy;
  /** What that is made of, pair by pair; undefined for a teacher that answers. */
  readonly margins?: readonly TestMargins[];
  /** Undefined for a teacher that answers. */
  readonly learned?: Learned;
  /** The same student of every seed, this one first; undefined where one seed alone was run. */
  readonly replicates?: readonly ArmOutcome[];
};

/** The labels of a cell beside what is hidden from the teacher. */
export type LabelOutcome = {
  readonly labels: readonly Label[];
  readonly human: readonly HumanLabel[];
  /** Empty where gold is not known. */
  readonly gold: readonly GoldPair[];
  /** How simulated people see gold; undefined where people are real. */
  readonly simulated: SimulatedPeople | undefined;
  readonly pool: ReadonlyMap<string, CandidatePair>;
  readonly facts: LabelFacts;
  /** Pairs that the teacher learnt from, as it saw them. */
  readonly taught: readonly PreferenceRow[];
  /** Labelled pairs judged by a teacher that did not learn from them (with folds: all of them), by people and by gold; empty where gold is not known. */
  readonly relabelled: readonly JudgedPair[];
};

/** A cell. */
export type CellOutcome = LabelOutcome & {
  readonly job: MainJob;
  readonly arms: ReadonlyMap<string, ArmOutcome>;
  /** The teacher's own answers, where the cell asked for them. */
  readonly teacher: ArmOutcome | undefined;
  readonly test: readonly PreferenceRow[];
  /** The teacher's scores again, where the cell asked for them. */
  readonly rescored: readonly Rescored[] | undefined;
  /** The same cell of every seed, this one first; undefined where one seed alone was run. */
  readonly replicates?: readonly CellOutcome[];
};

/** What changed when pairs were scored in another way; margins in the teacher's unit. */
export const rescoredSchema = z.object({
  how: z.string(),
  pairs: z.number(),
  changed: z.number(),
  largest: z.number(),
});

/** The same as a value. */
export type Rescored = z.output<typeof rescoredSchema>;

/** Reads labels and what is hidden. */
export async function readLabelOutcome(
  job: MainJob,
  data: Artefact,
  labels: Artefact,
  gold: readonly GoldPair[],
): Promise<LabelOutcome & { readonly test: readonly PreferenceRow[] }> {
  return {
    labels: await readLabels(labels),
    human: await readHidden(data),
    gold,
    simulated: (await readFacts(data)).simulated,
    pool: new Map((await readPool(poolFolder(data))).map((pair) => [pair.id, pair])),
    facts: await readLabelFacts(labels),
    taught: (await splitLabelled(data, job)).train,
    relabelled: await readRelabelled(job, data, labels),
    test: await readTest(data),
  };
}

/** Held-out labelled pairs that teacher and person decided, with gold of both responses. */
async function readRelabelled(job: MainJob, data: Artefact, labels: Artefact): Promise<JudgedPair[]> {
  const gold = new Map((await readLabelledGold(data)).map((row) => [row.id, row]));
  const file = labels.path(HELD_OUT_FILE);
  if (gold.size === 0 || !(await exists(file))) return [];
  const { pairs } = await heldOutPairs(data, job);
  const groups = new Map(pairs.map((pair) => [pair.id, unitOf(pair)]));
  return (await HELD_OUT.read(file)).map(({ id, margin, preferred: human }) => {
    const { goldChosen, goldRejected } = gold.get(id)!;
    const [goldA, goldB] = human === "a" ? [goldChosen, goldRejected] : [goldRejected, goldChosen];
    return { id, group: groups.get(id)!, weak: margin > 0 ? "a" : "b", human, goldA, goldB, margin };
  });
}

/** Reads what was measured of a student. */
export async function readArmOutcome(job: MainJob, student: MeasuredStudent): Promise<ArmOutcome> {
  const { name, generations, testAccuracy } = student;
  const records: ArmRecord[] =
    generations === undefined ? [] : await ARM_RECORDS.read(generations.path("records.jsonl"));
  const learned = await learnedBy(job, student);
  const margins = await readTestMargins(testAccuracy);
  const accuracy = await readTestAccuracy(testAccuracy);
  return { name, records, testAccuracy: accuracy, margins, ...(learned && { learned }) };
}

/** The prompt (or group) of a pooled pair, by the pair's id: what intervals over pairs resample. */
export function promptOfPair({ pool }: LabelOutcome): (id: string) => string {
  const prompts = new Map([...pool.values()].map((pair) => [pair.id, unitOf(pair)]));
  return (id) => prompts.get(id)!;
}

/** Lengths of both candidates of every pair, in characters. */
export const lengthsOf = ({ pool }: LabelOutcome) =>
  new Map(
    [...pool.values()].map(({ id, a, b }) => [
      id,
      { lengthA: plainText(a).length, lengthB: plainText(b).length },
    ]),
  );

/** Random numbers and resamples of a study's intervals; each figure forks its own. */
export const intervalsOf = ({ job }: CellOutcome, study: string) => ({
  rng: createRng(job.seed).fork("study", study),
  resamples: job.evaluation.resamples,
  parity: job.evaluation.parity,
});
