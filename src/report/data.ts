/**
 * All that a report shows, as plain JSON. Every member but the first four is optional: what is missing is left out
 * of the report, never shown as empty. Numbers must be finite (`checkReportData`); something that was not measured
 * is left out, `null` (a table cell) or has n 0. Nothing here may depend on the clock except `times`.
 */
import type { ChartSpec, Interval, NumberFormat, ReliabilityBin } from "./charts/spec.ts";

/** The whole report. */
export type ReportData = {
  title: string;
  /** from the recipe's digest and seed, not from the clock */
  runId: string;
  recipe: { yaml: string; digest: string; preset?: string };
  environment: EnvironmentInfo;
  /** one paragraph: what was done, on what */
  summary?: string | undefined;
  /** how every interval of this report was made; shown under the headline */
  intervals?: IntervalMethod;
  arms?: Arm[];
  /** the arms between which lies what a run is for: does the student of weak labels match that of human labels? Answered first. */
  question?: { weak: string; human: string };
  differences?: Difference[];
  /** sentences for the headline box that differences cannot say, such as arms that learned from fewer pairs */
  headlineNotes?: string[];
  curves?: Curve[];
  histograms?: HistogramBlock[];
  agreement?: AgreementBlock[];
  reliability?: ReliabilityBlock[];
  coverage?: CoverageBlock[];
  lengthBias?: LengthBiasBlock[];
  examples?: DisagreementExample[];
  dataQuality?: DataQuality[];
  warnings?: ReportWarning[];
  studies?: Study[];
  tables?: ReportTable[];
  figures?: ReportFigure[];
  artefacts?: Artefact[];
  notes?: string[] | undefined;
  /** the only member that may differ between two runs with one seed */
  times?: RunTimes;
};

/** What the run ran on. */
export type EnvironmentInfo = {
  version: string;
  seed: number | string;
  commit?: string | undefined;
  node?: string;
  runtime?: string;
  device?: string | undefined;
  threads?: number | undefined;
  /** further lines, such as `{ dtype: "float32" }` */
  more?: Record<string, string>;
};

/** How intervals were made. */
export type IntervalMethod = {
  /** in (0, 1), such as 0.95 */
  level: number;
  /** such as "paired bootstrap over prompts, 10,000 resamples" */
  method: string;
  /** what the interval does not cover, such as "one training run per arm: run-to-run variation is not in it" */
  limits?: string;
};

/** What one training read: pairs (or responses), optimiser steps, tokens with prompts and repetitions. */
export type Amount = { pairs: number; steps?: number; tokens?: number };

/** What an arm learned from: fine-tuning, preference training, and why it may have fewer pairs than others. */
export type Learned = { sft?: Amount | undefined; prefer?: Amount; why?: string };

/** One way of training the student (or not), and what came out on the test prompts. */
export type Arm = {
  name: string;
  description?: string | undefined;
  learned?: Learned;
  goldReward?: Interval;
  winRateVsSft?: WinRate;
  winRateVsHuman?: WinRate;
  /** share of labelled test pairs whose chosen response the student's implicit reward prefers */
  testAccuracy?: Interval;
  /** tokens */
  responseLength?: Interval;
  /** nats per response */
  klFromSft?: Interval;
  more?: { metric: string; value: Interval; format?: NumberFormat | undefined }[];
};

/** Share of responses that won against the other's to the same prompt, ties counting half; n counts prompts. */
export type WinRate = Interval & { wins?: number; ties?: number; losses?: number };

/**
 * Is one as good as another? Two one-sided tests against a margin stated before: a share of what `over` gains above `start`, or a fixed
 * difference.
 */
export type Parity = {
  shown: boolean;
  /** share of the gain, where that is the margin */
  share?: number;
  over: string;
  start: string;
  /** the margin in the metric's unit, for a share at the estimated gain; null where nothing is gained */
  size: number | null;
  pValue: number;
  /** smallest share of the gain with which it would be shown; null where none would do */
  smallestShare: number | null;
  /** smallest fixed difference with which it would be shown */
  smallestMargin: number;
};

/** `a` minus `b` on the same units (paired), or a plain difference when `paired` is false. */
export type Difference = {
  /** what is compared, and so what words may speak of: two models of one run each (default), or methods over several seeds */
  scope?: "models" | "methods";
  /** of the scope "methods" */
  parity?: Parity | undefined;
  a: string;
  b: string;
  /** "gold reward", "test accuracy" */
  metric: string;
  value: Interval;
  /** what n counts: "prompts", "pairs" */
  unit: string;
  format?: NumberFormat | undefined;
  /** false: more is worse (loss, toxicity). Default true. */
  moreIsBetter?: boolean;
  paired?: boolean;
  test?: string;
  pValue?: number;
  /** after the correction named in `correction`, over all differences it was applied to */
  pAdjusted?: number;
  correction?: string;
  /** put a sentence about it in the headline box */
  headline?: boolean;
};

/** One metric of one stage over its steps. Curves of a stage with the same `panel` share a chart. */
export type Curve = {
  stage: string;
  metric: string;
  /** chart it is drawn in; default the metric itself */
  panel?: string;
  /** `[step, value]` */
  points: [number, number][];
  xLabel?: string | undefined;
};

/** A distribution such as margins or confidences. */
export type HistogramBlock = {
  title: string;
  xLabel: string;
  /** ascending, one more than each `counts` */
  edges: number[];
  series: { name: string; counts: number[] }[];
  references?: { value: number; label: string }[];
  note?: string;
};

/** How often a labeller gives the label of another. */
export type AgreementBlock = {
  labeller: string;
  /** "human", "gold", another labeller */
  against: string;
  /** share of the rows that both labelled */
  agreement: Interval;
  /** Cohen's kappa */
  kappa?: Interval;
  ties?: number;
  abstained?: number;
  note?: string;
};

/** Stated confidence against accuracy. */
export type ReliabilityBlock = {
  labeller: string;
  against: string;
  /** which pairs, where a report has it of several parts: "the pool" */
  on?: string;
  /** empty where probabilities before calibration are not known */
  before: ReliabilityBin[];
  after?: ReliabilityBin[];
  /** expected calibration error */
  eceBefore?: Interval;
  eceAfter?: Interval;
  /** such as "temperature 2.31, fitted on 400 rows of the labelled split" */
  method?: string;
};

/** Accuracy when only the most confident share is kept. */
export type CoverageBlock = {
  labeller: string;
  against: string;
  points: { coverage: number; accuracy: number; low?: number; high?: number; n: number }[];
};

/** Does a labeller prefer the longer response, and is it right less often where that misleads? */
export type LengthBiasBlock = {
  labeller: string;
  against?: string;
  /** P(the longer response is preferred), equal lengths left out */
  longerPreferred: Interval;
  /** the same for `against`, the honest yardstick */
  longerPreferredByReference?: Interval;
  /** rank correlation of margin and length difference */
  marginLengthCorrelation?: Interval;
  /** accuracy by decile of length gap; `label` such as "0-2 tokens" */
  deciles?: { label: string; accuracy: Interval }[];
};

/** A pair on which two labellers differ. */
export type DisagreementExample = {
  id: string;
  prompt: string;
  a: string;
  b: string;
  verdicts: {
    by: string;
    preferred: "a" | "b" | "tie" | "abstain";
    margin?: number;
    /** calibrated probability that `preferred` is right, in [0.5, 1] */
    pChosen?: number | undefined;
  }[];
  goldA?: number;
  goldB?: number;
  /** what each token of the response adds to its score; the texts joined give the response */
  tokensA?: TokenValue[];
  tokensB?: TokenValue[];
  note?: string;
};

/** A token's text and its part of the score, in nats or reward. */
export type TokenValue = { text: string; value: number };

/** What was found in one data file. */
export type DataQuality = {
  file: string;
  format?: string | undefined;
  digest?: string;
  rows: number;
  kept: number;
  splits?: { name: string; rows: number; prompts?: number }[];
  findings?: { kind: string; count: number; action?: string; examples?: string[] }[];
};

/** Something a reader must know before believing a number. */
export type ReportWarning = { severity: "error" | "warning" | "note"; where?: string; message: string };

/** A file or folder the run made or used. */
export type Artefact = { name: string; path: string; digest: string; bytes?: number };

/** A table cell; `null` and an interval with n 0 read "not measured". */
export type Cell = string | number | Interval | null;

/** A column of a table. */
export type Column = {
  title: string;
  /** default: "text" when all cells are strings, else "number"; "p": p-values, below 0.001 said as such */
  format?: NumberFormat | "text" | "code" | "p" | undefined;
  /** decimals (after the times 100 of a percentage); default chosen from the widths of the intervals */
  digits?: number | undefined;
  /** show a plus sign */
  signed?: boolean | undefined;
  /** these are the paper's numbers, not this run's: the column is set apart and marked */
  source?: "paper";
};

/** A table of a study; every row has one cell per column. */
export type ReportTable = {
  title?: string;
  columns: Column[];
  rows: Cell[][];
  /** the item it stands beside, such as "WDPO, Table 10" */
  paperItem?: string | undefined;
  notes?: string[] | undefined;
};

/** A chart with its caption. */
export type ReportFigure = { chart: ChartSpec; caption?: string | undefined; paperItem?: string | undefined };

/** One question, its tables and figures. */
export type Study = {
  id: string;
  title: string;
  question?: string;
  /** what came out, worded by whoever computed it */
  finding?: string | undefined;
  paperItem?: string | undefined;
  tables?: ReportTable[];
  figures?: ReportFigure[];
  notes?: string[] | undefined;
};

/** Wall-clock facts. */
export type RunTimes = {
  /** ISO 8601 */
  startedAt?: string;
  finishedAt?: string;
  /** `tool`: what a program of others took of it, in words */
  stages?: { name: string; seconds: number; reused?: boolean; rate?: string; tool?: string }[];
};
