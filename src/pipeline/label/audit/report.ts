/** The report of an audit: suspects to read, the estimate of the noise, how far probabilities can be believed, planted flips found. */
import { basename, relative } from "node:path";
import { stringify } from "yaml";
import { digestOf } from "../../../base/core/digest.ts";
import { plainText } from "../../../method/data/rows.ts";
import { sourceName } from "../../../method/data/source.ts";
import { chartBins, countIn, edgesOf } from "../../../report/bins.ts";
import type { DisagreementExample, HistogramBlock, ReportData, ReportTable } from "../../../report/data.ts";
import { formatInterval } from "../../../report/format.ts";
import type { StageStep } from "../../stages/steps.ts";
import { type AuditFacts, readAuditFacts, readSuspects, type SuspectRow } from "./judge.ts";
import { type AuditDataFacts, readAuditDataFacts } from "./rows.ts";
import type { AuditRequest } from "./settings.ts";
import type { AuditResult } from "./stages.ts";

/** What the report says of the run as such. */
export type AuditRun = {
  readonly folder: string;
  readonly version: string;
  readonly device: string;
  readonly threads: number;
  readonly steps: readonly StageStep[];
};

/** Suspects in the table, and those printed in full. */
const LISTED = 40;
const EXAMPLES = 12;
const BINS = 20;

/** Gathers what the report shows. */
export async function auditReport(
  request: AuditRequest,
  result: AuditResult,
  run: AuditRun,
): Promise<ReportData> {
  const facts = await readAuditFacts(result.judged);
  const suspects = await readSuspects(result.judged);
  const data = await readAuditDataFacts(result.data);
  const { file: _, digest, ...settings } = request;
  const yaml = stringify({ audit: { file: digest, ...settings } }, { lineWidth: 0 });
  const runDigest = digestOf(yaml);
  return {
    title: "Audit of human labels",
    runId: `audit-${runDigest.slice(0, 12)}`,
    recipe: { yaml, digest: runDigest },
    environment: { version: run.version, seed: request.seed, device: run.device, threads: run.threads },
    summary: summary(request, facts, data),
    intervals: {
      level: 0.95,
      method: "percentile bootstrap over prompts, 1,000 resamples",
      limits: "One teacher per fold: the variation between seeds is not in them.",
    },
    headlineNotes: auditInWords(facts, suspects),
    tables: [findings(facts), ...plantTables(facts), suspectTable(suspects)],
    histograms: [histogram(suspects, facts)],
    reliability: [reliability(facts)],
    examples: suspects.slice(0, EXAMPLES).map(example),
    dataQuality: [
      {
        file: sourceName(request.file),
        format: data.format,
        digest,
        rows: data.records,
        kept: data.rows,
        splits: [{ name: `${request.folds} folds`, rows: data.rows, prompts: data.prompts }],
        findings: [{ kind: "ties: not audited", count: data.ties }].filter(({ count }) => count > 0),
      },
    ],
    artefacts: [result.data, ...result.scores, result.judged].map(({ stage, folder, digest: content }) => ({
      name: stage,
      path: relative(run.folder, folder),
      digest: content!,
    })),
    times: {
      stages: run.steps.flatMap(({ name, elapsedSeconds, state }) =>
        elapsedSeconds === undefined ? [] : [{ name, seconds: elapsedSeconds, reused: state === "cached" }],
      ),
    },
  };
}

/** The report's first words: how many labels to read, and whether this teacher finds wrong ones at all, as far as planted flips tell. */
export function auditInWords(
  { judged, plant }: Pick<AuditFacts, "judged" | "plant">,
  suspects: readonly Pick<SuspectRow, "probability_wrong">[],
): string[] {
  const likely = suspects.filter(({ probability_wrong }) => probability_wrong > 0.5).length;
  const counted = `Of ${judged} labels ${likely} are likelier wrong than right by teachers that never saw them: candidates to read, not errors found.`;
  if (plant === null)
    return [
      counted,
      "Whether these teachers find wrong labels in this data this audit cannot tell: nothing was planted (--plant 0.1 does).",
    ];
  const { auroc, planted, chance } = plant;
  const first = plant.precisionAt[0];
  const precision =
    first === undefined || first.precision === null
      ? ""
      : `; of the first ${first.k} labels ${formatInterval(first.precision, { format: "percent" })} were planted, of all ${(100 * chance).toFixed(1)} %`;
  const measured = auroc === null ? "not measured" : formatInterval(auroc);
  return [
    counted,
    auroc !== null && auroc.low > 0.5
      ? `These teachers find planted flips: AUROC ${measured}, chance 0.5${precision} (${planted} planted).`
      : `That these teachers find wrong labels is not shown: AUROC ${measured} for ${planted} planted flips, chance 0.5${precision}.`,
  ];
}

function summary(
  { teacher, folds }: AuditRequest,
  { judged, plant }: AuditFacts,
  { prompts }: AuditDataFacts,
): string {
  const planted =
    plant === null
      ? ""
      : ` Before that, ${plant.planted} of the judged labels had been flipped on purpose, to measure how well they are found.`;
  return (
    `${judged} labelled pairs (${prompts} prompts) were cut into ${folds} folds by prompt. For each fold a teacher (${teacher.kind}) was trained ` +
    `on the others and judged the labels it had never seen; its margins were calibrated so that no pair's label had a part in its own probability.${planted}`
  );
}

function findings({
  judged,
  notJudged,
  disagreement,
  disagreementAmongSure,
  noiseRate,
  meanProbabilityWrong,
}: AuditFacts): ReportTable {
  return {
    title: "How many labels are wrong",
    columns: [
      { title: "figure", format: "text" },
      { title: "share of labels", format: "percent" },
    ],
    rows: [
      ["noise rate, by confident learning's count", noiseRate],
      ["disagreement where the teacher is surest (a fifth)", disagreementAmongSure],
      ["labels that the out-of-fold teacher disagrees with", disagreement],
      ["mean probability of being wrong", meanProbabilityWrong],
    ],
    notes: [
      `${judged} labels were judged; ${notJudged} were not (truncated, empty or identical responses, or equal scores).`,
      "None of these is the share of wrong labels, nor a bound of it on either side. All count what the teacher is wrong about as errors of the labels, and miss errors that it makes, too. Confident learning's count (Northcutt et al. 2021) assumes that errors depend on the class alone. People err where a pair is close, and there the teacher is unsure: where it is surest there may be no error though many labels are wrong. Intervals are of the figures, not of the share of wrong labels. Read the suspects; plant flips to see what this teacher finds.",
    ],
  };
}

function plantTables({ plant, noiseRate }: AuditFacts): ReportTable[] {
  if (plant === null) return [];
  const { auroc, precisionAt, chance, planted, rate, n } = plant;
  return [
    {
      title: "Planted flips: how well they were found",
      columns: [
        { title: "figure", format: "text" },
        { title: "found", format: "percent" },
        { title: "by chance", format: "percent" },
      ],
      rows: [
        ["AUROC", auroc, 0.5],
        ...precisionAt.map(({ k, precision }) => [`precision at ${k}`, precision, chance]),
      ],
      notes: [
        `${planted} of ${n} judged labels were flipped (asked: ${(100 * rate).toFixed(1)} %). What was wrong before counts as not planted, although finding it is right: precision is of planted flips alone.`,
        ...(noiseRate === null
          ? []
          : [
              `The noise rate above is ${formatInterval(noiseRate, { format: "percent" })}, with what was planted in it.`,
            ]),
      ],
    },
  ];
}

function suspectTable(suspects: readonly SuspectRow[]): ReportTable {
  const several = new Set(suspects.map(({ file }) => file)).size > 1;
  const plants = suspects.some(({ planted }) => planted !== undefined);
  const short = (text: SuspectRow["chosen"]) => {
    const line = plainText(text).replace(/\s+/g, " ").trim();
    return line.length > 90 ? `${line.slice(0, 89)}…` : line;
  };
  return {
    title: "Likeliest label errors",
    columns: [
      several ? { title: "place" } : { title: "line", format: "count" },
      { title: "P(wrong)", format: "percent" },
      { title: "margin", signed: true, digits: 2 },
      { title: "prompt", format: "text" },
      { title: "labelled chosen", format: "text" },
      { title: "labelled rejected", format: "text" },
      ...(plants ? [{ title: "planted", format: "text" as const }] : []),
    ],
    rows: suspects
      .slice(0, LISTED)
      .map((row) => [
        several ? placeOf(row) : row.line,
        row.probability_wrong,
        row.margin,
        short(row.prompt),
        short(row.chosen),
        short(row.rejected),
        ...(plants ? [row.planted ? "yes" : "no"] : []),
      ]),
    notes: [
      `The first ${Math.min(LISTED, suspects.length)} of ${suspects.length}; all are in suspects.jsonl.`,
    ],
  };
}

const placeOf = ({ file, line }: Pick<SuspectRow, "file" | "line">) => `${basename(file)}:${line}`;

function histogram(suspects: readonly SuspectRow[], { plant }: AuditFacts): HistogramBlock {
  const edges = edgesOf(0, 1, BINS);
  const count = (rows: readonly SuspectRow[]) =>
    countIn(
      rows.map(({ probability_wrong }) => probability_wrong),
      edges,
    );
  const series =
    plant === null
      ? [{ name: "labels", counts: count(suspects) }]
      : [
          { name: "as in the file", counts: count(suspects.filter(({ planted }) => !planted)) },
          { name: "flipped on purpose", counts: count(suspects.filter(({ planted }) => planted)) },
        ];
  return {
    title: "Probability that a label is wrong",
    xLabel: "calibrated probability, out of fold",
    edges,
    series,
    references: [{ value: 0.5, label: "coin" }],
  };
}

function reliability({
  reliability: report,
  calibration,
}: AuditFacts): NonNullable<ReportData["reliability"]>[number] {
  return {
    labeller: "out-of-fold teacher",
    against: "the labels",
    before: chartBins(report.before.bins),
    after: chartBins(report.after.bins),
    ...(report.before.ece === null ? {} : { eceBefore: report.before.ece }),
    ...(report.after.ece === null ? {} : { eceAfter: report.after.ece }),
    method: `${calibration}, cross-fitted over 5 parts of the prompts`,
  };
}

/** a is what the label chose. */
function example({
  id,
  file,
  line,
  prompt,
  chosen,
  rejected,
  margin,
  probability_wrong: wrong,
  planted,
}: SuspectRow): DisagreementExample {
  return {
    id: `${placeOf({ file, line })}, ${id}`,
    prompt: plainText(prompt),
    a: plainText(chosen),
    b: plainText(rejected),
    verdicts: [
      { by: "label", preferred: "a" },
      wrong > 0.5
        ? { by: "teacher", preferred: "b", margin, pChosen: wrong }
        : { by: "teacher", preferred: "a", margin, pChosen: 1 - wrong },
    ],
    ...(planted === undefined
      ? {}
      : { note: planted ? "This label was flipped on purpose." : "This label is as in the file." }),
  };
}
