/** The job folder of one training by TRL: what `export` writes of it, with the file that runs it and one that says what is asked. */
import { join } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import { writeFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import type { ResolvedLossSpec } from "../../method/objective/loss-spec.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import { processesOf, type TrlTrainer } from "../recipe/trainer.ts";
import { type FirstLoss, firstPreferenceLoss, firstRewardLoss, firstSftLoss } from "./first-loss.ts";
import { type ExportRow, type StudentSettings, splitBatch, type ToolInput } from "./request.ts";
import { fileBytes } from "./rows.ts";
import { adapterArguments, type TrlTraining, trlPrefer, trlReward, trlSft } from "./trl.ts";
import { RUNNER_JOB, trlRunner } from "./trl-runner.ts";

/** One training. A loss is there in preference training alone. */
export type TrlJob = {
  readonly kind: "sft" | "prefer" | "reward";
  /** Folder of the model to start from; of a reward head, one with a new head. */
  readonly model: string;
  /** Tokens of its vocabulary. */
  readonly vocabulary: number;
  readonly rows: readonly ExportRow[];
  readonly settings: TrainSettings;
  readonly loss?: ResolvedLossSpec | undefined;
  readonly lora: StudentSettings["lora"];
  readonly limits: TokenLimits;
};

/** Writes a job into a folder, beside what an attempt left there. @throws ConfigError for what `trlProblems` names */
export async function writeTrlJob(folder: string, job: TrlJob, trainer: TrlTrainer): Promise<void> {
  const input = inputOf(job, trainer);
  const { files, config } = trainingOf(job, input, trainer);
  for (const file of [...files, trlRunner()]) await writeFileAtomic(join(folder, file.path), fileBytes(file));
  await writeJsonAtomic(join(folder, RUNNER_JOB), {
    trainer: kindOf(job),
    config,
    rows: job.rows.length,
    batch: job.settings.batchSize,
    first: firstOf(job, trainer.gpus > 0) ?? null,
  });
}

/**
 * What TRL cannot do of a training, each with what to do; empty where it can.
 * @param where - names the settings, such as "student.prefer"
 */
export function trlProblems(
  { settings, loss }: Pick<TrlJob, "settings" | "loss">,
  trainer: TrlTrainer,
  where: string,
): string[] {
  const here = "or train here with trainer: here.";
  const problems: string[] = [];
  if (settings.validation !== undefined)
    problems.push(
      `${where}.validation: TRL's trainers are given every row; nothing is set aside or stopped early by it. Leave it out, ${here}`,
    );
  if (settings.decayAll)
    problems.push(`${where}.decay_all: TRL decays no norms and biases. Leave it out, ${here}`);
  const processes = processesOf(trainer);
  if (settings.batchSize % processes !== 0)
    problems.push(
      `${where}.batch_size: ${settings.batchSize} rows cannot be divided over ${processes} processes of the trainer. Choose a multiple, ${here}`,
    );
  if (loss === undefined) return problems;
  try {
    const rows = [{ id: "0", prompt: "", chosen: "", rejected: "", weight: 1 }];
    const limits = { maxLength: 2, maxPromptLength: 1 };
    const one = { ...settings, batchSize: processes, validation: undefined };
    const job: TrlJob = {
      kind: "prefer",
      model: "",
      vocabulary: 2,
      rows,
      settings: one,
      loss,
      lora: undefined,
      limits,
    };
    trainingOf(job, inputOf(job, trainer), trainer);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const text = error.message.replace("--to trl: ", "TRL ").replace(/^TRL weights/, "weights");
    problems.push(`${where}.loss: ${text} Or train here with trainer: here.`);
  }
  return problems;
}

const kindOf = ({ kind, loss }: TrlJob): "sft" | "dpo" | "weighted" | "reward" =>
  kind === "prefer" ? (loss!.weighted ? "weighted" : "dpo") : kind;

function firstOf({ kind, loss, vocabulary }: TrlJob, bfloat16: boolean): FirstLoss | undefined {
  if (kind === "prefer") return firstPreferenceLoss(loss!, bfloat16);
  return kind === "sft" ? firstSftLoss(vocabulary) : firstRewardLoss();
}

function inputOf(
  { kind, model, rows, settings, loss, lora, limits }: TrlJob,
  { gpus }: TrlTrainer,
): ToolInput {
  return {
    ...{ rows, sftRows: rows, gpus, weightsDone: false },
    student: {
      ...{ model, limits, lora, loss, seed: settings.seed, sftLora: lora !== undefined },
      sft: kind === "sft" ? settings : undefined,
      prefer: kind === "sft" ? undefined : settings,
    },
  };
}

function trainingOf({ kind, settings, lora }: TrlJob, input: ToolInput, trainer: TrlTrainer): TrlTraining {
  const { perDevice, accumulation } = splitBatch(settings.batchSize, processesOf(trainer));
  const over = {
    output_dir: "./checkpoints",
    per_device_train_batch_size: perDevice,
    gradient_accumulation_steps: accumulation,
    logging_steps: 1,
    logging_nan_inf_filter: false,
    // One may be cut off while the next is written.
    save_total_limit: Math.max(2, settings.saveTotalLimit),
    disable_tqdm: true,
  };
  if (kind === "sft") return trlSft(input, { ...over, ...adapterArguments(lora, "CAUSAL_LM") });
  return kind === "prefer" ? trlPrefer(input, over) : trlReward(input, over);
}
