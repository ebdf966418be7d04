/** Labelling by itself: a pool and a teacher's model folders in, labels and training rows out. */

import { join } from "node:path";
import { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import type { Log } from "../../base/core/log.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import { type LoadOptions, readCandidates } from "../../method/data/load.ts";
import { unitOf } from "../../method/data/normalise.ts";
import type { CandidatePair } from "../../method/data/rows.ts";
import { type Source, sourceName } from "../../method/data/source.ts";
import { type CandidateStream, openCandidates } from "../../method/data/stream-candidates.ts";
import { calibrationSchema } from "../../method/labels/calibration.ts";
import {
  adviceForFew,
  fitOn,
  type HeldOutFit,
  heldOutFit,
  judgedLabels,
  keptPairs,
  LEAST_HELD_OUT,
} from "../../method/labels/held-out-fit.ts";
import { selectionRule } from "../../method/labels/human-answers.ts";
import { labellingFactsSchema, writeLabelling } from "../../method/labels/labelling.ts";
import { labelsOf, planLabels } from "../../method/labels/plan-labels.ts";
import { withDialogues } from "../../method/split/dialogues.ts";
import {
  type AskedHow,
  type ChoiceSettings,
  choiceOf,
  openTeacher,
  type TeacherChoice,
} from "../../method/teacher/choice.ts";
import type { HumanChoice, Scores } from "../../method/teacher/controls.ts";
import { checkTurned, readPrecision } from "../../method/teacher/precision.ts";
import { MOST_TURNED } from "../../method/teacher/precisions.ts";
import { type FittedForm, fitForm, scoreSchema } from "../../method/teacher/score-form.ts";
import { closeScores, readScores } from "../../method/teacher/scores-folder.ts";
import { teacherFacts, teacherFactsSchema } from "../../method/teacher/teacher-facts.ts";
import type { Encodable } from "../job/encodable.ts";
import { fewBits, keepPrecision, openInPrecision } from "../job/precision-check.ts";
import { labelSchema } from "../recipe/labels.ts";
import { type Digested, defineStage, type Ref, type Running } from "../stages/define.ts";
import { type CascadeFacts, type CheapLabels, cascade, cascadeFactsSchema } from "./cascade.ts";
import { type ScoresPart, scoreParts } from "./kept-scores.ts";

/** How scores become labels; `calibration` needs labelled pairs to be fitted on. */
export const labelRulesSchema = labelSchema.omit({ heldOut: true, calibrationFolds: true }).extend({
  calibration: calibrationSchema.optional(),
  score: scoreSchema.prefault("sum"),
});

/** What a labelling's key holds as it is. */
export type LabelConfig = {
  readonly teacher: ChoiceSettings;
  readonly limits: TokenLimits;
  readonly rules: z.output<typeof labelRulesSchema>;
  readonly seed: number;
  readonly read: Omit<LoadOptions, "log">;
  /** Of a cascade. */
  readonly sure?: number;
  /** Of a teacher in few bits: the share of labels that may turn, in [0, 1]. */
  readonly maxTurned?: number;
};

/** What a teacher reads beside models, and what controls are told, by pair id. */
export type ToldInputs = {
  readonly tokenizer?: Ref;
  readonly rewards?: Digested<readonly (readonly [string, Scores])[]>;
  readonly choices?: Digested<readonly (readonly [string, HumanChoice])[]>;
};

type LabelInputs = ToldInputs & {
  /** The check that its tokenizers and templates take a row; they are loaded when the first row is read. */
  readonly readers: Digested<() => Promise<Encodable["check"]>>;
  readonly policy?: Ref;
  readonly reference?: Ref;
  readonly model?: Ref;
  readonly pool: Digested<Source>;
  readonly calibrate: Digested<Source> | undefined;
  /** A finished labelling by a cheaper teacher: this one labels what that is not sure of. */
  readonly after: Digested<CheapLabels> | undefined;
};

type LabelHow = {
  readonly asked: AskedHow;
  /** Folder of an earlier result: what it holds of the same scores is not scored again. */
  readonly earlier: string | undefined;
  /** Files are read anew whenever their pairs are needed; what there is to say of one is said once. */
  readonly logFor: (file: string) => Log;
};

type Labelling = Running<LabelConfig, LabelInputs, LabelHow>;

/** One labelling. */
export type LabelRequest = Pick<Labelling, "config" | "inputs" | "how">;

/**
 * Scores the pool, makes labels of the scores, and writes `labels.jsonl`, `training.jsonl` and `training.parquet`. Rules are
 * arithmetic on the scores: under other rules the scores of `earlier` are taken as they are.
 */
export const labelStage = defineStage({
  version: 7,
  share: scoreAll,
  async run(running: Labelling) {
    const { work, config, inputs } = running;
    const { rules, maxTurned } = config;
    const { pool, calibrate, after } = inputs;
    await closeScores(work.path(SCORES));
    // Scores of an earlier result may have been made when more was allowed.
    const precision = await readPrecision(work.path(SCORES));
    if (precision !== undefined) checkTurned(precision, maxTurned ?? MOST_TURNED);
    if (calibrate !== undefined) await closeScores(work.path(HELD_OUT));
    const judged = await judge(running);
    // Of a cascade they are made of both teachers'.
    const scores = work.path(after === undefined ? SCORES : CASCADE);
    const { read, counts, promise, settings } = await planLabels(scores, {
      form: after === undefined ? judged.form : { form: "sum" },
      weight: rules.weight,
      select: selectionRule(rules.select, () => (judged.heldOut ?? noHeldOut()).pairs),
      calibrator: judged.heldOut?.calibrator,
    });
    const { pairs, report } = await openPairs(running, pool.value);
    const teacher = { ...(await teacherFacts(scores)), ...(precision && { precision }) };
    const { cascade } = judged;
    await writeLabelling<LabelFactsFile>(work.folder, {
      labels: read(),
      pairs,
      heldOut: judged.heldOut && keptPairs(judged.heldOut, rules.select),
      facts: () => ({ teacher, counts, promise, settings, cascade, badRows: report.bad.length }),
    });
  },
});

/** The `facts.json` of label. */
export const labelFactsSchema = labellingFactsSchema.extend({
  teacher: teacherFactsSchema,
  /** Rows of the pool that were skipped, `--on-bad-row skip`. */
  badRows: z.number(),
  cascade: cascadeFactsSchema.optional(),
});

/** What the `facts.json` of label holds. */
export type LabelFactsFile = z.output<typeof labelFactsSchema>;

const SCORES = "scores";
const HELD_OUT = "held-out-scores";
const CASCADE = "cascade-scores";

const ROLES = ["policy", "reference", "model", "tokenizer"] as const;

/** The teacher as a value. */
const teacherIn = ({ config, inputs, how }: Labelling): TeacherChoice =>
  choiceOf(config.teacher, {
    folders: Object.fromEntries(ROLES.map((role) => [role, inputs[role]?.folder])),
    how: how.asked,
    rewards: async () => new Map(inputs.rewards!.value),
    choices: async () => new Map(inputs.choices!.value),
  });

/** Digests of what a teacher reads and is told, by role. */
const sourcesIn = (inputs: LabelInputs) =>
  Object.fromEntries(
    [...ROLES, "rewards" as const, "choices" as const].flatMap((role) =>
      inputs[role] ? [[role, inputs[role].source]] : [],
    ),
  );

/** How a file is read. */
async function readingFor(running: Labelling, file: Source) {
  const { read, seed } = running.config;
  const check = await running.inputs.readers.value();
  return { ...read, seed, log: running.how.logFor(sourceName(file)), check };
}

const openPairs = async (running: Labelling, file: Source): Promise<CandidateStream> =>
  openCandidates(file, await readingFor(running, file));

/** Scores the pool and the labelled pairs, if there are any, unless an earlier result has them. */
async function scoreAll(running: Labelling): Promise<void> {
  const { work, config, inputs, tools, how } = running;
  const { teacher: settings, limits, seed, read, maxTurned } = config;
  const { pool, calibrate, after } = inputs;
  const teacher = teacherIn(running);
  const part = (
    name: string,
    { value: file, source }: Digested<Source>,
    of?: Digested<CheapLabels>,
  ): ScoresPart => ({
    name,
    key: digestOf({
      ...{ version: 2, settings, models: sourcesIn(inputs), limits, seed, read: { ...read }, pairs: source },
      ...(of && { after: of.source, sure: config.sure }),
    }),
    pairs: async () => {
      const { pairs } = await openPairs(running, file);
      return of === undefined ? pairs : () => only(pairs(), of.value.asked);
    },
  });
  await scoreParts(tools, work, {
    parts: [part(SCORES, pool, after), ...(calibrate === undefined ? [] : [part(HELD_OUT, calibrate)])],
    earlier: how.earlier,
    open: (replies) =>
      openInPrecision(work.path(SCORES), {
        ...{ choice: teacher, maxTurned, log: tools.log, signal: tools.signal },
        pairs: async () => (await openPairs(running, pool.value)).pairs(),
        open: (choice) => openTeacher(tools, choice, { limits, replies }),
      }),
  });
  if (how.earlier !== undefined && fewBits(teacher) !== undefined)
    await keepPrecision(join(how.earlier, SCORES), work.path(SCORES));
}

function noHeldOut(): never {
  throw new ConfigError(
    "--set select.kind=promise: a promise needs labelled pairs. Name a file of them with --calibrate.",
  );
}

/** The pairs that a cascade's second teacher is asked. */
async function* only(
  pairs: AsyncIterable<CandidatePair>,
  ids: ReadonlySet<string>,
): AsyncGenerator<CandidatePair, void, undefined> {
  for await (const pair of pairs) if (ids.has(pair.id)) yield pair;
}

type Judged = {
  readonly form: FittedForm;
  readonly heldOut: HeldOutFit | undefined;
  readonly cascade?: CascadeFacts | undefined;
};

/** Fits what the scores' form and the calibration leave open. */
async function judge(running: Labelling): Promise<Judged> {
  const { work, inputs, config, tools } = running;
  const { rules } = config;
  const form = await fitForm(rules.score, readScores(work.path(SCORES)));
  if (inputs.calibrate === undefined) return { form, heldOut: undefined };
  const file = inputs.calibrate.value;
  const { pairs, humanLabels } = await readCandidates(file, await readingFor(running, file));
  const asked = new Set(pairs.filter(({ meta }) => meta?.asked !== undefined).map(({ id }) => id));
  if (asked.size > 0)
    tools.log.warn(
      `--calibrate ${sourceName(file)}: ${asked.size} of ${pairs.length} pairs were chosen by ask (column asked) and are no draw of the pool: nothing is calibrated on them or promised from them`,
    );
  const scored = await labelsOf(readScores(work.path(HELD_OUT)), { form, teacher: "held-out" });
  const labels = scored.filter(({ id }) => !asked.has(id));
  const human = new Map(humanLabels.map(({ id, preferred }) => [id, preferred]));
  const units = new Map(withDialogues(pairs).map((pair) => [pair.id, unitOf(pair)]));
  const method = rules.calibration ?? "temperature";
  if (inputs.after !== undefined) {
    const places = { second: work.path(SCORES), form, into: work.path(CASCADE) };
    const { fit, facts } = await cascade(inputs.after.value, places, method, { labels, human, units });
    return { form, heldOut: fit, cascade: facts };
  }
  const judged = judgedLabels(labels, human, units);
  if (judged.length < LEAST_HELD_OUT) {
    const advice = adviceForFew(labels, "--max-length and --max-prompt-length", "name a file with more");
    throw new ConfigError(
      `--calibrate ${sourceName(file)}: expected at least ${LEAST_HELD_OUT} pairs that people and teacher decided, got ${judged.length}; ${advice}.`,
    );
  }
  return { form, heldOut: heldOutFit(fitOn(method, judged), judged) };
}
