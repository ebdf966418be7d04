/** `weak-teacher sft | prefer | reward`: one training stage, from a data file and a model folder to a model folder. */
import type { Command } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import type { Log } from "../../../base/core/log.ts";
import { type Source, sourceName } from "../../../method/data/source.ts";
import type { TrainRequest } from "../../../pipeline/job/train-stages.ts";
import type { JobDeps } from "../../../pipeline/stages/deps.ts";
import type { StageStep } from "../../../pipeline/stages/pipeline.ts";
import {
  checkFiles,
  type DataOptions,
  readOptions,
  SOURCES,
  sourceOf,
  tokenLimits,
  withData,
} from "../data-options.ts";
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
  };

/** Runs the stage of a verb. */
type Train = (deps: JobDeps, request: TrainRequest, options: TrainOptions) => Promise<unknown>;

/** Adds the verbs `sft`, `prefer` and `reward`. */
export function addTraining(program: Command): void {
  addTrain(program, "sft", "fine-tune a model on the chosen responses", trainSft, [
    "--set learning_rate=1e-5 --set num_train_epochs=2",
  ]);
  addTrain(program, "prefer", "train a model on preferences; its start is the reference", trainPrefer, [
    "--set beta=0.1 --set learning_rate=5e-5",
    "--set loss=ipo --set lora.r=8",
  ]);
  addTrain(
    program,
    "reward",
    "train a Bradley-Terry reward head (and the model below it) on preferences",
    trainReward,
    ["--set batch_size=32"],
  );
}

function addTrain(
  program: Command,
  verb: string,
  description: string,
  train: Train,
  sets: readonly string[],
): void {
  const command = program
    .command(verb)
    .description(description)
    .argument("<files...>", `preferences: ${SOURCES}`)
    .requiredOption("--model <folder>", "the model to start from: a folder, or hub:Owner/name[@revision]")
    .requiredOption("--out <folder>", "where model/, log/ and stage.json go, when they are whole")
    .option("--set <name=value>", "a training setting, named as in recipes; may be given again", collect, [])
    .option(
      "--seed <n>",
      "seed of row order, dropout and new weights",
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      22,
    )
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
        runTrain(session, { verb, file: sourceOf(files, options.mix), options, train }),
      ),
    );
}

type TrainCall = { verb: string; file: Source; options: TrainOptions; train: Train };

async function runTrain(session: Session, { verb, file, options, train }: TrainCall): Promise<void> {
  const { runSingle } = await import("../../../pipeline/stages/single.ts");
  const { fetchModel } = await import("../../../pipeline/recipe/hub-models.ts");
  const { givenModel } = await import("../../../pipeline/job/model-stages.ts");
  const folder = await fetchModel(options.model, session.log);
  const limits = await tokenLimits(options, [folder]);
  const request: TrainRequest = {
    name: verb,
    model: await givenModel(folder),
    rows: await rowsOf(file, options, { log: session.log, folder }),
    limits,
  };
  await checkFiles([folder], [file], options);
  const { log, signal } = session;
  const { out, device, threads } = options;
  const how = {
    out,
    device,
    threads,
    log,
    signal,
    code: packageVersion(),
    dryRun: options.dryRun === true,
    fresh: options.fresh === true,
  };
  const step = await runSingle(how, (deps) => train(deps, request, options));
  session.result(step, textOf(step, out));
}

/** The rows, named by the digest of the file and by how it is read. */
async function rowsOf(
  file: Source,
  options: TrainOptions,
  { log, folder }: { readonly log: Log; readonly folder: string },
): Promise<TrainRequest["rows"]> {
  const { encodableBy } = await import("../../../pipeline/job/encodable.ts");
  const { digestOf } = await import("../../../base/core/digest.ts");
  const { digestSources } = await import("../../../method/data/source.ts");
  const { artefactAt } = await import("../../../pipeline/stages/stage.ts");
  const { readPreferences } = await import("../../../method/data/load.ts");
  const { seed } = options;
  const drawn = typeof file === "string" ? {} : { seed };
  const how = { ...readOptions(options), ...drawn };
  let bad = 0;
  const digest = digestOf([await digestSources(file), how]);
  return {
    from: artefactAt("file", sourceName(file), digest),
    read: async () => {
      const { check } = await encodableBy([folder]);
      const { rows, report } = await readPreferences(file, { ...how, log, check });
      bad = report.bad.length;
      return rows;
    },
    badRows: () => bad,
  };
}

function textOf({ name, state }: StageStep, out: string): string {
  const done = `${out}: model/ holds the model, log/ its curves`;
  if (state === "cached") return `${name}: kept from before\n${done}`;
  return state === "run" || state === "resume" ? `${name}: ${done}` : `${name}: runs`;
}

const trainSft: Train = async (deps, request, { set, seed }) => {
  const { settingsOf } = await import("../../../base/settings/set.ts");
  const { sftSchema } = await import("../../../pipeline/recipe/training.ts");
  const { sftStage } = await import("../../../pipeline/job/train-stages.ts");
  return sftStage(deps, { ...request, settings: { ...settingsOf(sftSchema, set), seed } });
};

const trainReward: Train = async (deps, request, { set, seed }) => {
  const { settingsOf } = await import("../../../base/settings/set.ts");
  const { rewardSchema } = await import("../../../pipeline/recipe/training.ts");
  const { rewardStage } = await import("../../../pipeline/job/train-stages.ts");
  return rewardStage(deps, { ...request, settings: { ...settingsOf(rewardSchema, set), seed } });
};

const trainPrefer: Train = async (deps, request, { set, seed }) => {
  const { z } = await import("zod");
  const { settingsOf } = await import("../../../base/settings/set.ts");
  const { loraSchema, preferSchema } = await import("../../../pipeline/recipe/training.ts");
  const { preferOf } = await import("../../../pipeline/recipe/job.ts");
  const { loraOf } = await import("../../../pipeline/recipe/teacher-job.ts");
  const { checkAdapters } = await import("../../../pipeline/job/model-stages.ts");
  const { preferStage } = await import("../../../pipeline/job/train-stages.ts");
  const adapter = set.filter((text) => /^\s*lora\s*[.=]/.test(text));
  const settings = settingsOf(
    preferSchema,
    set.filter((text) => !adapter.includes(text)),
  );
  if (settings.loss.weighted || settings.loss.type === "soft")
    throw new ConfigError(
      "--set loss: a preference file holds no weights or soft labels; use a plain loss here, or a recipe.",
    );
  const { lora: asked } = settingsOf(z.strictObject({ lora: loraSchema.nullable().default(null) }), adapter);
  const lora = asked === null ? undefined : loraOf(asked);
  await checkAdapters(lora, request.model);
  return preferStage(deps, { ...request, ...preferOf(settings, seed, "loss"), lora });
};
