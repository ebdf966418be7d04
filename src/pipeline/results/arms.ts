/** The student half of the report: arms with intervals, differences between them, training curves. */

import { join } from "node:path";
import type { Interval } from "../../base/stats/check.ts";
import { type ArmComparison, type ArmFigures, testsOf } from "../../method/evaluate/compare-arms.ts";
import type { TestAccuracy } from "../../method/evaluate/test-accuracy.ts";
import { METRICS } from "../../method/train/metrics.ts";
import { withoutNoise } from "../../report/charts/noise.ts";
import type { Arm, Curve, Difference, ReportData } from "../../report/data.ts";
import { readTestAccuracy } from "../job/evaluate-stages.ts";
import type { JobResult, MeasuredStudent } from "../job/main-job.ts";
import { amountTable, fewer, learnedBy, sharedPairs } from "../job/report-amounts.ts";
import type { ArmSettings, MainJob } from "../recipe/job-settings.ts";
import { comparedArms } from "./arm-tables.ts";
import { contaminationWarnings, evaluatorStudy } from "./evaluators.ts";
import { gapStudy } from "./gap.ts";
import { judgeResults, judgeStudy } from "./judges.ts";

const CORRECTION = "Holm";

/** The members of the report that are about students. */
export async function armSections(job: MainJob, result: JobResult): Promise<Partial<ReportData>> {
  const { students, starts, judged } = result;
  const compared = await comparedArms(job, { students, starts });
  const judges = await judgeResults(job, judged);
  const figures = compared.tables[0]?.arms;
  const testAccuracies = new Map<string, TestAccuracy>();
  for (const student of students)
    testAccuracies.set(student.name, await readTestAccuracy(student.testAccuracy));
  const arms: Arm[] = [];
  for (const student of students) {
    const learned = await learnedBy(job, student);
    const own = figures?.find(({ name }) => name === student.name);
    arms.push({
      ...armOf(job, student, own, testAccuracies.get(student.name)!),
      ...(learned && { learned }),
    });
  }
  const learned = arms.flatMap(({ name, learned: one }) => (one ? [{ name, learned: [one] }] : []));
  return {
    arms,
    tables: [amountTable(learned, await sharedPairs(result))],
    headlineNotes: fewer(learned),
    ...questionOf(job),
    differences: figures === undefined ? [] : differences(job, figures),
    curves: await curvesOf(students),
    studies: [await gapStudy(job, result), evaluatorStudy(job, compared, judges), judgeStudy(judges)].filter(
      (study) => study !== undefined,
    ),
    warnings: contaminationWarnings(job),
    notes: compared.tables.slice(0, 1).map(({ note }) => note),
  };
}

/** The first arms that are trained on preferences of weak and of human labels, where there are both. */
function questionOf({ arms }: MainJob): Pick<ReportData, "question"> {
  const trainedOn = (labels: string) =>
    arms.find(({ training, rows }) => training === "prefer" && rows.labels === labels)?.name;
  const [weak, human] = [trainedOn("weak"), trainedOn("human")];
  return weak === undefined || human === undefined ? {} : { question: { weak, human } };
}

function armOf(
  job: MainJob,
  { name, arm }: MeasuredStudent,
  figures: ArmFigures | undefined,
  accuracy: TestAccuracy,
): Arm {
  const rate = (comparison: ArmComparison | null | undefined) =>
    comparison && {
      ...comparison.winRate,
      wins: comparison.wins,
      ties: comparison.ties,
      losses: comparison.losses,
    };
  const vsSft = rate(figures?.vsSft);
  const vsHuman = rate(figures?.vsHuman);
  return {
    name,
    description: describe(job, arm),
    ...(figures && { goldReward: figures.goldReward, responseLength: figures.responseLength }),
    ...(vsSft && { winRateVsSft: vsSft }),
    ...(vsHuman && { winRateVsHuman: vsHuman }),
    ...(figures?.klFromSft && { klFromSft: figures.klFromSft }),
    ...(accuracy.implicit && { testAccuracy: accuracy.implicit }),
    more: moreOf(figures, accuracy),
  };
}

/** Figures beside the main ones. */
function moreOf(figures: ArmFigures | undefined, accuracy: TestAccuracy): NonNullable<Arm["more"]> {
  const rows: { metric: string; value: Interval | null | undefined; format: "percent" | "number" }[] = [
    {
      metric: "GRA (share of responses strictly above the SFT baseline's)",
      value: figures?.graShared,
      format: "percent",
    },
    {
      metric: "GRA against the arm's own SFT start",
      value: figures?.graOwn,
      format: "percent",
    },
    {
      // At another temperature than 1 the mean log-ratio is no KL.
      metric: "log policy − log SFT on its own samples, nats",
      value: figures?.klFromSft ? null : figures?.logRatioFromSft,
      format: "number",
    },
    {
      // An arm without a reference has no implicit reward: this is what all arms can be compared by.
      metric: "test accuracy by likelihood",
      value: accuracy.likelihood,
      format: "percent",
    },
  ];
  return rows.flatMap(({ metric, value, format }) => (value ? [{ metric, value, format }] : []));
}

function describe(job: MainJob, arm: MeasuredStudent["arm"]): string {
  if (arm === undefined) return "trained elsewhere";
  if (arm.training === "none") return "the base as it is";
  const { sft, training } = arm;
  const start =
    sft === "none"
      ? "no SFT"
      : `SFT on the responses that ${sft === "own" ? rowsInWords(arm) : `${sft} labels`} prefer`;
  if (training === "sft") return `${start}, no preference training`;
  const notes = [...lossInWords(arm.prefer ?? job.student.prefer), ...(job.student.lora ? ["LoRA"] : [])];
  return `${start}, then preference training on ${rowsInWords(arm)}${notes.length > 0 ? ` (${notes.join(", ")})` : ""}`;
}

/** What a loss differs in from plain DPO. */
const lossInWords = ({ loss }: ArmSettings["prefer"] & {}): string[] => [
  ...(loss.type === "sigmoid" ? [] : [`${loss.type} loss`]),
  ...(loss.weighted ? ["weighted"] : []),
];

const selectInWords = (select: NonNullable<ArmSettings["select"]>): string =>
  select.kind === "top"
    ? `(the surest ${select.percent} %)`
    : select.kind === "threshold"
      ? `(confidence from ${select.confidence} on)`
      : select.kind === "promise"
        ? `(as many as people are promised to disagree with at most ${(100 * select.maxDisagreement).toFixed(0)} % of)`
        : "";

const WHICH = {
  random: " at random",
  close: ", those whose gold scores are closest (looks at gold)",
  unsure: ", those that the teacher is least sure of",
} as const;

/** Which pairs with which labels, in words; says so where hidden labels were looked at. */
function rowsInWords({ rows, select }: ArmSettings): string {
  const { labels, data, subset, flip, flipWhich, size, weightsFrom } = rows;
  const chosen =
    flip === undefined ? "the weak label" : flip === "teacher" ? "the label after flipping" : "the label";
  const notes = [
    data === "labelled" ? "of the labelled pairs" : data === "both" ? "and the labelled pairs" : "",
    select === undefined ? "" : selectInWords(select),
    weightsFrom === undefined ? "" : ", with the teacher's weights",
    flip === undefined
      ? ""
      : `, ${flip === "teacher" ? "as many as the teacher's errors" : `${(100 * flip).toFixed(0)} %`} turned round${WHICH[flipWhich ?? "random"]}`,
    subset === "all"
      ? ""
      : `, only where ${chosen} ${subset === "match" ? "is" : "is not"} the person's (looks at hidden labels)`,
    size === undefined ? "" : `, ${size === "labelled" ? "as many pairs as are labelled" : `${size} pairs`}`,
  ];
  return `${labels} labels${notes.map((note) => (note === "" || note.startsWith(",") ? note : ` ${note}`)).join("")}`;
}

function differences(job: MainJob, figures: readonly ArmFigures[]): Difference[] {
  const accuracy = testsOf(figures);
  const to = (arm: ArmFigures, comparison: ArmComparison | null): Difference[] =>
    comparison === null || accuracy.get(comparison) !== comparison
      ? []
      : [
          {
            a: arm.name,
            b: comparison.baseline,
            metric: "gold reward",
            value: comparison.difference,
            unit: "prompts",
            paired: true,
            test: "two-sided permutation test",
            pValue: comparison.permutationTest,
            pAdjusted: comparison.adjusted,
            correction: CORRECTION,
            headline: job.arms.some(({ name, training }) => name === arm.name && training === "prefer"),
          },
        ];
  return figures.flatMap((arm) => [...to(arm, arm.vsSft), ...to(arm, arm.vsHuman)]);
}

/** Metrics drawn per training stage, each in a chart of its own name, with what validation rows gave. */
const CURVES = ["loss", "rewards/accuracies", "rewards/margins", "logps/chosen", "logps/rejected"];
const MEASURED = CURVES.map((metric) => ({ metric, validation: `eval_${metric}` }));

async function curvesOf(students: readonly MeasuredStudent[]): Promise<Curve[]> {
  const curves: Curve[] = [];
  const seen = new Set<string>();
  for (const { model, start } of students) {
    for (const ref of [start, model]) {
      if (typeof ref.source === "string" || seen.has(ref.source.folder)) continue;
      seen.add(ref.source.folder);
      curves.push(...(await curvesIn(ref.source.stage, join(ref.source.folder, "log", "metrics.jsonl"))));
    }
  }
  return curves;
}

async function curvesIn(stage: string, file: string): Promise<Curve[]> {
  const points = new Map<string, [number, number][]>();
  for (const line of await METRICS.readIfThere(file)) {
    for (const { metric, validation } of MEASURED)
      for (const [name, value] of [
        [metric, line[metric]],
        [`${metric}, validation`, line[validation]],
      ] as const) {
        if (value === undefined) continue;
        const list = points.get(name) ?? [];
        list.push([line.global_step, value]);
        points.set(name, list);
      }
  }
  const panelOf = (name: string) =>
    name.startsWith("logps/")
      ? `${stage}: log-probabilities`
      : `${stage.includes("sft") ? "SFT" : "preference"} ${name.split(",")[0]}`;
  return [...withoutNoise(points)].map(([metric, list]) => ({
    stage,
    metric,
    panel: panelOf(metric),
    points: [...list],
  }));
}
