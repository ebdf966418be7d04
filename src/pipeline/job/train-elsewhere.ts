/**
 * A training stage whose work TRL does: rows and model go out as a job folder under the stage, what TRL logs becomes the stage's curves, and
 * what it made is checked against what went in and written as our own trainer writes it. An attempt that was cut off goes on from TRL's
 * last checkpoint; a training that is finished is only taken.
 */

import { join } from "node:path";
import { checkFree } from "../../base/core/disk.ts";
import { CheckpointError, show } from "../../base/core/errors.ts";
import { ensureFolder, exists, folderBytes, writeJsonAtomic } from "../../base/core/files.ts";
import { loadAdapter, saveAdapter } from "../../engine/checkpoint/adapter-model.ts";
import { loadModel, saveModel } from "../../engine/checkpoint/load-model.ts";
import { mergeAdapter } from "../../engine/checkpoint/merge.ts";
import { readModelConfig } from "../../engine/checkpoint/model-folder.ts";
import { describeModel } from "../../engine/model/families/index.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import { type Model, releaseModel } from "../../engine/model/model.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import type { ResolvedLossSpec } from "../../method/objective/loss-spec.ts";
import { type MetricsLine, openMetrics } from "../../method/train/metrics.ts";
import { EVENTS, eventOf } from "../../method/train/run-folder.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import { openEvents } from "../../method/train/tfevents.ts";
import type { ExportRow, StudentSettings } from "../elsewhere/request.ts";
import { runTrl, type TrlFacts, type TrlLine, type TrlListener } from "../elsewhere/run-trl.ts";
import { writeTrlJob } from "../elsewhere/trl-job.ts";
import { RUNNER_OUT } from "../elsewhere/trl-runner.ts";
import { trlVersions, trlWords } from "../elsewhere/trl-versions.ts";
import { processesOf, type TrlTrainer } from "../recipe/trainer.ts";
import type { Ref, Running, StageTools } from "../stages/define.ts";
import { stageDeps } from "../stages/deps.ts";
import type { WorkFolder } from "../stages/stage.ts";
import { TOOL_FILE } from "../stages/tool.ts";
import { checkSameModel } from "./same-model.ts";
import {
  encodeResponses,
  encodeRows,
  ROWS_USED,
  type RowSource,
  type TrainingRow,
  trainingParts,
} from "./training-rows.ts";

/** What a stage trains: its own config and inputs say the rest. */
type Trainings = Running<
  {
    readonly limits: { readonly maxLength: number; readonly maxPromptLength: number };
    readonly settings: TrainSettings;
    readonly lora?: LoraOptions | undefined;
  },
  { readonly model: Ref },
  unknown
>;

/** What is trained; a loss is there in preference training alone. */
type Kind = {
  readonly kind: "sft" | "prefer" | "reward";
  readonly read: RowSource["read"];
  readonly loss?: ResolvedLossSpec | undefined;
};

/** What of a trainer the result depends on, not where it lies. */
export const trainerIdentity = (trainer: TrlTrainer) => ({
  kind: trainer.kind,
  bfloat16: trainer.gpus > 0,
  processes: processesOf(trainer),
  launch: trainer.launch,
});

/** The part of a stage's config that says who trains. */
export type TrainerIdentity = ReturnType<typeof trainerIdentity>;

/**
 * Trains, and fills the work folder as the stage of our own trainer does.
 * @throws ConfigError where the Python cannot do it; AlignError "trainer" as `runTrl`; CheckpointError where what came out is not of what went in
 */
export async function trainElsewhere(
  { name, work, config, inputs, tools }: Trainings,
  trainer: TrlTrainer,
  { kind, read, loss }: Kind,
): Promise<void> {
  const { limits, lora } = config;
  const { model } = inputs;
  const versions = await trlVersions(trainer, `stage ${name}: trainer`);
  const tokenizer = await loadTokenizer(model.folder);
  const encode = kind === "sft" ? encodeResponses : encodeRows;
  const asked = { name, settings: config.settings, rows: await read(tools.log) };
  const { training, settings } = await trainingParts(work, asked, (some) => encode(tokenizer, some, limits));
  const folder = join(work.scratch, "trl");
  // The job, the start of a head, checkpoints with two moments, and the model as TRL and as we write it.
  await checkFree(
    work.folder,
    4 * (await folderBytes(model.folder)),
    "what TRL writes and the model that comes of it",
  );
  const start =
    kind === "reward" ? await withNewHead(tools, model, join(folder, "start"), settings.seed) : model.folder;
  const { family, decoder } = describeModel(await readModelConfig(start), `${start}/config.json`);
  const job = {
    ...{ kind, model: start, settings, limits, loss, vocabulary: decoder.config.vocabSize },
    rows: training.kept.map((row) => rowOf(row, loss)),
    lora: named(lora, family.loraTargets),
  };
  await writeTrlJob(folder, job, trainer);
  const cut = training.tokenRows.filter(({ prompt }) => prompt.length >= limits.maxPromptLength).length;
  if (cut > 0)
    tools.log.info(
      `${name}: ${cut} of ${training.kept.length} prompts fill data.max_prompt_length (${limits.maxPromptLength}) and may be cut here; TRL takes them whole, and cuts rows at max_length, at their end.`,
    );
  const { runtime } = stageDeps(tools);
  await ensureFolder(work.log);
  const logFile = join(work.log, "trl.log");
  tools.log.info(`${name}: trained by ${trlWords(versions)}, which says in ${logFile} what it does`);
  const listener = await listenerOf(tools, work, name);
  const run = { name, folder, trainer, threads: runtime.threads, logFile, listener, signal: tools.signal };
  const facts = await runTrl(run).finally(() => listener.end());
  await tellRows(work, facts);
  await takeModel(tools, work, { start, out: join(folder, RUNNER_OUT), lora: lora !== undefined });
  await TOOL_FILE.write(work, {
    name: "TRL",
    versions,
    device: facts.device,
    processes: facts.processes,
    seconds: facts.seconds,
    peakBytes: facts.peakBytes,
    dropped: training.kept.length - facts.rows,
  });
}

/** A row as it is written out; a weight only where the loss reads it, for another column would be another training. */
const rowOf = (
  { id, prompt, chosen, rejected, weight }: TrainingRow,
  loss?: ResolvedLossSpec,
): ExportRow => ({
  ...{ id, prompt, chosen, rejected },
  ...(loss?.weighted === true && weight !== undefined ? { weight } : {}),
});

const named = (lora: LoraOptions | undefined, usual: readonly string[]): StudentSettings["lora"] =>
  lora && { ...lora, targetModules: lora.targetModules ?? usual };

/** The model with the head that our own trainer would begin with. */
async function withNewHead(tools: StageTools, model: Ref, to: string, seed: number): Promise<string> {
  if (await exists(to)) return to;
  const { runtime } = stageDeps(tools);
  const headed = await loadModel(runtime, model.folder, { id: "new-head", newRewardHead: { seed } });
  try {
    await saveModel(runtime, headed, to);
  } finally {
    await releaseModel(runtime, headed);
  }
  return to;
}

type Following = TrlListener & { end(): void };

/** Keeps TRL's numbers as curves beside the model, live; a step that is taken again after a crash stands there once. */
async function listenerOf({ log }: StageTools, work: WorkFolder, name: string): Promise<Following> {
  let metrics = await openMetrics(work.log, []);
  let events = await openEvents(join(work.log, EVENTS), 0);
  const progress = log.progress(name, 0, "steps");
  return {
    rows(given, trained) {
      if (trained < given)
        log.warn(
          `${name}: TRL left out ${given - trained} of ${given} rows, whose prompt alone fills max_length there; it trains on the others.`,
        );
    },
    async begins(lines) {
      if (lines.length > 0) log.info(`${name}: goes on from step ${lines.at(-1)!.step}`);
      metrics = await openMetrics(work.log, lines.map(metricsOf));
      events = await openEvents(join(work.log, EVENTS), lines.at(-1)?.step ?? 0);
    },
    async line(one) {
      const line = metricsOf(one);
      await metrics.append(line);
      await events.append(eventOf(line));
      progress.update(one.step);
    },
    end: () => progress.end(),
  };
}

/** Names are TRL's here too; in one order, for a checkpoint keeps them in another than the step that told them. */
function metricsOf({ step, logs: { step: _, epoch = 0, ...values } }: TrlLine): MetricsLine {
  const sorted = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  return { global_step: step, epoch, ...Object.fromEntries(sorted) };
}

/** Rows that TRL left out count as left out. */
async function tellRows(work: WorkFolder, { rows: trained }: TrlFacts): Promise<void> {
  const rows = await ROWS_USED.read(work);
  if (rows.used === trained) return;
  const dropped = rows.used - trained;
  await ROWS_USED.write(work, {
    ...rows,
    used: trained,
    leftOut: rows.leftOut + dropped,
    leftOutByTrainer: dropped,
  });
}

type Made = { readonly start: string; readonly out: string; readonly lora: boolean };

/** What TRL made, as our own trainer would have left it: with the config and the tokenizer files that went in. */
async function takeModel(tools: StageTools, work: WorkFolder, { start, out, lora }: Made): Promise<void> {
  const { runtime } = stageDeps(tools);
  const words = { whose: "the model that went in", advice: "TRL changed it; train here with trainer: here." };
  // An adapter's folder has no model of its own; its base is the one that went in.
  if (!lora) await checkSameModel(out, start, words);
  await checkTemplate(out, start);
  if (!lora) await checkPadding(out, start);
  const loaded = await loadModel(runtime, lora ? start : out, { id: "trained" });
  const held: Model[] = [loaded];
  try {
    let trained = loaded;
    if (lora) {
      const adapted = await loadAdapter(runtime, loaded, out, { log: tools.log });
      held.push(adapted);
      await saveAdapter(runtime, adapted, work.path("adapter"), { baseModel: start });
      const { model: merged, largestDifference } = await mergeAdapter(runtime, adapted);
      held.push(merged);
      await writeJsonAtomic(work.path("merge.json"), { largestDifference });
      trained = merged;
    }
    const config = await readModelConfig(start);
    await saveModel(runtime, { ...trained, config, folder: start }, work.path("model"));
  } finally {
    for (const model of held) await releaseModel(runtime, model);
  }
}

/** A reward model's score is read at the last token that is not padding: another padding token is another place. */
async function checkPadding(out: string, start: string): Promise<void> {
  const [theirs, ours] = [await readModelConfig(out), await readModelConfig(start)];
  const head = describeModel(ours, `${start}/config.json`).task === "reward";
  if (head && theirs["pad_token_id"] !== ours["pad_token_id"])
    throw new CheckpointError(
      out,
      `its scores were read with padding token ${show(theirs["pad_token_id"])}, expected ${show(ours["pad_token_id"])}, as config.json of the model that went in says. Name that token as pad_token in its tokenizer_config.json, or train here with trainer: here.`,
    );
}

async function checkTemplate(out: string, start: string): Promise<void> {
  const [theirs, ours] = [await loadTokenizer(out), await loadTokenizer(start)];
  if (theirs.chatTemplate?.digest !== ours.chatTemplate?.digest)
    throw new CheckpointError(
      out,
      "its chat template is not that of the model that went in, expected the same. TRL changed it; train here with trainer: here.",
    );
}
