/** A labelling as one call: files and model folders in, a folder of labels out. */
import { join, resolve } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { exists } from "../../base/core/files.ts";
import { silentLog } from "../../base/core/log.ts";
import { settingsOf } from "../../base/settings/set.ts";
import { modelIdentity } from "../../engine/checkpoint/model-identity.ts";
import { readCandidates } from "../../method/data/load.ts";
import type { PairOptions } from "../../method/data/pairs.ts";
import { digestSources, partsOf, type Source, sourceName } from "../../method/data/source.ts";
import { openCandidates } from "../../method/data/stream-candidates.ts";
import { isHeldOut } from "../../method/labels/held-out-file.ts";
import { LEAST_HELD_OUT } from "../../method/labels/held-out-fit.ts";
import { readLabellingFacts } from "../../method/labels/labelling.ts";
import { holdsModels, identityOf, readersOf, type TeacherChoice } from "../../method/teacher/choice.ts";
import { judgePrompt, judgeQuestions } from "../../method/teacher/judge.ts";
import type { Precision } from "../../method/teacher/precisions.ts";
import { aheadWords } from "../../method/teacher/spending.ts";
import { type AskedLimits, limitsFor } from "../job/model-checks.ts";
import { checkReadable, checkRows } from "../job/row-checks.ts";
import { runSingle, type SingleOptions } from "../stages/single.ts";
import type { StageStep } from "../stages/steps.ts";
import { openCheap } from "./cascade.ts";
import { type LabelFactsFile, type LabelRequest, labelRulesSchema, labelStage } from "./label-stage.ts";

/** What to label, by whom, under which rules. */
export type LabelPoolRequest = SingleOptions &
  AskedLimits & {
    /** Pairs to label; labels in it are not looked at. */
    readonly pool: Source;
    readonly teacher: TeacherChoice;
    /** Files beside model folders that the teacher reads, by name: the result's identity holds their contents. */
    readonly teacherFiles?: Readonly<Record<string, Source>>;
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
  const step = await runSingle(call, (deps) => labelStage(deps, request));
  const there = call.dryRun === true ? step.state === "cached" : step.state !== "shared";
  const facts = there ? await readLabellingFacts<LabelFactsFile>(call.out) : undefined;
  return { step, facts };
}

async function labelRequest(call: LabelPoolRequest): Promise<LabelRequest> {
  const teacher = inPrecision(call);
  const { pool, teacherFiles = {}, calibrate, after, read, seed, out, log = silentLog } = call;
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
  const digests = [
    ...Object.entries(identityOf(teacher).models).map(async ([name, at]) => [name, await modelIdentity(at)]),
    ...Object.entries(teacherFiles).map(async ([name, at]) => [name, await digestSources(at)]),
  ];
  const [poolDigest, calibrateDigest] = [
    await digestSources(pool),
    calibrate === undefined ? undefined : await digestSources(calibrate),
  ];
  return {
    ...{ teacher, maxTurned: call.maxTurned },
    rules,
    after:
      after === undefined
        ? undefined
        : await openCheap(
            after,
            { pool: poolDigest, calibrate: calibrateDigest!, reading: readingDigest(call) },
            (config) => readingDigest(config as Partial<LabelPoolRequest>),
          ),
    models: Object.fromEntries(await Promise.all(digests)) as Record<string, string>,
    pool: { file: pool, digest: poolDigest },
    calibrate: calibrate === undefined ? undefined : { file: calibrate, digest: calibrateDigest! },
    read,
    limits: await limitsFor(call, readersOf(teacher)),
    seed,
    earlier: call.fresh !== true && (await exists(join(out, "facts.json"))) ? out : undefined,
  };
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
function checkAfter({ after, calibrate, out }: LabelPoolRequest, rules: LabelRequest["rules"]): void {
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
async function checkCalibrate(source: Source, read: LabelRequest["read"]): Promise<void> {
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
