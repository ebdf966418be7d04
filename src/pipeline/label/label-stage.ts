/** Labelling by itself: a pool and a teacher's model folders in, labels and training rows out. */

import { join } from "node:path";
import type { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
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
import { type LabellingFacts, writeLabelling } from "../../method/labels/labelling.ts";
import { labelsOf, planLabels } from "../../method/labels/plan-labels.ts";
import { withDialogues } from "../../method/split/dialogues.ts";
import { identityOf, openTeacher, type TeacherChoice } from "../../method/teacher/choice.ts";
import { checkTurned, readPrecision } from "../../method/teacher/precision.ts";
import { MOST_TURNED } from "../../method/teacher/precisions.ts";
import { type FittedForm, fitForm, scoreSchema } from "../../method/teacher/score-form.ts";
import { closeScores, readScores } from "../../method/teacher/scores-folder.ts";
import { type TeacherFacts, teacherFacts } from "../../method/teacher/teacher-facts.ts";
import { teacherEncodable } from "../job/encodable.ts";
import { fewBits, keepPrecision, openInPrecision } from "../job/precision-check.ts";
import { labelSchema } from "../recipe/labels.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact, WorkFolder } from "../stages/stage.ts";
import { type CascadeFacts, type CheapLabels, cascade } from "./cascade.ts";
import { type ScoresPart, scoreParts } from "./kept-scores.ts";

/** How scores become labels; `calibration` needs labelled pairs to be fitted on. */
export const labelRulesSchema = labelSchema.omit({ heldOut: true, calibrationFolds: true }).extend({
  calibration: calibrationSchema.optional(),
  score: scoreSchema.prefault("sum"),
});

/** What is read, and the digest of its contents. */
export type FileRef = { readonly file: Source; readonly digest: string };

/** One labelling. */
export type LabelRequest = {
  readonly teacher: TeacherChoice;
  /** Digests of what the choice names: models, and the file of human labels or gold scores of a control. */
  readonly models: Readonly<Record<string, string>>;
  readonly pool: FileRef;
  readonly calibrate: FileRef | undefined;
  /** A finished labelling by a cheaper teacher: this one labels what that is not sure of. */
  readonly after?: CheapLabels | undefined;
  readonly read: Omit<LoadOptions, "log">;
  readonly limits: TokenLimits;
  readonly rules: z.output<typeof labelRulesSchema>;
  readonly seed: number;
  /** Of a teacher in few bits: the share of labels that may turn, in [0, 1]; default `MOST_TURNED`. */
  readonly maxTurned?: number | undefined;
  /** Folder of an earlier result: what it holds of the same scores is not scored again. */
  readonly earlier?: string | undefined;
};

/**
 * Scores the pool, makes labels of the scores, and writes `labels.jsonl`, `training.jsonl` and `training.parquet`. Rules are
 * arithmetic on the scores: under other rules the scores of `earlier` are taken as they are.
 */
export async function labelStage(deps: JobDeps, request: LabelRequest): Promise<Artefact> {
  const { teacher, models, pool, calibrate, after, limits, rules, seed, read } = request;
  const { settings } = identityOf(teacher);
  const { maxTurned: most = MOST_TURNED } = request;
  const logFor = tellingOnce(deps.log);
  let encodable: ReturnType<typeof teacherEncodable> | undefined;
  const readingFor = async (file: Source) => {
    encodable ??= teacherEncodable(teacher);
    return { ...read, seed, log: logFor(sourceName(file)), check: (await encodable).check };
  };
  const openPairs = async (file: Source) => openCandidates(file, await readingFor(file));
  return deps.pipeline.stage({
    name: "label",
    version: 7,
    config: {
      ...{ teacher: settings, limits, rules, seed, read, ...(after && { sure: after.sure }) },
      ...(fewBits(teacher) && { maxTurned: most }),
    },
    inputs: {
      ...models,
      pool: pool.digest,
      ...(calibrate === undefined ? {} : { calibrate: calibrate.digest }),
      ...(after && { after: after.digest }),
    },
    share: (work) => scoreAll(deps, work, request, openPairs),
    run: async (work) => {
      await closeScores(work.path(SCORES));
      // Scores of an earlier result may have been made when more was allowed.
      const precision = await readPrecision(work.path(SCORES));
      if (precision !== undefined) checkTurned(precision, most);
      if (calibrate !== undefined) await closeScores(work.path(HELD_OUT));
      const judged = await judge(work, request, readingFor, deps.log);
      // Of a cascade they are made of both teachers'.
      const scores = work.path(after === undefined ? SCORES : CASCADE);
      const plan = await planLabels(scores, {
        form: after === undefined ? judged.form : { form: "sum" },
        weight: rules.weight,
        select: selectionRule(rules.select, () => (judged.heldOut ?? noHeldOut()).pairs),
        calibrator: judged.heldOut?.calibrator,
      });
      const { pairs, report } = await openPairs(pool.file);
      const { counts, promise, settings } = plan;
      const { cascade } = judged;
      const facts = {
        teacher: { ...(await teacherFacts(scores)), ...(precision && { precision }) },
        counts,
        promise,
        settings,
        cascade,
      };
      await writeLabelling<LabelFactsFile>(work.folder, {
        labels: plan.read(),
        pairs,
        heldOut: judged.heldOut && keptPairs(judged.heldOut, rules.select),
        facts: () => ({ ...facts, badRows: report.bad.length }),
      });
    },
  });
}

/** The `facts.json` of label. */
export type LabelFactsFile = LabellingFacts & {
  readonly teacher: TeacherFacts;
  /** Rows of the pool that were skipped, `--on-bad-row skip`. */
  readonly badRows: number;
  /** Of a cascade. */
  readonly cascade?: CascadeFacts | undefined;
};

const SCORES = "scores";
const HELD_OUT = "held-out-scores";
const CASCADE = "cascade-scores";

/** Scores the pool and the labelled pairs, if there are any, unless an earlier result has them. */
async function scoreAll(
  deps: JobDeps,
  work: WorkFolder,
  request: LabelRequest,
  openPairs: (file: Source) => Promise<CandidateStream>,
): Promise<void> {
  const { teacher, models, limits, seed, read, pool, calibrate, after, maxTurned, earlier } = request;
  const { settings } = identityOf(teacher);
  const part = (name: string, { file, digest }: FileRef, of?: CheapLabels): ScoresPart => ({
    name,
    key: digestOf({
      ...{ version: 2, settings, models, limits, seed, read: { ...read }, pairs: digest },
      ...(of && { after: of.digest, sure: of.sure }),
    }),
    pairs: async () => {
      const { pairs } = await openPairs(file);
      return of === undefined ? pairs : () => only(pairs(), of.asked);
    },
  });
  await scoreParts(deps, work, {
    parts: [part(SCORES, pool, after), ...(calibrate === undefined ? [] : [part(HELD_OUT, calibrate)])],
    earlier,
    open: (replies) =>
      openInPrecision(work.path(SCORES), {
        ...{ choice: teacher, maxTurned, log: deps.log, signal: deps.signal },
        pairs: async () => (await openPairs(pool.file)).pairs(),
        open: (choice) => openTeacher(deps, choice, { limits, replies }),
      }),
  });
  if (earlier !== undefined && fewBits(teacher) !== undefined)
    await keepPrecision(join(earlier, SCORES), work.path(SCORES));
}

/** Files are read anew whenever their pairs are needed; what there is to say of one is said once. */
function tellingOnce(log: Log): (file: string) => Log {
  const told = new Set<string>();
  return (file) => {
    const first = !told.has(file);
    told.add(file);
    return first ? log : silentLog;
  };
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
async function judge(
  work: WorkFolder,
  request: LabelRequest,
  readingFor: (file: Source) => Promise<LoadOptions & { readonly seed: number }>,
  log: Log,
): Promise<Judged> {
  const { calibrate, rules, after } = request;
  const form = await fitForm(rules.score, readScores(work.path(SCORES)));
  if (calibrate === undefined) return { form, heldOut: undefined };
  const how = await readingFor(calibrate.file);
  const { pairs, humanLabels } = await readCandidates(calibrate.file, how);
  const asked = new Set(pairs.filter(({ meta }) => meta?.asked !== undefined).map(({ id }) => id));
  if (asked.size > 0)
    log.warn(
      `--calibrate ${sourceName(calibrate.file)}: ${asked.size} of ${pairs.length} pairs were chosen by ask (column asked) and are no draw of the pool: nothing is calibrated on them or promised from them`,
    );
  const scored = await labelsOf(readScores(work.path(HELD_OUT)), { form, teacher: "held-out" });
  const labels = scored.filter(({ id }) => !asked.has(id));
  const human = new Map(humanLabels.map(({ id, preferred }) => [id, preferred]));
  const units = new Map(withDialogues(pairs).map((pair) => [pair.id, unitOf(pair)]));
  const method = rules.calibration ?? "temperature";
  if (after !== undefined) {
    const places = { second: work.path(SCORES), form, into: work.path(CASCADE) };
    const { fit, facts } = await cascade(after, places, method, { labels, human, units });
    return { form, heldOut: fit, cascade: facts };
  }
  const judged = judgedLabels(labels, human, units);
  if (judged.length < LEAST_HELD_OUT) {
    const advice = adviceForFew(labels, "--max-length and --max-prompt-length", "name a file with more");
    throw new ConfigError(
      `--calibrate ${sourceName(calibrate.file)}: expected at least ${LEAST_HELD_OUT} pairs that people and teacher decided, got ${judged.length}; ${advice}.`,
    );
  }
  return { form, heldOut: heldOutFit(fitOn(method, judged), judged) };
}
