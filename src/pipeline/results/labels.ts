/** The label half of the report: margins, confidence, calibration, agreement, coverage, length bias, examples. */
import { createRng } from "../../base/core/rng.ts";
import type { Interval } from "../../base/stats/check.ts";
import { clusteredShare } from "../../base/stats/clustered-share.ts";
import { unitOf } from "../../method/data/normalise.ts";
import { readPool } from "../../method/data/pool.ts";
import type { CandidatePair, HumanLabel } from "../../method/data/rows.ts";
import { plainText } from "../../method/data/rows.ts";
import {
  type AgreementOptions,
  agreementWith,
  type Choice,
  coverageCurve,
} from "../../method/evaluate/agreement.ts";
import { surestDisagreements } from "../../method/evaluate/disagreements.ts";
import {
  accuracyByLengthGap,
  type LengthTable,
  longerPreferred,
  marginLengthCorrelation,
} from "../../method/evaluate/length-bias.ts";
import { promiseInWords } from "../../method/labels/kept-words.ts";
import { isDecided, type Label } from "../../method/labels/label.ts";
import type { GoldPair } from "../../method/split/world.ts";
import { chartBins, countIn, edgesOf } from "../../report/bins.ts";
import type {
  AgreementBlock,
  CoverageBlock,
  DisagreementExample,
  HistogramBlock,
  LengthBiasBlock,
  ReliabilityBlock,
  ReportData,
} from "../../report/data.ts";
import { formatInterval } from "../../report/format.ts";
import { poolFolder, readHidden, readHiddenGold } from "../job/data-files.ts";
import { type Explained, readExplanations } from "../job/explain-stage.ts";
import { type LabelFacts, readLabelFacts, readLabels } from "../job/label-stages.ts";
import { poolReliability } from "../job/report-pool-calibration.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { scoreFormOf } from "../recipe/teacher-settings.ts";
import type { Artefact } from "../stages/stage.ts";
import { regimeTables } from "./regime.ts";
import { teacherTables } from "./teachers.ts";

type LabelData = {
  labels: readonly Label[];
  human: readonly HumanLabel[];
  gold: readonly GoldPair[];
  pool: ReadonlyMap<string, CandidatePair>;
  facts: LabelFacts;
  options: Required<Pick<AgreementOptions, "clusters">>;
  job: MainJob;
};

/** The members of the report that are about labels. */
export async function labelSections(
  job: MainJob,
  data: Artefact,
  labelsArtefact: Artefact,
  explained: Artefact | undefined,
): Promise<Partial<ReportData>> {
  const pairs = await readPool(poolFolder(data));
  const pool = new Map(pairs.map((pair) => [pair.id, pair]));
  const clusters = {
    of: (id: string) => unitOf(pool.get(id)!),
    rng: createRng(job.seed).fork("report"),
    resamples: job.evaluation.resamples,
  };
  const known: LabelData = {
    labels: await readLabels(labelsArtefact),
    human: await readHidden(data),
    gold: await readHiddenGold(data),
    pool,
    facts: await readLabelFacts(labelsArtefact),
    options: { clusters },
    job,
  };
  return {
    histograms: histograms(known),
    agreement: agreementBlocks(known),
    reliability: [...reliability(known), ...poolReliability(known)],
    coverage: coverage(known),
    lengthBias: lengthBias(known),
    examples: examples(known, explained && (await readExplanations(explained))),
    tables: [
      countsTable(known),
      ...regimeTables(known, { rng: clusters.rng.fork("regime"), resamples: clusters.resamples }),
      ...teacherTables(known.facts),
    ],
  };
}

const goldChoices = (gold: readonly GoldPair[]): Choice[] =>
  gold.map(({ id, goldA, goldB }) => ({ id, preferred: goldA > goldB ? "a" : goldA < goldB ? "b" : "tie" }));

function agreementBlocks({ labels, human, gold, options }: LabelData): AgreementBlock[] {
  const block = (
    labeller: string,
    own: readonly Choice[],
    against: string,
    other: readonly Choice[],
  ): AgreementBlock[] => {
    const { agreement, kappaInterval: kappa, ties, abstained } = agreementWith(own, other, options);
    if (agreement === null) return [];
    return [{ labeller, against, agreement, ...(kappa === null ? {} : { kappa }), ties, abstained }];
  };
  const goldLabels = goldChoices(gold);
  return [
    ...block("weak teacher", labels, "human", human),
    ...block("weak teacher", labels, "gold", goldLabels),
    ...block("human", human, "gold", goldLabels),
  ];
}

function histograms({ labels, human, options: { clusters } }: LabelData): HistogramBlock[] {
  const humanById = new Map(human.map(({ id, preferred }) => [id, preferred]));
  const decided = labels.filter(isDecided);
  const agrees = (label: Label) => humanById.get(label.id) === label.preferred;
  const judged = decided.filter(({ id }) => humanById.get(id) === "a" || humanById.get(id) === "b");
  const series = (value: (label: Label) => number, edges: number[]) => [
    { name: "agrees with human", counts: countIn(judged.filter(agrees).map(value), edges) },
    { name: "disagrees", counts: countIn(judged.filter((label) => !agrees(label)).map(value), edges) },
  ];
  const widest = Math.max(1e-6, ...decided.map((label) => Math.abs(label.margin)));
  const margins = edgesOf(0, widest, 20);
  const confidences = edgesOf(0.5, 1, 20);
  return [
    {
      title: "Margin of the weak teacher",
      xLabel: "|score(a) - score(b)|",
      edges: margins,
      series: series((l) => Math.abs(l.margin), margins),
    },
    {
      title: "Calibrated confidence",
      xLabel: "P(a person agrees)",
      edges: confidences,
      series: series((l) => l.pChosen!, confidences),
      ...(judged.length === 0 ? {} : { note: confidenceInWords(judged, { agrees, of: clusters.of }) }),
    },
  ];
}

/** How often people agree where little, some and much confidence is stated; intervals by prompt. */
function confidenceInWords(
  judged: readonly Label[],
  { agrees, of }: { readonly agrees: (label: Label) => boolean; readonly of: (id: string) => string },
): string {
  const bands = [
    { words: "from 90 % on", low: 0.9, high: Number.POSITIVE_INFINITY },
    { words: "from 70 % to 90 %", low: 0.7, high: 0.9 },
    { words: "below 70 %", low: 0, high: 0.7 },
  ];
  const parts = bands.flatMap(({ words, low, high }) => {
    const within = judged.filter(({ pChosen }) => pChosen! >= low && pChosen! < high);
    const share = clusteredShare(
      within.map(agrees),
      within.map(({ id }) => of(id)),
    );
    return share === null
      ? []
      : [`${words} ${formatInterval(share, { format: "percent" })} (${within.length} pairs)`];
  });
  return parts.length === 0
    ? ""
    : `Where the stated confidence is so high, people agree: ${parts.join("; ")}.`;
}

function reliability({ facts, job }: LabelData): ReliabilityBlock[] {
  const { calibration } = facts;
  if (calibration === null) return [];
  return [
    {
      labeller: "weak teacher",
      against: "human",
      on: "held-out labelled pairs",
      before: chartBins(calibration.before.bins),
      after: chartBins(calibration.after.bins),
      ...(calibration.before.ece === null ? {} : { eceBefore: calibration.before.ece }),
      ...(calibration.after.ece === null ? {} : { eceAfter: calibration.after.ece }),
      method: `${job.label.calibration}, fitted on one half of the held-out labelled prompts and judged here on the other; labels use ${fitOfLabels(facts)}`,
    },
  ];
}

/** An ensemble's promise rests on the half that its calibrators have not seen. */
const fitOfLabels = ({ ensemble, promise }: LabelFacts) =>
  ensemble !== null && promise !== null ? "that fit, and a promise the other half" : "a fit on both";

function coverage({ labels, human, options }: LabelData): CoverageBlock[] {
  const points = coverageCurve(labels, human, options).flatMap(({ coverage: share, accuracy, n }) =>
    accuracy === null
      ? []
      : [{ coverage: share, accuracy: accuracy.estimate, low: accuracy.low, high: accuracy.high, n }],
  );
  return points.length < 2 ? [] : [{ labeller: "weak teacher", against: "human", points }];
}

function lengthBias({ labels, human, pool, options, job }: LabelData): LengthBiasBlock[] {
  const size = (text: CandidatePair["a"]) => [...plainText(text)].length;
  const lengths: LengthTable = new Map(
    [...pool.values()].map(({ id, a, b }) => [id, { lengthA: size(a), lengthB: size(b) }]),
  );
  const longer = longerPreferred(labels, lengths, options);
  if (longer === null) return [];
  const byHuman = longerPreferred(human, lengths, options);
  const correlation = marginLengthCorrelation(labels, lengths, {
    rng: createRng(job.seed).fork("length"),
    resamples: job.evaluation.resamples,
    clusterOf: options.clusters.of,
  }).spearman;
  const deciles = accuracyByLengthGap(labels, human, lengths, options).flatMap(({ low, high, agreement }) =>
    agreement === null
      ? []
      : [{ label: `${low.toFixed(0)} to ${high.toFixed(0)} characters`, accuracy: agreement as Interval }],
  );
  return [
    {
      labeller: "weak teacher",
      against: "human",
      longerPreferred: longer,
      ...(byHuman === null ? {} : { longerPreferredByReference: byHuman }),
      ...(correlation === null ? {} : { marginLengthCorrelation: correlation }),
      ...(deciles.length === 0 ? {} : { deciles }),
    },
  ];
}

/** The pairs on which teacher and human differ, the teacher's surest first, with what their tokens add where that is known. */
function examples(
  { labels, human, gold, pool, job }: LabelData,
  explained: ReadonlyMap<string, Explained> | undefined,
): DisagreementExample[] {
  const humanById = new Map(human.map(({ id, preferred }) => [id, preferred]));
  const goldById = new Map(gold.map((pair) => [pair.id, pair]));
  return surestDisagreements(labels, human).map((label) => {
    const pair = pool.get(label.id)!;
    const scores = goldById.get(label.id);
    const tokens = explained?.get(label.id);
    const { form } = scoreFormOf(job.teacher);
    return {
      id: label.id,
      prompt: plainText(pair.prompt),
      a: plainText(pair.a),
      b: plainText(pair.b),
      verdicts: [
        {
          by: "weak teacher",
          preferred: label.preferred,
          margin: label.margin,
          pChosen: label.pChosen!,
        },
        { by: "human", preferred: humanById.get(label.id)! },
      ],
      ...(scores === undefined ? {} : { goldA: scores.goldA, goldB: scores.goldB }),
      ...(tokens === undefined ? {} : { tokensA: tokens.a, tokensB: tokens.b }),
      // Tokens add up to the summed reward, whatever is made of it afterwards.
      ...(tokens === undefined || form === "sum"
        ? {}
        : { note: `Tokens show the summed reward; the margin is of the form ${form}.` }),
    };
  });
}

function countsTable({ facts }: LabelData): NonNullable<ReportData["tables"]>[number] {
  const { pairs, a, b, tie, abstain, unselected, flags } = facts.counts;
  const promise = facts.promise;
  return {
    title: "What became of the pool",
    columns: [
      { title: "pairs", format: "text" },
      { title: "count", format: "count" },
    ],
    rows: [
      ["in the pool", pairs],
      ["labelled a", a],
      ["labelled b", b],
      ["ties: no label", tie],
      ["abstained: no label", abstain],
      ["of these left out by selection", unselected],
      ...Object.entries(flags).map(([flag, count]) => [`flag: ${flag}`, count]),
    ],
    notes: promise === null ? [] : [`${promiseInWords(promise)}.`],
  };
}
