/** A labelling as one call: files and model folders in, a folder of labels out. */
import { join, resolve } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { exists } from "../../base/core/files.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { settingsOf } from "../../base/settings/set.ts";
import { modelIdentity } from "../../engine/checkpoint/model-identity.ts";
import { readCandidates } from "../../method/data/load.ts";
import type { PairOptions } from "../../method/data/pairs.ts";
import { digestSources, partsOf, type Source, sourceName } from "../../method/data/source.ts";
import { openCandidates } from "../../method/data/stream-candidates.ts";
import { isHeldOut } from "../../method/labels/held-out-file.ts";
import { LEAST_HELD_OUT } from "../../method/labels/held-out-fit.ts";
import { readLabellingFacts } from "../../method/labels/labelling.ts";
import {
  holdsModels,
  howAsked,
  identityOf,
  readersOf,
  type TeacherChoice,
} from "../../method/teacher/choice.ts";
import { judgePrompt, judgeQuestions } from "../../method/teacher/judge.ts";
import { MOST_TURNED, type Precision } from "../../method/teacher/precisions.ts";
import { aheadWords } from "../../method/teacher/spending.ts";
import { sourceInput } from "../job/data-source.ts";
import { type Encodable, teacherEncodable } from "../job/encodable.ts";
import { type AskedLimits, limitsFor } from "../job/model-checks.ts";
import { fewBits } from "../job/precision-check.ts";
import { checkReadable, checkRows } from "../job/row-checks.ts";
import { digested, type Ref } from "../stages/define.ts";
import { runSingle, type SingleOptions } from "../stages/single.ts";
import type { StageStep } from "../stages/steps.ts";
import { openCheap } from "./cascade.ts";
import {
  type LabelConfig,
  type LabelFactsFile,
  type LabelRequest,
  labelFactsSchema,
  labelRulesSchema,
  labelStage,
  type ToldInputs,
} from "./label-stage.ts";

/** What to label, by whom, under which rules. */
export type LabelPoolRequest = SingleOptions &
  AskedLimits & {
    /** Pairs to label; labels in it are not looked at. */
    readonly pool: Source;
    readonly teacher: TeacherChoice;
    /** Labelled pairs that the teacher has not seen: probabilities are fitted on them. */
    readonly calibrate?: Source | undefined;
    /** A finished labelling of the pool by a cheaper teacher, and the confidence in [0.5, 1] from which its labels stay, default `SURE`. */
    readonly after?: { readonly folder: string; readonly sure?: number | undefined } | undefined;
    /** What the weights of a teacher with models are held in, default float32; in fewer bits it is compared first (`method/teacher/precision.ts`). */
    readonly precision?: Precision | undefined;
    /** Share of the labels that may turn in that comparison, in [0, 1], default `MOST_TURNED`. */
    readonly maxTurned?: number | undefined;
    /** Rules as texts of `--set`: score, calibration, select, weight. */
    readonly set: readonly string[];
    readonly read: PairOptions;
    readonly seed: number;
  };

/** The step, and the facts of what lies in the folder; none of a dry run, or where pairs were only scored. */
export type LabelPoolOutcome = { readonly step: StageStep; readonly facts: LabelFactsFile | undefined };

/**
 * Labels a pool, or says what would be done.
 * @throws ConfigError for rules without the pairs they rest on, and as `runSingle`; CheckpointError and DataError for models and files
 */
export async function labelPoolFile(call: LabelPoolRequest): Promise<LabelPoolOutcome> {
  const request = await labelRequest(call);
  const step = await runSingle(call, (deps) => labelStage(deps, { name: "label", ...request }));
  const there = call.dryRun === true ? step.state === "cached" : step.state !== "shared";
  const facts = there ? await readLabellingFacts(call.out, labelFactsSchema) : undefined;
  return { step, facts };
}

async function labelRequest(call: LabelPoolRequest): Promise<LabelRequest> {
  const teacher = inPrecision(call);
  const { pool, calibrate, after, read, seed, out, log = silentLog } = call;
  const rules = settingsOf(labelRulesSchema, call.set);
  if (rules.calibration !== undefined && calibrate === undefined)
    throw new ConfigError(
      "--set calibration: has no effect without labelled pairs. Name a file of them with --calibrate.",
    );
  if (rules.select?.kind === "promise" && calibrate === undefined)
    throw new ConfigError(
      "--calibrate: is missing; a promise (--max-disagreement, --set select.kind=promise) rests on labelled pairs that the teacher has not seen.",
    );
  if (after !== undefined) checkAfter(call, rules);
  const files = [pool, ...(calibrate === undefined ? [] : [calibrate])].map((file) => ({
    file,
    read: { ...read, log },
  }));
  if (calibrate !== undefined) await checkCalibrate(calibrate, read);
  await checkReadable(readersOf(teacher), files);
  // Nobody reads the rows for work then.
  if (call.dryRun === true) await checkRows(readersOf(teacher), files);
  if (call.dryRun === true && teacher.kind === "judge-chat") await sayAhead(teacher, files, call);
  const inputs = {
    pool: await sourceInput(pool),
    calibrate: calibrate === undefined ? undefined : await sourceInput(calibrate),
  };
  const cheap =
    after &&
    (await openCheap(
      after,
      { pool: inputs.pool.source, calibrate: inputs.calibrate!.source, reading: readingDigest(call) },
      (config) => readingDigest(config as Partial<LabelPoolRequest>),
    ));
  const { settings, models } = identityOf(teacher);
  const told = { ...(await modelInputs(models)), ...(await toldInputs(teacher)) };
  return {
    config: {
      ...{ teacher: settings, limits: await limitsFor(call, readersOf(teacher)), rules, seed, read },
      ...(cheap && { sure: cheap.sure }),
      ...(fewBits(teacher) && { maxTurned: call.maxTurned ?? MOST_TURNED }),
    },
    inputs: {
      ...told,
      readers: { value: checkOf(teacher), source: digestOf(Object.values(told).map(({ source }) => source)) },
      ...inputs,
      after: cheap && { value: cheap, source: cheap.digest },
    },
    how: {
      asked: howAsked(teacher),
      earlier: call.fresh !== true && (await exists(join(out, "facts.json"))) ? out : undefined,
      logFor: tellingOnce(log),
    },
  };
}

function tellingOnce(log: Log): (file: string) => Log {
  const told = new Set<string>();
  return (file) => {
    const first = !told.has(file);
    told.add(file);
    return first ? log : silentLog;
  };
}

/** Model folders by role, with their identities. */
async function modelInputs(models: Readonly<Record<string, string>>): Promise<Readonly<Record<string, Ref>>> {
  const refs = Object.entries(models).map(async ([role, folder]) => [
    role,
    { folder, source: await modelIdentity(folder) },
  ]);
  return Object.fromEntries(await Promise.all(refs));
}

/** The check of rows, loaded when it is first asked for. */
function checkOf(teacher: TeacherChoice): () => Promise<Encodable["check"]> {
  let loaded: ReturnType<typeof teacherEncodable> | undefined;
  return async () => {
    loaded ??= teacherEncodable(teacher);
    return (await loaded).check;
  };
}

/** What a teacher reads beside models. The tokenizer of served ones lies in a folder that need hold no model. */
async function toldInputs(teacher: TeacherChoice): Promise<ToldInputs> {
  switch (teacher.kind) {
    case "remote":
      return { tokenizer: { folder: teacher.tokenizer, source: await digestSources(teacher.tokenizer) } };
    case "gold":
      return { rewards: digested([...(await teacher.rewards())]) };
    case "noisy-human":
      return { choices: digested([...(await teacher.choices())]) };
    default:
      return {};
  }
}

/** What a labelling's config, and whoever asks for one, says of how pairs are read. */
const readingDigest = ({ seed, read }: Partial<Pick<LabelPoolRequest, "seed" | "read">>) =>
  digestOf({ seed, read });

/** Says what a chat judge would be asked, and what that may cost. */
async function sayAhead(
  teacher: Extract<TeacherChoice, { readonly kind: "judge-chat" }>,
  files: readonly { readonly file: Source; readonly read: PairOptions }[],
  { log = silentLog, seed }: LabelPoolRequest,
): Promise<void> {
  const prompt = judgePrompt(teacher.prompt);
  const samples = teacher.samples ?? 1;
  let [questions, characters] = [0, 0];
  for (const { file, read } of files)
    for await (const pair of (await openCandidates(file, { ...read, seed })).pairs())
      for (const text of judgeQuestions(prompt, pair)) {
        questions += samples;
        characters += samples * text.length;
      }
  const ahead = { questions, characters, maxTokens: teacher.maxTokens };
  log.info(`judge ${teacher.model}: ${aheadWords(ahead, teacher.prices)}`);
}

/** The teacher in the precision that was asked for. @throws ConfigError for one without models, and for a limit on nothing */
function inPrecision({ teacher, precision = "float32", maxTurned }: LabelPoolRequest): TeacherChoice {
  if (maxTurned !== undefined && precision === "float32")
    throw new ConfigError(
      "--max-turned: has no effect in float32. Give --precision int8 or int4, or leave it out.",
    );
  if (precision === "float32") return teacher;
  if (!holdsModels(teacher))
    throw new ConfigError(
      `--precision ${precision}: has no effect on a teacher of kind ${teacher.kind}, which holds no model here. Leave it out.`,
    );
  return { ...teacher, precision };
}

/** @throws ConfigError for a cascade without the pairs that it is calibrated on, one that would write over its first teacher's labels, and a promise */
function checkAfter({ after, calibrate, out }: LabelPoolRequest, rules: LabelConfig["rules"]): void {
  if (calibrate === undefined)
    throw new ConfigError(
      "--calibrate: is missing; two teachers are calibrated as one. Name the labelled pairs that the first was calibrated on.",
    );
  if (resolve(after!.folder) === resolve(out))
    throw new ConfigError(`--out ${out}: is the folder of --after. Choose another.`);
  // Two fitted curves can order pairs by the very answers they were fitted on, as one cannot.
  if (rules.select.kind === "promise")
    throw new ConfigError(
      "--after: a promise needs pairs that neither teacher was calibrated on. Select by --top or --min-confidence.",
    );
}

/**
 * Labelled pairs are read once before anything is scored: what they lack is no surprise after an hour.
 * @throws ConfigError for the held-out file of a labelling, which holds no texts, and for fewer pairs than calibrate; DataError as `readCandidates`
 */
async function checkCalibrate(source: Source, read: PairOptions): Promise<void> {
  for (const { file } of partsOf(source))
    if (await isHeldOut(file))
      throw new ConfigError(
        `--calibrate ${file}: holds margins of pairs by another teacher and not their texts, expected labelled pairs. Give the pairs that it names by their ids (those of a run are in stages/data-…/labelled.jsonl), or others that the teacher has not learned from.`,
      );
  const { humanLabels } = await readCandidates(source, { ...read, seed: 0 });
  if (humanLabels.length < LEAST_HELD_OUT)
    throw new ConfigError(
      `--calibrate ${sourceName(source)}: expected at least ${LEAST_HELD_OUT} pairs that people decided, got ${humanLabels.length}. Name a file with more.`,
    );
}
