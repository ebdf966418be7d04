/** `weak-teacher audit`: which labels of a labelled set are likely wrong. */

import { basename, relative } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_SEED } from "../../../base/core/rng.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { plainText } from "../../../method/data/rows.ts";
import { AUDIT_DEFAULTS, AUDIT_KINDS, type AuditKind } from "../../../pipeline/label/audit/kinds.ts";
import type { AuditOutcome } from "../../../pipeline/label/audit/run-audit.ts";
import { type DataOptions, readingFlags, SOURCES, sourceOf, withData } from "../data-options.ts";
import { type ComputeOptions, collect, examples, wholeNumber, withCompute } from "../options.ts";
import { act, type Session } from "../session.ts";

type AuditOptions = ComputeOptions &
  DataOptions & {
    readonly model: string;
    readonly layers?: number;
    readonly trim?: boolean;
    readonly teacher: AuditKind;
    readonly folds: number;
    readonly seed: number;
    readonly plant?: number;
    readonly set: readonly string[];
    readonly out: string;
    readonly dryRun?: boolean;
    readonly fresh?: boolean;
  };

/** Adds the verb `audit`. */
export function addAudit(program: Command): void {
  const command = program
    .command("audit")
    .description(
      "find labels that are likely wrong: teachers that never saw a label judge it; nothing is changed",
    )
    .argument("<files...>", `labelled pairs: ${SOURCES}`)
    .requiredOption(
      "--model <source>",
      "the teachers' start: a model folder, hub:Owner/name[@revision], or stories15M",
    )
    .requiredOption(
      "--out <folder>",
      "where stages, suspects.jsonl, audit.json and the report go; run again to go on",
    )
    .option("--layers <n>", "keep only the model's first n layers", wholeNumber(1, 10_000))
    .option("--trim", "keep only the tokens that occur in the data: less time and memory")
    .addOption(new Option("--teacher <kind>", "what judges").choices(AUDIT_KINDS).default("implicit-reward"))
    .option("--folds <k>", "teachers to train, each without one fold of the prompts", wholeNumber(2, 1000), 5)
    .option(
      "--seed <n>",
      "seed of folds, training and planted flips",
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      DEFAULT_SEED,
    )
    .addOption(
      new Option(
        "--plant <share>",
        "flip this share of labels first and report how well they are found",
      ).argParser(share),
    )
    .option(
      "--set <name=value>",
      "sft.…, prefer.… or reward.… as in recipes; score; calibration; may be given again",
      collect,
      [],
    )
    .option("--dry-run", "print what would be computed and what is kept, and do nothing")
    .option("--fresh", "compute everything again, whatever is kept");
  withCompute(withData(command))
    .addHelpText(
      "after",
      examples([
        "audit pairs.jsonl --model stories15M --layers 3 --trim --max-length 256 --out audits/pairs",
        "audit pairs.jsonl --model models/opt-125m --teacher reward-head --folds 10 --out audits/pairs",
        "audit ethics.csv --format ethics --model stories15M --layers 3 --trim --plant 0.1 --limit 1500 --folds 3 --max-length 128 --max-prompt-length 64 --out audits/ethics",
        "audit pairs.jsonl --model models/opt-125m --set sft.learning_rate=1e-5 --set prefer.beta=0.2 --set prefer.loss=ipo --out audits/ipo",
      ]),
    )
    .addHelpText(
      "after",
      `Defaults of --set, for some thousand pairs and a small model:\n${AUDIT_KINDS.map((kind) => `  ${kind}: ${AUDIT_DEFAULTS[kind].join(" ")}`).join("\n")}\n` +
        "Other settings as in recipes (docs/recipe.md, student.sft and student.prefer).",
    )
    .action(act(runVerb));
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value < 1))
    throw new InvalidArgumentError("Expected a number in (0, 1).");
  return value;
}

async function runVerb(session: Session, files: readonly string[], options: AuditOptions): Promise<void> {
  const { audit } = await import("../../library/label.ts");
  const { formatSteps } = await import("../../../pipeline/stages/steps.ts");
  const { log, signal } = session;
  const { set, mix, header: _, ...rest } = options;
  const file = sourceOf(files, mix);
  const outcome = await audit({ ...rest, ...readingFlags(options), file, settings: set, log, signal });
  const { found, ...done } = outcome;
  if (found === undefined) return session.result(done, formatSteps(outcome.steps));
  const { facts, report, suspects } = found;
  session.result(
    { ...done, audit: facts, report, suspects: suspects.slice(0, SHOWN) },
    textOf({ ...outcome, found }),
  );
}

/** Suspects printed and given under `--json`; all are in `suspects.jsonl`. */
const SHOWN = 10;

type Found = AuditOutcome & { readonly found: NonNullable<AuditOutcome["found"]> };

function textOf({ folder, found: { facts, suspects, report } }: Found): string {
  const { judged, notJudged, noiseRate, disagreement, disagreementAmongSure, plant } = facts;
  const several = new Set(suspects.map(({ file }) => file)).size > 1;
  const planted =
    plant === null
      ? []
      : [
          `planted flips: ${plant.planted} of ${plant.n}; AUROC ${plain(plant.auroc)} (chance 0.50)`,
          ...plant.precisionAt.map(
            ({ k, precision }) =>
              `  precision at ${k}: ${percent(precision)} (chance ${(100 * plant.chance).toFixed(1)} %)`,
          ),
        ];
  return [
    `${judged} labels judged by ${facts.folds} teachers (${facts.teacher}) that had not seen them; ${notJudged} not judged`,
    `noise rate by confident learning: ${percent(noiseRate)}; where the teachers are surest they disagree with ${percent(disagreementAmongSure)}, in all with ${percent(disagreement)}; none of these bounds the share of wrong labels`,
    ...planted,
    "",
    `likeliest errors (${several ? "place" : "line"}, P(wrong), chosen ┃ rejected):`,
    ...suspects
      .slice(0, SHOWN)
      .map(
        ({ file, line, probability_wrong, chosen, rejected }) =>
          `  ${(several ? `${basename(file)}:${line}` : String(line)).padStart(6)}  ${(100 * probability_wrong).toFixed(0).padStart(3)} %  ${short(chosen)} ┃ ${short(rejected)}`,
      ),
    "",
    `all in ${relative(process.cwd(), folder) || "."}/suspects.jsonl; report: ${relative(process.cwd(), report.html) || report.html}`,
  ].join("\n");
}

const plain = (value: Interval | null) =>
  value === null
    ? "not measured"
    : `${value.estimate.toFixed(3)} [${value.low.toFixed(3)}, ${value.high.toFixed(3)}]`;

function percent(value: Interval | null): string {
  if (value === null) return "not measured";
  const of = (x: number) => (100 * x).toFixed(1);
  return `${of(value.estimate)} % [${of(value.low)}, ${of(value.high)}]`;
}

function short(text: Parameters<typeof plainText>[0]): string {
  const line = plainText(text).replace(/\s+/g, " ").trim();
  return line.length > 48 ? `${line.slice(0, 47)}…` : line;
}
