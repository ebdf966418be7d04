/** The one report of all studies that were asked for. */
import { digestOf } from "../../base/core/digest.ts";
import type { ReportData, ReportWarning, Study } from "../../report/data.ts";
import { writeReport } from "../../report/render.ts";
import { computeOf } from "../recipe/job.ts";
import { recipeYaml } from "../recipe/write.ts";
import type { RunReport } from "../run/run-reports.ts";
import { sourceCommit } from "../run/source-commit.ts";
import type { StageStep } from "../stages/pipeline.ts";
import { SMALL } from "./context.ts";
import type { LeftOut, PlacedStudy, Variant } from "./variants.ts";

/** What the report is made of. */
export type StudyReport = {
  readonly placed: readonly PlacedStudy[];
  readonly leftOut: readonly LeftOut[];
  readonly studies: readonly Study[];
  /** On students that learned from fewer pairs than others. */
  readonly headlineNotes: readonly string[];
  readonly variants: readonly Variant[];
  readonly steps: readonly StageStep[];
  readonly code: string;
};

/** Writes report.html, report.json and report.md into the folder. */
export async function writeStudyReport(folder: string, made: StudyReport): Promise<RunReport> {
  const data = reportData(made);
  return { ...(await writeReport(folder, data)), data };
}

/** What intervals do not cover. */
const limitsOf = (seeds: readonly number[]): string =>
  seeds.length > 1
    ? `Where n counts prompts, one training run stands behind a figure (seed ${seeds[0]}): the variation between seeds is not in its interval.`
    : 'One training run per cell: what is said is said of these models. The variation between seeds is not in these intervals; --seeds trains several, the study "seeds" shows them one by one.';

function reportData({
  placed,
  leftOut,
  studies,
  headlineNotes,
  variants,
  steps,
  code,
}: StudyReport): ReportData {
  const { recipe, seeds } = placed[0]!.context;
  const bases = [...new Map(placed.map(({ context }) => [context.base, recipeYaml(context.recipe)]))];
  const yaml = bases.map(([, text]) => text).join("---\n");
  const digest = digestOf([yaml, variants.map(({ key }) => key)]);
  const { device, threads } = computeOf(recipe);
  const commit = sourceCommit();
  return {
    title: `weak-teacher: ${studies.length === 1 ? studies[0]!.title : "studies"}`,
    runId: `studies-${digest.slice(0, 12)}`,
    recipe: { yaml, digest, preset: bases.map(([base]) => base).join(", ") },
    environment: {
      version: code,
      seed: seeds.length > 1 ? seeds.join(", ") : recipe.seed,
      device,
      threads,
      commit,
    },
    summary:
      `${studies.length} stud${studies.length === 1 ? "y" : "ies"} on ${variants.length} variant${variants.length === 1 ? "" : "s"} of ${bases.map(([base]) => base).join(" and ")}. ${
        bases.some(([base]) => base === SMALL)
          ? "The small scale is a made-up world with a model of 15 million parameters: it shows what is computed and how, and is no reproduction of the papers' numbers, which stand beside it for their shape."
          : ""
      }`.trim(),
    intervals: {
      level: 0.95,
      method: `percentile bootstrap over prompts, ${recipe.eval.nBootstrap} resamples; differences paired by prompt${
        seeds.length > 1 ? "; where n counts seeds, over seeds and prompts together" : ""
      }`,
      limits: `${limitsOf(seeds)}${
        studies.length === 1
          ? ""
          : ` Tests are corrected within a study, not over all ${studies.length}: of many studies some find what is not there.`
      }`,
    },
    headlineNotes: [...headlineNotes],
    studies: [...studies],
    warnings: leftOut.map(
      ({ name, why }): ReportWarning => ({
        severity: "note",
        where: `study ${name}`,
        message: `Left out: ${why}.`,
      }),
    ),
    times: {
      stages: steps.flatMap(({ name, elapsedSeconds, state }) =>
        elapsedSeconds === undefined ? [] : [{ name, seconds: elapsedSeconds, reused: state === "cached" }],
      ),
    },
  };
}
