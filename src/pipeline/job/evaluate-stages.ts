/** Stages that measure students: generations on the test prompts with gold scores, and accuracy on test pairs. */

import { DataError } from "../../base/core/errors.ts";
import { readJson, writeFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import { createRng } from "../../base/core/rng.ts";
import { readJsonl } from "../../base/files/jsonl.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { releaseModel } from "../../engine/model/model.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import { jsonLines } from "../../method/data/json-lines.ts";
import { evaluateArm } from "../../method/evaluate/arm.ts";
import { type GoldSpec, goldName, goldSourceDigest, openGoldScorer } from "../../method/evaluate/gold.ts";
import {
  scoreTest,
  type TestAccuracy,
  type TestMargins,
  testAccuracy,
} from "../../method/evaluate/test-accuracy.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { type JobDeps, stageDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { readPrompts, readTest } from "./data-files.ts";
import type { ModelFolderRef } from "./model-stages.ts";

/** A student to measure: its model, the SFT start it is compared with, and its own start. */
export type Student = {
  readonly name: string;
  readonly model: ModelFolderRef;
  readonly start: ModelFolderRef;
};

/** Generates on the test prompts and scores; KL is measured against the student's own SFT start. */
export async function generationsStage(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  student: Student,
): Promise<Artefact> {
  const { generation, gold } = job.evaluation;
  const same = student.model.folder === student.start.folder;
  const scorers = await Promise.all(gold.map(goldSourceDigest));
  return deps.pipeline.stage({
    name: `generate-${student.name}`,
    version: 5,
    config: { generation, gold: gold.map(goldSettings) },
    inputs: {
      model: student.model.source,
      data,
      ...(same ? {} : { start: student.start.source }),
      ...Object.fromEntries(scorers.map((digest, i) => [`gold${i}`, digest])),
    },
    run: async (work) => {
      const { runtime } = stageDeps(deps);
      const tokenizer = await loadTokenizer(student.model.folder);
      const model = await loadModel(runtime, student.model.folder, { id: "arm" });
      const sft = same ? undefined : await loadModel(runtime, student.start.folder, { id: "arm-start" });
      const scorers = await Promise.all(gold.map((spec) => openGoldScorer({ runtime }, spec)));
      try {
        const prompts = await readPrompts(data);
        await evaluateArm(stageDeps(deps), {
          model,
          tokenizer,
          prompts,
          generation,
          gold: scorers,
          sft,
          file: work.path("records.jsonl"),
        });
      } finally {
        await Promise.all(scorers.map((scorer) => scorer.close()));
        await releaseModel(runtime, model);
        if (sft !== undefined) await releaseModel(runtime, sft);
      }
    },
  });
}

/** The SFT start an arm is compared with as its own: another arm, or one that is generated from for this alone. */
export type OwnStart = {
  readonly arm: string;
  readonly start: string;
  /** Undefined where the start is an arm, which has its own. */
  readonly generations: Artefact | undefined;
};

/** Generates from the start of each trained arm whose start is no arm; starts that arms share are asked once. */
export async function ownStarts(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  students: readonly Student[],
): Promise<OwnStart[]> {
  const known = new Map<unknown, Omit<OwnStart, "arm">>();
  for (const { name, model } of students)
    if (!known.has(model.source)) known.set(model.source, { start: name, generations: undefined });
  const own: OwnStart[] = [];
  for (const { name, model, start } of students) {
    if (model.source === start.source) continue;
    const found = known.get(start.source) ?? {
      start: `start-of-${name}`,
      generations: await generationsStage(deps, job, data, { name: `start-of-${name}`, model: start, start }),
    };
    known.set(start.source, found);
    own.push({ arm: name, ...found });
  }
  return own;
}

/** What of a scorer decides its scores beside the file it reads, whose digest is an input: not where that lies. */
function goldSettings(spec: GoldSpec): Record<string, unknown> {
  const kept = Object.entries(spec).filter(([key]) => !["model", "module", "trainedOn"].includes(key));
  return { ...Object.fromEntries(kept), name: goldName(spec) };
}

/** Accuracy on the labelled test pairs. */
export async function testAccuracyStage(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  student: Student,
): Promise<Artefact> {
  const same = student.model.folder === student.start.folder;
  return deps.pipeline.stage({
    name: `test-accuracy-${student.name}`,
    version: 3,
    config: { limits: job.limits, resamples: job.evaluation.resamples, seed: job.seed },
    inputs: { model: student.model.source, data, ...(same ? {} : { start: student.start.source }) },
    run: async (work) => {
      const { runtime } = stageDeps(deps);
      const tokenizer = await loadTokenizer(student.model.folder);
      const model = await loadModel(runtime, student.model.folder, { id: "test-accuracy" });
      const reference = same
        ? undefined
        : await loadModel(runtime, student.start.folder, { id: "test-accuracy-start" });
      try {
        const rows = await readTest(data);
        const scored = await scoreTest(stageDeps(deps), {
          model,
          tokenizer,
          reference,
          rows,
          limits: job.limits,
        });
        const rng = createRng(job.seed).fork("held-out");
        const accuracy = testAccuracy(scored, { rng, resamples: job.evaluation.resamples });
        await writeJsonAtomic(work.path("accuracy.json"), accuracy);
        await writeFileAtomic(work.path("pairs.jsonl"), jsonLines(scored.pairs));
      } finally {
        await releaseModel(runtime, model);
        if (reference !== undefined) await releaseModel(runtime, reference);
      }
    },
  });
}

/** What the stage of test accuracy found. */
export const readTestAccuracy = async (artefact: Artefact): Promise<TestAccuracy> =>
  (await readJson(artefact.path("accuracy.json"))) as TestAccuracy;

/** The margins of a stage of test accuracy, pair by pair. */
export const readTestMargins = (artefact: Artefact): Promise<TestMargins[]> =>
  readTestMarginsFile(artefact.path("pairs.jsonl"));

/** The same from a file. @throws DataError for a line that is no record */
export async function readTestMarginsFile(file: string): Promise<TestMargins[]> {
  const pairs: TestMargins[] = [];
  for await (const record of readJsonl(file)) {
    if ("problem" in record) throw new DataError(file, record.line, record.problem);
    pairs.push(record.value as TestMargins);
  }
  return pairs;
}
