/**
 * A cascade: a cheap teacher's labelling of the pool is there, another teacher labels what the cheap one is not sure of, and both are
 * calibrated as one. The probability of a pair is the cheap teacher's where that is sure, else the other's, whose curve is fitted on those
 * held-out pairs alone that the cheap one left to it: they are harder than the rest. One more curve over both is fitted on all held-out pairs.
 */
import { join } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import type { Interval } from "../../base/stats/check.ts";
import { clusteredShare } from "../../base/stats/clustered-share.ts";
import {
  type CalibrationMethod,
  calibratorFromJson,
  calibratorToJson,
} from "../../method/labels/calibration.ts";
import {
  type EnsemblePair,
  ensembleScore,
  together,
  writeEnsembleScores,
} from "../../method/labels/ensemble-scores.ts";
import { readHeldOut } from "../../method/labels/held-out-file.ts";
import {
  fitOn,
  type HeldOutFit,
  heldOutFit,
  type JudgedLabel,
  judgedLabels,
  LEAST_HELD_OUT,
} from "../../method/labels/held-out-fit.ts";
import { isDecided, type Label, labelFromScores, undoSelection } from "../../method/labels/label.ts";
import { readLabelFile } from "../../method/labels/label-file.ts";
import { LABEL_FILES, readLabellingFacts } from "../../method/labels/labelling.ts";
import { type FittedForm, formScores } from "../../method/teacher/score-form.ts";
import { readScores } from "../../method/teacher/scores-folder.ts";
import type { PairScore } from "../../method/teacher/teacher.ts";
import { checkUnchanged, readStageRecord } from "../stages/cache.ts";

/** Confidence from which a cheap teacher's label stays, in [0.5, 1], where nobody says otherwise. */
export const SURE = 0.9;

/** A cheap teacher's finished labelling, and what it leaves over. */
export type CheapLabels = {
  readonly folder: string;
  /** Of the labelling's contents. */
  readonly digest: string;
  readonly sure: number;
  readonly labels: readonly Label[];
  /** Its labels of the held-out pairs that it decided, by id. */
  readonly heldOut: ReadonlyMap<string, Label>;
  /** Ids of the pool that the other teacher labels. */
  readonly asked: ReadonlySet<string>;
};

/** The pool and the labelled pairs that both labellings must be of, and how they are read. */
export type SameFiles = { readonly pool: string; readonly calibrate: string; readonly reading: string };

const isSure = (label: Label, sure: number): boolean =>
  isDecided(label) && Math.max(label.pA, 1 - label.pA) >= sure;

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
async function heldOutOf(folder: string): Promise<Map<string, Label>> {
  const facts = await readLabellingFacts(folder);
  const calibrator = calibratorFromJson(facts.settings["calibrator"], join(folder, LABEL_FILES.facts));
  const pairs = await readHeldOut(join(folder, LABEL_FILES.heldOut));
  const teacher = facts.teacher?.name ?? "";
  return new Map(
    pairs.map(({ id, margin }) => [
      id,
      labelFromScores({ id, scoreA: margin, scoreB: 0, teacher }, { calibrate: calibrator.apply }),
    ]),
  );
}

/** On how many of the same held-out pairs somebody is with the person; the interval is by prompt. */
type Agreement = { readonly agree: number; readonly n: number; readonly share: Interval | null };

/** What a cascade cost, and what it is worth beside each teacher alone: of the held-out pairs that both decided. */
export type CascadeFacts = {
  readonly after: string;
  readonly sure: number;
  /** Pairs of the pool, and those that the second teacher read. */
  readonly pairs: number;
  readonly asked: number;
  /** Tokens that each teacher read of the pool. */
  readonly tokens: { readonly first: number; readonly second: number };
  readonly heldOut: {
    readonly asked: number;
    readonly first: Agreement;
    readonly second: Agreement;
    readonly cascade: Agreement;
  };
  /** The second teacher's own curve, on the pairs that were left to it. */
  readonly calibrator: ReturnType<typeof calibratorToJson>;
};

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
  const isKept = (id: string) => {
    const first = cheap.heldOut.get(id);
    return first !== undefined && isSure(first, cheap.sure);
  };
  const own = judgedLabels(labels, human, units);
  const left = own.filter(({ label }) => !isKept(label.id));
  if (left.length < LEAST_HELD_OUT)
    throw new ConfigError(
      `--sure ${cheap.sure}: leaves ${left.length} of the labelled pairs to the second teacher, expected at least ${LEAST_HELD_OUT} to calibrate it on. Raise it, or name a file with more pairs.`,
    );
  const calibrator = fitOn(method, left);
  const finish = (score: PairScore): Label => {
    const { id, flags } = score;
    return labelFromScores(
      { id, flags, teacher: CASCADE, ...formScores(score, form) },
      { calibrate: calibrator.apply },
    );
  };
  const known = { after: cheap.digest, sure: cheap.sure, calibrator: calibratorToJson(calibrator) };
  const tokens = { first: 0, second: 0 };
  await writeEnsembleScores(
    { folder: into, name: CASCADE, kind: CASCADE, settings: known },
    pairsOf(cheap, second, finish, tokens),
  );
  // The margins of the held-out pairs as the pool's are: the log-odds of whoever has the word.
  const held = labels.map((label) => {
    const word = isKept(label.id)
      ? cheap.heldOut.get(label.id)!
      : labelFromScores(label, { calibrate: calibrator.apply });
    const { scoreA, scoreB } = ensembleScore(
      { labels: [word], lengthA: 0, lengthB: 0, tokens: 0 },
      CASCADE,
    ).score;
    return labelFromScores({ id: label.id, scoreA, scoreB, flags: word.flags, teacher: CASCADE });
  });
  const judged = judgedLabels(held, human, units);
  const first = judgedLabels([...cheap.heldOut.values()], human, units);
  const ids = new Set(first.map(({ label }) => label.id));
  const both = new Set(own.flatMap(({ label }) => (ids.has(label.id) ? [label.id] : [])));
  const on = (list: readonly JudgedLabel[]) => agreement(list.filter(({ label }) => both.has(label.id)));
  const facts = {
    ...known,
    pairs: cheap.labels.length,
    asked: cheap.asked.size,
    tokens,
    heldOut: { asked: left.length, first: on(first), second: on(own), cascade: on(judged) },
  };
  return { fit: heldOutFit(fitOn(method, judged), judged), facts };
}

/** The name and the kind of a cascade on its labels. */
const CASCADE = "cascade";

/** Each pair of the pool with the label of whoever has the word, in the order of the pool. @param tokens - counted here */
async function* pairsOf(
  cheap: CheapLabels,
  second: string,
  finish: (score: PairScore) => Label,
  tokens: { first: number; second: number },
): AsyncGenerator<EnsemblePair> {
  const others = readScores(second);
  const read = together<Label | PairScore>([cheap.labels, readScores(join(cheap.folder, "scores"))]);
  for await (const [label, score] of read as AsyncGenerator<[Label, PairScore]>) {
    const { lengthA, lengthB } = score;
    tokens.first += score.tokens;
    if (!cheap.asked.has(label.id)) {
      yield { labels: [label], lengthA, lengthB, tokens: score.tokens };
      continue;
    }
    const { value, done } = await others.next();
    if (done === true || value.id !== label.id)
      throw new Error(`internal: the second teacher's scores end at or lack ${label.id}`);
    tokens.second += value.tokens;
    yield { labels: [finish(value)], lengthA, lengthB, tokens: score.tokens + value.tokens };
  }
}

function agreement(judged: readonly JudgedLabel[]): Agreement {
  const agrees = judged.map(({ label, prefersA }) => (label.preferred === "a") === prefersA);
  const share = clusteredShare(
    agrees,
    judged.map(({ unit }) => unit),
  );
  return { agree: agrees.filter(Boolean).length, n: judged.length, share };
}
