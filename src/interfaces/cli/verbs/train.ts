/** `weak-teacher sft | prefer | reward`: one training stage, from a data file and a model folder to a model folder. */

import type { Command } from "commander";
import { DEFAULT_SEED } from "../../../base/core/rng.ts";
import type { Source } from "../../../method/data/source.ts";
import type { TrainingKind } from "../../../pipeline/job/train-model.ts";
import type { StageStep } from "../../../pipeline/stages/pipeline.ts";
import { type DataOptions, readOptions, SOURCES, sourceOf, withData } from "../data-options.ts";
import { type ComputeOptions, collect, examples, wholeNumber, withCompute } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

/** Flags of the training verbs. */
type TrainOptions = ComputeOptions &
  DataOptions & {
    readonly model: string;
    readonly out: string;
    readonly set: readonly string[];
    readonly seed: number;
    readonly dryRun?: boolean;
    readonly fresh?: boolean;
    readonly adapterOnly?: boolean;
  };

/** Adds the verbs `sft`, `prefer` and `reward`. */
export function addTraining(program: Command): void {
  addTrain(program, "sft", "fine-tune a model on the chosen responses", [
    "--set learning_rate=1e-5 --set num_train_epochs=2",
    "--set lora.r=8 --adapter-only",
  ]);
  addTrain(program, "prefer", "train a model on preferences; its start is the reference", [
    "--set beta=0.1 --set learning_rate=5e-5",
    "--set loss=ipo --set lora.r=8",
  ]);
  addTrain(program, "reward", "train a Bradley-Terry reward head (and the model below it) on preferences", [
    "--set batch_size=32",
    "--set lora.r=8 --set learning_rate=1e-4",
  ]);
}

function addTrain(program: Command, verb: TrainingKind, description: string, sets: readonly string[]): void {
  const command = program
    .command(verb)
    .description(description)
    .argument("<files...>", `preferences: ${SOURCES}`)
    .requiredOption("--model <folder>", "the model to start from: a folder, or hub:Owner/name[@revision]")
    .requiredOption(
      "--out <folder>",
      "where model/ (with lora: adapter/, too), log/ and stage.json go, when they are whole",
    )
    .option("--set <name=value>", "a training setting, named as in recipes; may be given again", collect, [])
    .option(
      "--seed <n>",
      "seed of row order, dropout and new weights",
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      DEFAULT_SEED,
    )
    .option("--adapter-only", "of a training with lora: keep adapter/ (PEFT), and write no merged model/")
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--fresh", "start over, whatever is kept");
  withCompute(withData(command))
    .addHelpText(
      "after",
      examples([
        ...sets.map((set) => `${verb} pairs.jsonl --model models/base --out models/${verb} ${set}`),
        `${verb} ours.jsonl theirs.csv --mix 3,1 --model models/base --out models/${verb}`,
      ]),
    )
    .action(
      act((session, files: readonly string[], options: TrainOptions) =>
        runTrain(session, verb, sourceOf(files, options.mix), options),
      ),
    );
}

async function runTrain(
  session: Session,
  kind: TrainingKind,
  file: Source,
  options: TrainOptions,
): Promise<void> {
  const { trainModel } = await import("../../../pipeline/job/train-model.ts");
  const { log, signal } = session;
  const { model, out, set, seed, device, threads, maxLength, maxPromptLength } = options;
  const step = await trainModel({
    ...{ kind, file, model, set, seed, read: readOptions(options), maxLength, maxPromptLength },
    ...{ out, device, threads, log, signal, code: packageVersion() },
    dryRun: options.dryRun === true,
    fresh: options.fresh === true,
    adapterOnly: options.adapterOnly === true,
  });
  session.result(step, textOf(step, options));
}

type Told = Pick<TrainOptions, "out" | "dryRun" | "adapterOnly" | "model">;

function textOf({ name, state }: StageStep, { out, dryRun, adapterOnly, model }: Told): string {
  const [what, where] =
    adapterOnly === true ? [`the adapter on ${model}`, "adapter"] : ["the model", "model"];
  const done = `${out}: ${where}/ holds ${what}, log/ its curves`;
  if (state === "cached") return `${name}: kept from before\n${done}`;
  if (dryRun === true)
    return `${name}: would ${state === "resume" ? "go on" : "train"}; ${what} would be in ${out}/${where}`;
  return `${name}: ${done}`;
}
