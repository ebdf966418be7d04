/** `weak-teacher label`: a teacher's labels of a pool of pairs. */

import { type Command, Option } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import { DEFAULT_SEED } from "../../../base/core/rng.ts";
import type { Source } from "../../../method/data/source.ts";
import { CANARY_PAIRS, MOST_TURNED, PRECISIONS, type Precision } from "../../../method/teacher/precisions.ts";
import type { LabelPoolRequest } from "../../../pipeline/label/label-pool.ts";
import type { LabelFactsFile } from "../../../pipeline/label/label-stage.ts";
import { type DataOptions, readOptions, SOURCES, sourceOf, withData } from "../data-options.ts";
import {
  numberIn,
  type RuleOptions,
  ruleSettings,
  ruleWarnings,
  withPromise,
  withRules,
} from "../label-rules.ts";
import { type ComputeOptions, collect, examples, wholeNumber, withCompute } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";
import { type TeacherOptions, withTeacher } from "../teacher-flags.ts";
import { teacherOf } from "../teacher-options.ts";

type LabelOptions = ComputeOptions &
  DataOptions &
  TeacherOptions &
  RuleOptions & {
    readonly calibrate?: readonly string[];
    readonly after?: string;
    readonly sure?: number;
    readonly precision?: Precision;
    readonly maxTurned?: number;
    readonly out: string;
    readonly seed: number;
    readonly dryRun?: boolean;
    readonly fresh?: boolean;
    readonly scoreOnly?: boolean;
  };

/** Adds the verb `label`. */
export function addLabel(program: Command): void {
  const command = program
    .command("label")
    .description("label a pool of pairs with a teacher: preferred, margin, p_a, p_chosen, flags")
    .argument("<pool...>", `pairs: ${SOURCES}; labels in them are not looked at`)
    .requiredOption(
      "--out <folder>",
      "where labels.jsonl, training.jsonl and training.parquet (TRL's columns) go; run again with other rules, it uses the scores that are there",
    );
  withTeacher(command)
    .option(
      "--calibrate <file>",
      "labelled pairs the teacher has not seen: probabilities are fitted on them; may be given again",
      collect,
    )
    .option(
      "--after <labels>",
      "a cascade: labels of this pool that a cheaper teacher made with the same --calibrate; they stay where it is sure, this teacher labels the rest, and both are calibrated as one",
    )
    .option(
      "--sure <p>",
      "confidence from which labels of --after stay, 0.5 to 1, default 0.9",
      numberIn(0.5, 1),
    );
  command
    .addOption(
      new Option(
        "--precision <name>",
        `what the weights of implicit-reward, likelihood, reward-head and judge-local are held in, default float32; fewer bits are first compared with float32 on ${CANARY_PAIRS} pairs of the pool`,
      ).choices(PRECISIONS),
    )
    .option(
      "--max-turned <share>",
      `share of labels that fewer bits may turn round, default ${MOST_TURNED}; where the pairs show more, nothing is labelled`,
      numberIn(0, 1),
    );
  withRules(withPromise(command), "score, calibration, select or weight")
    .option(
      "--seed <n>",
      "seed of the candidates' order, and of random and noisy-human",
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      DEFAULT_SEED,
    )
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--fresh", "start over, whatever is kept")
    .addOption(
      new Option(
        "--score-only",
        "only score, together with others at the same --out; the same command without it finishes",
      ).conflicts(["fresh", "dryRun"]),
    );
  withCompute(withData(command))
    .addHelpText(
      "after",
      examples([
        "label pool.jsonl --model models/dpo --reference models/sft --out labels",
        "label pool.jsonl --teacher reward-head --model models/reward --calibrate held-out.jsonl --max-disagreement 0.2 --out labels",
        "label pool.jsonl --teacher judge-chat --url https://api.example.com/v1 --model judge-1 --api-key-env JUDGE_KEY --out judged",
        "label pool.jsonl --teacher remote --url http://gpu:8000/v1 --model teacher --reference base --tokenizer models/sft --out remote",
        "label pool.jsonl --teacher noisy-human --human people.jsonl --noise flip --rate 0.2 --out noisy",
        "label pool.jsonl --after labels --model models/dpo-big --reference models/sft-big --calibrate held-out.jsonl --out cascade",
        "combine pool.jsonl labels judged --out ensemble",
      ]),
    )
    .action(act(runLabel));
}

async function runLabel(session: Session, files: readonly string[], options: LabelOptions): Promise<void> {
  const { labelPoolFile } = await import("../../../pipeline/label/label-pool.ts");
  const { nothingKept, promiseInWords } = await import("../../../method/labels/kept-words.ts");
  const { changeInWords } = await import("../../../method/teacher/precision.ts");
  const { out } = options;
  const request = await requestOf(session, sourceOf(files, options.mix), options);
  const { step, facts } = await labelPoolFile(request);
  if (step.state === "shared")
    return session.result(
      step,
      `${out}: all pairs are scored; the same command without --score-only writes the labels`,
    );
  if (facts === undefined) return session.result(step, "label: runs");
  const { counts, teacher, promise } = facts;
  const { precision } = teacher;
  for (const warning of ruleWarnings(options)) session.log.warn(warning);
  session.result(
    { ...step, counts, teacher, promise },
    wordsOf(out, step.state === "cached", facts, [
      ...(precision === undefined ? [] : [`${precision.precision}: ${changeInWords(precision)}`]),
      ...(promise?.bound != null ? [promiseInWords(promise)] : []),
    ]),
  );
  const problem = nothingKept(facts);
  if (problem !== undefined) session.fail(`${out}: ${problem}`);
}

/** What was made, in lines: counts, then what a judge or a promise adds. */
function wordsOf(
  out: string,
  cached: boolean,
  { counts, teacher, cascade }: LabelFactsFile,
  promised: readonly string[],
): string {
  const { pairs, a, b, tie, abstain, unselected } = counts;
  const lines = [
    `${out}${cached ? " (kept from before)" : ""}: ${pairs} pairs, ${a + b} labels (${a} a, ${b} b), ${tie} ties, ${abstain} abstentions (${unselected} not selected)`,
  ];
  const flags = Object.entries(counts.flags)
    .filter(([flag]) => flag !== "unselected")
    .map(([flag, count]) => `${flag} ${count}`);
  if (flags.length > 0) lines.push(`flags: ${flags.join(", ")}`);
  if ((counts.flags["truncated"] ?? 0) > pairs / 2)
    lines.push("most pairs are cut and get no label: raise --max-length and --max-prompt-length");
  if (teacher.judge !== undefined) {
    const { rate, judged } = teacher.judge.positionFlips;
    const flips = rate === null ? "none judged" : `${(100 * rate).toFixed(1)} % of ${judged} judged pairs`;
    lines.push(
      `judge ${teacher.judge.model}, question ${teacher.judge.promptDigest.slice(0, 12)}: the answer turned round with the order in ${flips}`,
    );
  }
  return [...lines, ...cascadeWords(cascade), ...promised].join("\n");
}

/** What a cascade cost and is worth, beside each teacher alone. */
function cascadeWords(cascade: LabelFactsFile["cascade"]): string[] {
  if (cascade === undefined) return [];
  const { asked, pairs, sure, heldOut } = cascade;
  const share = ({ agree, n, share: interval }: typeof heldOut.first) => {
    const percent = (p: number) => (100 * p).toFixed(1);
    const range = interval === null ? "" : ` [${percent(interval.low)}, ${percent(interval.high)}]`;
    return `${percent(agree / Math.max(1, n))} %${range}`;
  };
  return [
    `the second teacher read ${asked} of ${pairs} pairs (${((100 * asked) / pairs).toFixed(0)} %), those of which the first is less than ${sure} sure`,
    `with people on ${heldOut.first.n} labelled pairs: the first alone ${share(heldOut.first)}, the second alone ${share(heldOut.second)}, the cascade ${share(heldOut.cascade)}`,
  ];
}

async function requestOf(session: Session, pool: Source, options: LabelOptions): Promise<LabelPoolRequest> {
  const { goldRewards, humanChoices } = await import("../../../method/teacher/control-files.ts");
  const { seed, out, device, threads, maxLength, maxPromptLength, after, sure, precision, maxTurned } =
    options;
  if (sure !== undefined && after === undefined)
    throw new ConfigError("--sure: has no effect without --after. Leave it out.");
  const calibrate = options.calibrate && sourceOf(options.calibrate);
  const { log, signal } = session;
  const read = readOptions(options);
  const pairFiles = [pool, ...(calibrate === undefined ? [] : [calibrate])];
  const how = { ...read, seed, log };
  const teacher = await teacherOf(options, seed, {
    gold: (file) => goldRewards(file, pairFiles, how),
    human: (file) => humanChoices(file, pairFiles, how),
  });
  return {
    ...{ pool, teacher, calibrate, seed, read },
    ...{ precision, maxTurned },
    after: after === undefined ? undefined : { folder: after, sure },
    ...{ set: ruleSettings(options), maxLength, maxPromptLength },
    ...{ out, device, threads, log, signal, code: packageVersion() },
    dryRun: options.dryRun === true,
    fresh: options.fresh === true,
    shareOnly: options.scoreOnly === true,
  };
}
