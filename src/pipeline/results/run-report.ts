/** The report of a finished job: everything measured, with the recipe and the digest of every artefact. */
import { relative } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import type { DataQuality, ReportData } from "../../report/data.ts";
import { type ReportFiles, writeReport } from "../../report/render.ts";
import { readFacts } from "../job/data-files.ts";
import type { JobResult } from "../job/main-job.ts";
import { singleScores } from "../job/member-scores.ts";
import { peopleTables, simulatedTables } from "../job/report-people.ts";
import { sourceTables } from "../job/report-sources.ts";
import { toolsOf, toolTables, toolTime } from "../job/report-tools.ts";
import { validationTables } from "../job/report-validation.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { membersOf, teacherWords } from "../recipe/teacher-settings.ts";
import type { StageStep } from "../stages/pipeline.ts";
import type { Artefact } from "../stages/stage.ts";
import type { StageTool } from "../stages/tool.ts";
import { armSections } from "./arms.ts";
import { labelSections } from "./labels.ts";

/** What the report says of the run as such. */
export type RunFacts = {
  /** The run's folder; artefact paths are relative to it, so that a report does not depend on where it lies. */
  readonly folder: string;
  /** The resolved recipe, as YAML. */
  readonly recipe: string;
  readonly preset?: string | undefined;
  readonly version: string;
  readonly commit?: string | undefined;
  readonly device: string;
  readonly threads: number;
  readonly steps: readonly StageStep[];
};

/** Gathers what the report shows. */
export async function reportData(job: MainJob, result: JobResult, run: RunFacts): Promise<ReportData> {
  const digest = digestOf(run.recipe);
  const facts = await readFacts(result.data);
  const [labels, arms] = [
    await labelSections(job, result.data, result.labels, result.explained),
    await armSections(job, result),
  ];
  const quality: DataQuality = {
    file: facts.source,
    format: facts.format,
    rows: facts.rows,
    kept: Object.values(facts.parts).reduce((total, { rows }) => total + rows, 0),
    splits: Object.entries(facts.parts).map(([name, { rows, prompts }]) => ({ name, rows, prompts })),
    findings: facts.findings.filter(({ count }) => count > 0).map(({ kind, count }) => ({ kind, count })),
  };
  const tools = await usedTools(result);
  return {
    title: `weak-teacher: ${job.name}`,
    runId: `${job.name}-${digest.slice(0, 12)}`,
    recipe: { yaml: run.recipe, digest, ...(run.preset ? { preset: run.preset } : {}) },
    environment: {
      version: run.version,
      seed: job.seed,
      device: run.device,
      threads: run.threads,
      ...(run.commit ? { commit: run.commit } : {}),
    },
    summary: summary(job, facts.parts),
    intervals: {
      level: 0.95,
      method: `percentile bootstrap over prompts, ${job.evaluation.resamples} resamples; differences paired by prompt`,
      limits: "One training run per arm: the variation between seeds is not in these intervals.",
    },
    ...labels,
    ...arms,
    tables: [
      ...sourceTables(facts.sources),
      ...peopleTables(facts.people),
      ...simulatedTables(facts.simulated),
      ...(labels.tables ?? []),
      ...(arms.tables ?? []),
      ...(await validationTables(trainedModels(result))),
      ...toolTables(tools),
    ],
    studies: [...(labels.studies ?? []), ...(arms.studies ?? [])],
    warnings: [...(labels.warnings ?? []), ...(arms.warnings ?? [])],
    notes: [...(labels.notes ?? []), ...(arms.notes ?? [])],
    dataQuality: [quality],
    artefacts: artefacts(result).map(({ stage, folder, digest: content }) => ({
      name: stage,
      path: relative(run.folder, folder),
      digest: content!,
    })),
    times: timesOf(run.steps, tools),
  };
}

/** Trainings of a job that programs of others did, by stage. */
export const usedTools = (result: JobResult): Promise<ReadonlyMap<string, StageTool>> =>
  toolsOf(trainedModels(result));

/** The one part of a report that tells runs of the same results apart. @param tools - what programs of others did; `usedTools` */
export const timesOf = (
  steps: readonly StageStep[],
  tools: ReadonlyMap<string, StageTool>,
): NonNullable<ReportData["times"]> => ({
  stages: steps.flatMap(({ name, elapsedSeconds: seconds, state }) => {
    const tool = tools.get(name);
    return seconds === undefined
      ? []
      : [{ name, seconds, reused: state === "cached", ...(tool && { tool: toolTime(tool) }) }];
  }),
});

/** Writes report.html, report.json and report.md into a folder. */
export async function writeRunReport(
  folder: string,
  job: MainJob,
  result: JobResult,
  run: RunFacts,
): Promise<ReportFiles & { data: ReportData }> {
  const data = await reportData(job, result, run);
  return { ...(await writeReport(folder, data)), data };
}

function summary(job: MainJob, parts: Readonly<Record<string, { rows: number; prompts: number }>>): string {
  const count = (part: string) => `${parts[part]?.rows ?? 0} pairs (${parts[part]?.prompts ?? 0} prompts)`;
  return (
    `${learning(job, count("labelled"))} ` +
    `A pool of ${count("pool")} was labelled by ${teacherWords(job.teacher)}. ` +
    `${job.arms.length} students were trained from one base and measured on ${count("test")} they had not seen.`
  );
}

/** What the labelled pairs were for. */
function learning({ teacher, label }: MainJob, labelled: string): string {
  const { folds, heldOut } = label;
  const many = membersOf(teacher, 0, undefined).length;
  const who = many > 1 ? `${many} weak teachers were` : "A weak teacher was";
  if (many === 0)
    return `The teacher learned from no labels of this data; ${labelled} with human labels served to calibrate it.`;
  if (folds > 0)
    return `${who} trained on ${labelled} and calibrated on scores of ${folds} folds, each by a teacher that had not learned from it.`;
  return `${who} trained on ${labelled}, of which ${(100 * heldOut).toFixed(0)} % of the prompts were kept to calibrate on.`;
}

/** Stages whose models are the teachers' and the students', each once. */
function trainedModels({ scores, students }: JobResult): Artefact[] {
  const teachers = singleScores(scores).flatMap(({ models }) => [models?.reference, models?.policy]);
  const refs = [...teachers, ...students.flatMap(({ start, model }) => [start, model])];
  const stages = refs.flatMap((ref) =>
    ref === undefined || typeof ref.source === "string" ? [] : [ref.source],
  );
  return onceEach(stages);
}

const onceEach = (stages: readonly Artefact[]) => [
  ...new Map(stages.map((artefact) => [artefact.folder, artefact])).values(),
];

function artefacts(result: JobResult): Artefact[] {
  const { data, explained, scores, labels, students, judged, starts } = result;
  const models = trainedModels(result);
  const measured = students.flatMap(({ generations, testAccuracy }) => [
    ...(generations ? [generations] : []),
    testAccuracy,
  ]);
  const more = [
    ...scores.flatMap(({ test }) => test ?? []),
    ...starts.flatMap(({ generations }) => generations ?? []),
    ...judged.map(({ artefact }) => artefact),
  ];
  return onceEach([data, labels, ...(explained ? [explained] : []), ...models, ...measured, ...more]);
}
