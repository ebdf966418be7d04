/** Stages that measure students: generations on the test prompts with gold scores, and accuracy on test pairs. */

import { join } from "node:path";
import { ensureFolder } from "../../base/core/files.ts";
import { createRng } from "../../base/core/rng.ts";
import { startServer } from "../../base/core/server-process.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { type Model, releaseModel } from "../../engine/model/model.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { evaluateArm } from "../../method/evaluate/arm.ts";
import {
  type GenerateServer,
  type ServedModelAt,
  sampleFromServer,
} from "../../method/evaluate/served-sampler.ts";
import type { EvaluateDeps } from "../../method/evaluate/simulate.ts";
import {
  scoreTest,
  TEST_MARGINS,
  type TestAccuracy,
  type TestMargins,
  testAccuracy,
  testAccuracySchema,
} from "../../method/evaluate/test-accuracy.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { defineStage, type Ref, type Running, type StageTools } from "../stages/define.ts";
import { type JobDeps, stageDeps } from "../stages/deps.ts";
import type { Artefact, WorkFolder } from "../stages/stage.ts";
import { jsonFile, jsonlFile } from "../stages/stage-file.ts";
import { readPrompts, readTest } from "./data-files.ts";
import { type GoldSettings, goldParts, openGold } from "./gold-stage.ts";
import type { ModelFolderRef } from "./model-stages.ts";

/** A student to measure: its model, the SFT start it is compared with, and its own start. */
export type Student = {
  readonly name: string;
  readonly model: ModelFolderRef;
  readonly start: ModelFolderRef;
};

/** A student's model beside its own start; the start is undefined where the student is one. */
type Compared = { readonly model: Ref; readonly start: Ref | undefined; readonly data: Artefact };

const comparedIn = (data: Artefact, { model, start }: Student): Compared => ({
  model,
  start: model.folder === start.folder ? undefined : start,
  data,
});

/** Works with both models, in the store under names of their own, and takes them out of it. */
async function withStudent<T>(
  { runtime: open }: StageTools,
  { model, start }: Compared,
  id: string,
  work: (models: { tokenizer: Tokenizer; model: Model; start: Model | undefined }) => Promise<T>,
): Promise<T> {
  const runtime = open();
  const tokenizer = await loadTokenizer(model.folder);
  const own = await loadModel(runtime, model.folder, { id });
  const other = start && (await loadModel(runtime, start.folder, { id: `${id}-start` }));
  try {
    return await work({ tokenizer, model: own, start: other });
  } finally {
    await releaseModel(runtime, own);
    if (other !== undefined) await releaseModel(runtime, other);
  }
}

/** What of a server decides what it writes; where it is, and how long it is waited for, does not. */
type Server = Pick<GenerateServer, "start" | "model">;
type ServerHow = Omit<GenerateServer, keyof Server>;

type Generating = Running<
  {
    readonly generation: MainJob["evaluation"]["generation"];
    readonly gold: GoldSettings;
    readonly server?: Server;
  },
  Compared & { readonly gold: readonly Ref[] },
  ServerHow | null
>;

const generating = defineStage({
  version: 6,
  run: ({ work, config, inputs, tools, how }: Generating) =>
    withStudent(tools, inputs, "arm", async ({ tokenizer, model, start: sft }) => {
      const gold = await openGold(tools, config.gold, inputs.gold);
      try {
        const { generation } = config;
        const [prompts, file] = [await readPrompts(inputs.data), work.path("records.jsonl")];
        const arm = { model, tokenizer, prompts, generation, gold, sft, file };
        const { server } = config;
        const sample =
          server === undefined || how === null
            ? undefined
            : (given: EvaluateDeps) =>
                withServer({ ...server, ...how }, inputs.model.folder, work, tools, (at) =>
                  sampleFromServer(given, at, arm, prompts, generation),
                );
        await evaluateArm(stageDeps(tools), { ...arm, sample });
      } finally {
        await Promise.all(gold.map((scorer) => scorer.close()));
      }
    }),
});

/** Generates on the test prompts and scores; KL is measured against the student's own SFT start. */
export async function generationsStage(
  deps: JobDeps,
  { evaluation }: MainJob,
  data: Artefact,
  student: Student,
): Promise<Artefact> {
  const gold = await goldParts(evaluation.gold);
  const { start, model, ...how } = evaluation.server ?? {};
  const server = model === undefined ? {} : { server: start === undefined ? { model } : { start, model } };
  return generating(deps, {
    name: `generate-${student.name}`,
    config: { generation: evaluation.generation, gold: gold.config, ...server },
    inputs: { ...comparedIn(data, student), gold: gold.inputs },
    how: evaluation.server === undefined ? null : (how as ServerHow),
  });
}

/** How long a server may take to answer: models of some billion parameters load for minutes. */
const START_SECONDS = 900;

/** Works with a server of a student: one that is started for the work and ended after it, or one that is there. */
async function withServer<T>(
  { start, url, model, startTimeoutSeconds, ...how }: GenerateServer,
  folder: string,
  work: WorkFolder,
  { signal, log }: StageTools,
  ask: (at: ServedModelAt) => Promise<T>,
): Promise<T> {
  const name = model.replaceAll("{model}", folder);
  if (start === undefined) return ask({ url: url!, name, ...how });
  await ensureFolder(work.log);
  const logFile = join(work.log, "server.log");
  log.info(`starting ${start[0]}, which says in ${logFile} what it does`);
  const timeoutMs = (startTimeoutSeconds ?? START_SECONDS) * 1000;
  const server = await startServer({ argv: start, words: { model: folder }, logFile, timeoutMs, signal });
  try {
    return await ask({ url: server.url, name, ...how });
  } finally {
    await server.stop();
  }
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

const ACCURACY = jsonFile("accuracy.json", testAccuracySchema);
const PAIRS = jsonlFile("pairs.jsonl", TEST_MARGINS);

type Measuring = Running<
  { readonly limits: TokenLimits; readonly resamples: number; readonly seed: number },
  Compared
>;

const measuring = defineStage({
  version: 4,
  run: ({ work, config: { limits, resamples, seed }, inputs, tools }: Measuring) =>
    withStudent(tools, inputs, "test-accuracy", async ({ tokenizer, model, start: reference }) => {
      const rows = await readTest(inputs.data);
      const scored = await scoreTest(stageDeps(tools), { model, tokenizer, reference, rows, limits });
      const rng = createRng(seed).fork("held-out");
      await ACCURACY.write(work, testAccuracy(scored, { rng, resamples }));
      await PAIRS.write(work, scored.pairs);
    }),
});

/** Accuracy on the labelled test pairs. */
export const testAccuracyStage = (
  deps: JobDeps,
  { limits, evaluation, seed }: MainJob,
  data: Artefact,
  student: Student,
): Promise<Artefact> =>
  measuring(deps, {
    name: `test-accuracy-${student.name}`,
    config: { limits, resamples: evaluation.resamples, seed },
    inputs: comparedIn(data, student),
  });

/** What the stage of test accuracy found. */
export const readTestAccuracy = (artefact: Artefact): Promise<TestAccuracy> => ACCURACY.read(artefact);

/** The margins of a stage of test accuracy, pair by pair. */
export const readTestMargins = (artefact: Artefact): Promise<readonly TestMargins[]> => PAIRS.read(artefact);
