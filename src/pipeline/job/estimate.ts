/**
 * What the training of a job will take, before it starts. For files it counts a token per four characters: meant to tell
 * minutes from hours and fitting from not.
 */
import { llama2cConfig } from "../../checkpoint/llama2c.ts";
import { openModelFolder } from "../../checkpoint/model-folder.ts";
import { extractStories15M } from "../../checkpoint/stories15m.ts";
import { readPreferences } from "../../data/load.ts";
import type { TokenRow } from "../../data/packing.ts";
import { plainText } from "../../data/rows.ts";
import { describeModel } from "../../model/families/index.ts";
import { loraSpec } from "../../model/lora.ts";
import { parameterShapes } from "../../model/model.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { TokenLimits } from "../../text/pair.ts";
import {
  estimateTraining,
  formatEstimate,
  type ModelShape,
  measureGflops,
  type TrainEstimate,
} from "../../train/estimate.ts";
import type { TrainSettings } from "../../train/settings.ts";
import { readPromptList } from "./data-stage.ts";
import { STORIES } from "./model-stages.ts";
import type { MainJob, ModelSource, RowSpec } from "./settings.ts";
import { startOf } from "./student-stages.ts";

/** One training stage and what it will take. */
export type StageEstimate = { readonly stage: string; readonly estimate: TrainEstimate };

/** Estimates every training stage of a job, on this machine's measured matrix rate. */
export async function estimateJob(runtime: Runtime, job: MainJob): Promise<StageEstimate[]> {
  const [weak, student] = [await shapeOf(job.models.weak), await shapeOf(job.models.student)];
  const { labelled, pool } = await sampleRows(job);
  const taught = labelled.slice(0, Math.round(labelled.length * (1 - job.label.heldOut)));
  const gflops = await measureGflops(runtime);
  const one = (
    stage: string,
    model: ModelShape,
    rows: readonly TokenRow[],
    settings: TrainSettings,
  ): StageEstimate => ({
    stage,
    estimate: estimateTraining(model, rows, settings, gflops),
  });
  const preferred = (rows: readonly TokenRow[]) =>
    rows.map((row) => ({ ...row, responses: row.responses.slice(0, 1) }));
  const { teacher, arms } = job;
  const second = teacher.kind === "reward-head" ? teacher.reward : teacher.prefer.settings;
  const starts = new Map(arms.flatMap((arm) => startOf(arm)));
  const rowsOf = ({ data }: RowSpec) =>
    data === "labelled" ? labelled : data === "both" ? [...pool, ...labelled] : pool;
  const adapted = job.student.lora === undefined ? student : withLora(student, loraSpec(job.student.lora));
  return [
    one("teacher-sft", weak, preferred(taught), teacher.sft),
    one(`teacher-${teacher.kind === "reward-head" ? "reward" : "prefer"}`, weak, taught, second),
    ...[...starts].map(([name, rows]) => one(name, student, preferred(rowsOf(rows)), job.student.sft)),
    ...arms
      .filter(({ training }) => training === "prefer")
      .map(({ name, prefer, rows }) =>
        one(`student-${name}`, adapted, rowsOf(rows), (prefer ?? job.student.prefer).settings),
      ),
  ];
}

/** The estimates as lines, and their sum. */
export function formatEstimates(estimates: readonly StageEstimate[]): string {
  const width = Math.max(...estimates.map(({ stage }) => stage.length));
  const lines = estimates.map(({ stage, estimate }) => `${stage.padEnd(width)}  ${formatEstimate(estimate)}`);
  const minutes = estimates.reduce((total, { estimate }) => total + estimate.seconds, 0) / 60;
  return `${lines.join("\n")}\ntraining in all: about ${minutes.toFixed(1)} minutes; sampling, labelling and evaluation come on top`;
}

/** Tokens that a trimmed vocabulary is counted with; seen: 2,757 for the demo, 6,398 for all of ETHICS utilitarianism. */
const TRIMMED_VOCABULARY = 5000;

async function shapeOf({ from, layers, trimVocabulary }: ModelSource): Promise<ModelShape> {
  const config = await configOf(from);
  const vocabulary = Math.min(Number(config["vocab_size"] ?? TRIMMED_VOCABULARY), TRIMMED_VOCABULARY);
  const counted = trimVocabulary ? { ...config, vocab_size: vocabulary } : config;
  const { decoder } = describeModel(counted, from);
  const cut = layers === undefined ? decoder : { ...decoder, config: { ...decoder.config, layers } };
  return {
    decoder: cut,
    parameters: parameterShapes(cut, "language-model"),
    lora: undefined,
    task: "language-model",
  };
}

function withLora(model: ModelShape, lora: ReturnType<typeof loraSpec>): ModelShape {
  return { ...model, lora, parameters: parameterShapes(model.decoder, model.task, lora) };
}

async function configOf(from: string): Promise<Readonly<Record<string, unknown>>> {
  if (from === STORIES) return llama2cConfig(STORIES, (await extractStories15M()).model);
  const folder = await openModelFolder(from);
  await folder.close();
  return folder.config;
}

/** Rows of about the right number and lengths; token ids are all 0. */
async function sampleRows({ data, limits }: MainJob): Promise<{ labelled: TokenRow[]; pool: TokenRow[] }> {
  if (data.kind === "world") {
    const prompts = await readPromptList(data);
    const rows = prompts.flatMap((prompt) => {
      const response = data.sampling.maxNewTokens + 1;
      return Array.from({ length: data.pairsPerPrompt }, () =>
        rowOf(prompt.length, [4 * response, 4 * response], limits),
      );
    });
    const labelled = Math.round(data.labelled * rows.length);
    return {
      labelled: rows.slice(0, labelled),
      pool: rows.slice(labelled, rows.length - Math.round(data.test * rows.length)),
    };
  }
  const { source, onBadRow, format, map, limit } = data.main;
  const options = { onBadRow, ...(format && { format }), ...(map && { map }), ...(limit && { limit }) };
  const { rows: read } = await readPreferences(source, options);
  const rows = read.map(({ prompt, chosen, rejected }) =>
    rowOf(plainText(prompt).length, [plainText(chosen).length, plainText(rejected).length], limits),
  );
  const count = (part: number) => Math.min(rows.length, part < 1 ? Math.round(part * rows.length) : part);
  return { labelled: rows.slice(0, count(data.labelled)), pool: rows.slice(-count(data.pool)) };
}

function rowOf(
  promptLength: number,
  responseLengths: readonly number[],
  { maxLength, maxPromptLength }: TokenLimits,
): TokenRow {
  const tokens = (characters: number, most: number) => Math.max(1, Math.min(most, Math.ceil(characters / 4)));
  const prompt = tokens(promptLength, maxPromptLength);
  const zeros = (length: number) => new Array<number>(length).fill(0);
  return {
    prompt: zeros(prompt),
    responses: responseLengths.map((length) => zeros(tokens(length, maxLength - prompt))),
  };
}
