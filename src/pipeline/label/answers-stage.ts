/** What people answered: an answers file in, labels, calibrator and labelled rows out. */

import { join } from "node:path";
import { z } from "zod";
import { digestPath } from "../../base/core/contents.ts";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { writeFileAtomic } from "../../base/core/files.ts";
import { jsonLines } from "../../base/files/json-lines.ts";
import { isObject } from "../../base/settings/parts.ts";
import { intervalSchema } from "../../base/stats/check.ts";
import { clusteredShare } from "../../base/stats/clustered-share.ts";
import { joinHumanLabels } from "../../method/data/human-labels.ts";
import { unitOf } from "../../method/data/normalise.ts";
import { writePreferences } from "../../method/data/writers.ts";
import { calibrationSchema, calibratorFromJson, calibratorToJson } from "../../method/labels/calibration.ts";
import { UNIFORM, weightSchema } from "../../method/labels/confidence.ts";
import { type AnswerRules, mergeAnswers } from "../../method/labels/human-answers.ts";
import { type Label, UNSELECTED } from "../../method/labels/label.ts";
import { serializeLabel } from "../../method/labels/label-file.ts";
import { LABEL_FILES, labellingFactsSchema, writeLabelling } from "../../method/labels/labelling.ts";
import { type Answer, type Answers, answerRow, readAnswers } from "../../method/labels/questions.ts";
import { selectSchema } from "../../method/labels/selection.ts";
import { withDialogues } from "../../method/split/dialogues.ts";
import { teacherFactsSchema } from "../../method/teacher/teacher-facts.ts";
import { type Digested, defineStage, type Ref, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { ANSWERS_STAGE, type LabelSet } from "./open-labels.ts";

/** The `facts.json` of merged answers. */
export const answerFactsSchema = labellingFactsSchema.extend({
  answers: z.object({
    total: z.number(),
    new: z.number(),
    ties: z.number(),
    skipped: z.number(),
    blank: z.number(),
  }),
  /**
   * Pairs to fit on: held-out ones and those of the answers that are a random sample of the pool. Not fitted again without such answers,
   * where all are too few, or by a method that fits nothing. `notRandom`: answers that label their pairs and calibrate nothing; `unanswered`:
   * pairs drawn at random that nobody decided.
   */
  calibration: z.object({
    refitted: z.boolean(),
    method: calibrationSchema.nullable(),
    heldOut: z.number(),
    answered: z.number(),
    notRandom: z.number(),
    unanswered: z.number(),
  }),
  /** On answered pairs, which were chosen because the teacher was unsure: no estimate of its agreement on the pool. `n` counts prompts (or groups). */
  teacherOnAnswered: intervalSchema.nullable(),
});

/** What `facts.json` of merged answers holds. */
export type AnswerFacts = z.output<typeof answerFactsSchema>;

/** Answers merged into a label set. */
export type AnswersRequest = { readonly set: LabelSet; readonly file: string };

/**
 * Merges an answers file (and those of earlier rounds) into labels: writes `labels.jsonl`, `training.jsonl`, `training.parquet`,
 * `labelled.jsonl` (the answered pairs as preferences, TRL's columns) and `facts.json`, and what the next round needs.
 * @throws DataError with every problem of the answers file
 */
export async function answersStage(deps: JobDeps, { set, file }: AnswersRequest): Promise<Artefact> {
  const { pool, facts } = set;
  const labels = digestOf([
    ...[set.labels, set.teacherLabels].map((labels) => labels.map(serializeLabel)),
    ...[facts ?? null, set.heldOut, set.answers, [...set.disagreement]],
  ]);
  return merging(deps, {
    name: ANSWERS_STAGE,
    config: { read: pool.read, seed: pool.seed },
    inputs: {
      labels: { value: set, source: labels },
      pool: { value: set.pairs, source: pool.digest },
      answers: { folder: file, source: await digestPath(file) },
    },
  });
}

/** A label set, whose pool has been read. */
type OpenSet = Omit<LabelSet, "pool">;

type Merging = Running<
  Pick<LabelSet["pool"], "read" | "seed">,
  {
    readonly labels: Digested<Omit<OpenSet, "pairs">>;
    readonly pool: Digested<LabelSet["pairs"]>;
    readonly answers: Ref;
  }
>;

const merging = defineStage({
  version: 6,
  async run({ work, inputs }: Merging) {
    const set = { ...inputs.labels.value, pairs: inputs.pool.value };
    const rules = rulesOf(set);
    const byId = new Map(set.labels.map((label) => [label.id, label]));
    const given = await readAnswers(inputs.answers.folder, byId);
    const answers = joined(set.answers, given.answers);
    const merged = mergeAnswers(teacherLabelsOf(set), answers, set.heldOut, rules);
    await writeLabelling<AnswerFacts>(work.folder, {
      labels: merged.labels.map((label, i) => ({ label, weight: merged.weights[i]! })),
      pairs: set.pairs,
      heldOut: set.heldOut,
      uncertainty: set.disagreement.size > 0 ? join(set.folder, LABEL_FILES.uncertainty) : undefined,
      facts: () => factsOf(set, rules, given, answers, merged),
    });
    const why = new Map(answers.map(({ id, drawn = "useful" }) => [id, drawn]));
    await writePreferences(
      work.path("labelled.jsonl"),
      joinHumanLabels(set.pairs, answers).rows.map((row) => ({
        ...row,
        meta: { ...row.meta, asked: why.get(row.id)! },
      })),
    );
    await writeFileAtomic(work.path(LABEL_FILES.answers), jsonLines(answers.map(answerRow)));
    await writeFileAtomic(
      work.path(LABEL_FILES.teacherLabels),
      merged.teacherLabels.map((label) => `${serializeLabel(label)}\n`).join(""),
    );
  },
});

function factsOf(
  { facts, heldOut, answers: earlier, pairs }: OpenSet,
  { tieBand, select, weight }: AnswerRules,
  { skipped, blank }: Answers,
  answers: readonly Answer[],
  { counts, promise, refitted, calibrator, random, teacherOnAnswered }: ReturnType<typeof mergeAnswers>,
): AnswerFacts {
  // What an older version said of a teacher in other words is not known here.
  const teacher =
    teacherFactsSchema.safeParse((facts as Partial<AnswerFacts> | undefined)?.teacher).data ?? null;
  const units = new Map(withDialogues(pairs).map((pair) => [pair.id, unitOf(pair)]));
  const ties = answers.filter(({ preferred }) => preferred === "tie").length;
  return {
    teacher,
    counts,
    promise,
    settings: { calibrator: calibrator && calibratorToJson(calibrator), tieBand, select, weight },
    answers: { total: answers.length, new: answers.length - earlier.length, ties, skipped, blank },
    calibration: {
      refitted,
      method: calibrator?.method ?? null,
      heldOut: heldOut.length,
      answered: random.n,
      notRandom: teacherOnAnswered.length - random.n,
      unanswered: random.unanswered,
    },
    teacherOnAnswered: clusteredShare(
      teacherOnAnswered.map(({ right }) => right),
      teacherOnAnswered.map(({ id }) => units.get(id)!),
    ),
  };
}

/** @throws ConfigError when a pair was answered otherwise in an earlier round */
function joined(earlier: readonly Answer[], given: readonly Answer[]): Answer[] {
  const all = new Map(earlier.map((answer) => [answer.id, answer]));
  const issues = given.flatMap((answer) => {
    const { id, preferred, drawn } = answer;
    const before = all.get(id)?.preferred;
    all.set(id, { ...answer, drawn: all.get(id)?.drawn ?? drawn });
    return before === undefined || before === preferred
      ? []
      : [
          `--answers: ${JSON.stringify(id)} is answered "${preferred}", and in an earlier round "${before}". Keep one of them.`,
        ];
  });
  if (issues.length > 0) throw new ConfigError(issues);
  return [...all.values()];
}

/** The teacher's own labels of the whole pool. */
function teacherLabelsOf({ labels, teacherLabels }: OpenSet): Label[] {
  const own = new Map(teacherLabels.map((label) => [label.id, label]));
  return labels.map((label) => own.get(label.id) ?? label);
}

/** 0.1 called the kind of a selection its rule, and its confidence the least; what a promise rests on is made anew. */
function storedSelection(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { rule, minConfidence, heldOutMargins: _m, heldOutAgrees: _a, ...rest } = value;
  return {
    ...(rule === undefined ? {} : { kind: rule }),
    ...(minConfidence === undefined ? {} : { confidence: minConfidence }),
    ...rest,
  };
}

/** The rules that labels were made by, as `facts.json` keeps them. */
export const storedRulesSchema = z.object({
  calibrator: z.unknown().optional(),
  tieBand: z.number().min(0).default(0),
  select: z.preprocess(storedSelection, selectSchema),
  weight: weightSchema,
});

/** The rules of labels, from `facts.json`: under `settings`, where 0.1's label, combine and ask had them at the top. */
function rulesOf({ folder, facts, labels, heldOut, answers }: OpenSet): AnswerRules {
  if (facts === undefined) {
    if (labels.some(({ flags }) => flags.includes(UNSELECTED)))
      throw new ConfigError(
        `${folder}: labels were left out by a rule that is not beside them. Name the folder that label wrote.`,
      );
    return { calibrator: null, tieBand: 0, select: { kind: "all" }, weight: UNIFORM };
  }
  const { settings } = facts as { settings?: unknown };
  const file = join(folder, LABEL_FILES.facts);
  const parsed = storedRulesSchema.safeParse(settings ?? facts);
  if (!parsed.success)
    throw new ConfigError(
      `${file}: does not say how the labels were made: ${z.prettifyError(parsed.error)}. Label the pool again.`,
    );
  const { calibrator: stored, tieBand, select, weight } = parsed.data;
  const calibrator = stored == null ? null : calibratorFromJson(stored, file);
  if (calibrator !== null && calibrator.n > 0 && heldOut.length + answers.length === 0)
    throw new ConfigError(
      `${folder}: labels were calibrated on ${calibrator.n} pairs that are not beside them (${LABEL_FILES.heldOut}). Label the pool again.`,
    );
  return { calibrator, tieBand, select, weight };
}
