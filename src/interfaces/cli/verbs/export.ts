/** `weak-teacher export`: a run's student for a GPU trainer. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { EXPORT_TOOLS, type ExportTool } from "../../../pipeline/elsewhere/request.ts";
import type { ExportSettings } from "../../library/run.ts";
import { examples, positiveNumber, wholeNumber } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

type ExportOptions = Omit<ExportSettings, "tool" | "log"> & {
  readonly to: ExportTool;
  readonly gpus: number;
};

/** Adds the verb `export`. */
export function addExport(program: Command): void {
  program
    .command("export")
    .description(
      "write a run's labelled rows and a student's settings for another trainer: data in its format, its config, a card",
    )
    .argument("<run>", "the folder of a run, or one that the verb label wrote")
    .addOption(
      new Option("--to <tool>", "the trainer to write for").choices(EXPORT_TOOLS).makeOptionMandatory(),
    )
    .option("--arm <name>", "the student of a run, default the first that trains on weak labels")
    .option("--model <name>", "the base model to train there, default the recipe's student")
    .option("--recipe <file>", "settings for a folder of labels, default those of a recipe that sets nothing")
    .option("--out <folder>", "where the export goes, default <run>/export-<tool>")
    .addOption(
      new Option(
        "--weights <rule>",
        "for trainers without weights: leave the unsure out, draw rows by weight, or neither; default resample where the loss is weighted (TRL: none, with a trainer of its own)",
      ).choices(["filter", "resample", "none"]),
    )
    .option("--min-confidence <number>", "with --weights filter: least confidence, 0.5 to 1", confidence)
    .option("--budget <n>", "rows to keep or draw; below 1 a share of them", positiveNumber)
    .option(
      "--gpus <n>",
      "GPUs that a batch is spread over, in bfloat16; 0 trains on processors, in float32",
      wholeNumber(0, 65536),
      1,
    )
    .option("--license <id>", "licence of the data for the card, default unknown")
    .addHelpText(
      "after",
      examples([
        "export runs/demo --to trl",
        "export runs/cwpo --to llama-factory --weights filter --budget 0.3 --model Qwen/Qwen2.5-7B",
        "export labels --to axolotl --model facebook/opt-1.3b --weights resample",
      ]),
    )
    .action(act(runExport));
}

async function runExport(session: Session, run: string, options: ExportOptions): Promise<void> {
  const { exportRun } = await import("../../../pipeline/export/export.ts");
  const { join } = await import("node:path");
  const { to: tool, out = join(run, `export-${options.to}`), ...rest } = options;
  const outcome = await exportRun(run, { ...rest, tool, out, code: packageVersion(), log: session.log });
  const { rows, weights, commands, notCarried, notes } = outcome;
  session.result(
    outcome,
    [
      `${out}: ${rows} rows for ${tool}${outcome.arm === undefined ? "" : `, arm ${outcome.arm}`}`,
      `rows: ${weights}`,
      ...notes.map((note) => `note: ${note}`),
      "not carried over:",
      ...notCarried.map((line) => `  ${line}`),
      "train with:",
      ...commands.map((command) => `  ${command}`),
    ].join("\n"),
  );
}

function confidence(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0.5 && value <= 1))
    throw new InvalidArgumentError("Expected a number from 0.5 to 1.");
  return value;
}
