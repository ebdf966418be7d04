/** `weak-teacher label`: a teacher's labels of a pool of pairs. */
import { join } from "node:path";
import { type Command, Option } from "commander";
import { ConfigError } from "../../core/errors.ts";
import { readJson } from "../../core/files.ts";
import type { LabelFactsFile, LabelRequest, TeacherChoice } from "../../pipeline/label-files.ts";
import { type DataOptions, readOptions, withData } from "../data-options.ts";
import {
  type ComputeOptions,
  collect,
  examples,
  positiveNumber,
  wholeNumber,
  withCompute,
} from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

const KINDS = ["implicit-reward", "likelihood", "reward-head", "random", "longer"] as const;

type LabelOptions = ComputeOptions &
  DataOptions & {
    readonly teacher: (typeof KINDS)[number];
    readonly model?: string;
    readonly reference?: string;
    readonly beta?: number;
    readonly calibrate?: string;
    readonly out: string;
    readonly set: readonly string[];
    readonly seed: number;
    readonly dryRun?: boolean;
    readonly fresh?: boolean;
  };

/** Adds the verb `label`. */
export function addLabel(program: Command): void {
  const command = program
    .command("label")
    .description("label a pool of pairs with a teacher: preferred, margin, probability, confidence, flags")
    .argument(
      "<pool>",
      "pairs: JSONL, JSON, CSV or Parquet, also gzipped, or hub:…; labels in it are not looked at",
    )
    .requiredOption(
      "--out <folder>",
      "where labels.jsonl, training.jsonl and training.parquet (TRL's columns) go",
    )
    .addOption(new Option("--teacher <kind>", "who labels").choices(KINDS).default("implicit-reward"))
    .option("--model <folder>", "the teacher's model: the policy, or the reward model")
    .option("--reference <folder>", "the model the policy was trained from (implicit-reward)")
    .option("--beta <number>", "factor on the log-ratio (implicit-reward), default 0.1", positiveNumber)
    .option("--calibrate <file>", "labelled pairs the teacher has not seen: probabilities are fitted on them")
    .option(
      "--set <name=value>",
      "score, calibration, select or weight, as in a recipe's label section",
      collect,
      [],
    )
    .option(
      "--seed <n>",
      "seed of the candidates' order, and of --teacher random",
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      22,
    )
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--fresh", "start over, whatever is kept");
  withCompute(withData(command))
    .addHelpText(
      "after",
      examples([
        "label pool.jsonl --model models/dpo --reference models/sft --out labels",
        "label pool.jsonl --teacher reward-head --model models/reward --calibrate held-out.jsonl --set select.kind=top --set select.percent=30 --out labels",
        "label pool.jsonl --teacher random --out control",
      ]),
    )
    .action(act(runLabel));
}

async function runLabel(session: Session, pool: string, options: LabelOptions): Promise<void> {
  const { runSingle } = await import("../../pipeline/single.ts");
  const { labelStage } = await import("../../pipeline/label-files.ts");
  const request = await requestOf(pool, options);
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
  const step = await runSingle(how, (deps) => labelStage(deps, request));
  if (options.dryRun === true && step.state !== "cached") return session.result(step, "label: runs");
  const { counts } = (await readJson(join(out, "facts.json"))) as LabelFactsFile;
  const { pairs, a, b, tie, abstain, unselected } = counts;
  const kept = step.state === "cached" ? " (kept from before)" : "";
  session.result(
    { ...step, counts },
    `${out}${kept}: ${pairs} pairs, ${a + b} labels (${a} a, ${b} b), ${tie} ties, ${abstain} abstentions (${unselected} not selected)`,
  );
}

async function requestOf(pool: string, options: LabelOptions): Promise<LabelRequest> {
  const { digestPath } = await import("../../pipeline/contents.ts");
  const { labelRulesSchema } = await import("../../pipeline/label-files.ts");
  const { settingsOf } = await import("../../pipeline/recipe/parse.ts");
  const { modelDigest } = await import("../../teacher/teacher-model.ts");
  const rules = settingsOf(labelRulesSchema, options.set);
  if (rules.calibration !== undefined && options.calibrate === undefined)
    throw new ConfigError(
      "--set calibration: has no effect without labelled pairs. Name a file of them with --calibrate.",
    );
  const teacher = teacherOf(options);
  const file = async (path: string) => ({
    file: path,
    digest: path.startsWith("hub:") ? path : await digestPath(path),
  });
  const folders = Object.entries(teacher).filter(
    ([name]) => name === "policy" || name === "reference" || name === "model",
  );
  const digests = folders.map(async ([name, folder]) => [name, await modelDigest(String(folder))] as const);
  return {
    teacher,
    rules,
    models: Object.fromEntries(await Promise.all(digests)),
    pool: await file(pool),
    calibrate: options.calibrate === undefined ? undefined : await file(options.calibrate),
    read: readOptions(options),
    limits: { maxLength: options.maxLength, maxPromptLength: options.maxPromptLength },
    seed: options.seed,
  };
}

/** The teacher that the flags name. @throws ConfigError for flags that are missing or have no effect on it */
function teacherOf({ teacher, model, reference, beta, seed }: LabelOptions): TeacherChoice {
  const given = { model, reference, beta };
  const uses = {
    "implicit-reward": ["model", "reference", "beta"],
    likelihood: ["model"],
    "reward-head": ["model"],
    random: [],
    longer: [],
  };
  const issues = Object.entries(given).flatMap(([flag, value]) => {
    const used = (uses[teacher] as string[]).includes(flag);
    if (value !== undefined && !used)
      return [`--${flag}: has no effect with --teacher ${teacher}. Leave it out.`];
    return value === undefined && used && flag !== "beta"
      ? [`--${flag}: is missing; --teacher ${teacher} needs it.`]
      : [];
  });
  if (issues.length > 0) throw new ConfigError(issues);
  switch (teacher) {
    case "implicit-reward":
      return { kind: teacher, policy: model!, reference: reference!, beta: beta ?? 0.1 };
    case "likelihood":
      return { kind: teacher, policy: model! };
    case "reward-head":
      return { kind: teacher, model: model! };
    case "random":
      return { kind: teacher, seed };
    case "longer":
      return { kind: teacher };
    default:
      return teacher satisfies never;
  }
}
