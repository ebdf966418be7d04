/** `weak-teacher evaluate`: a checkpoint trained elsewhere as one more arm of a run. */
import type { Command } from "commander";
import { examples } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

type EvaluateOptions = {
  readonly model: string;
  readonly adapter?: string;
  readonly start?: string;
  readonly name: string;
  readonly out?: string;
  readonly fresh?: boolean;
};

/** Adds the verb `evaluate`. */
export function addEvaluate(program: Command): void {
  program
    .command("evaluate")
    .description(
      "measure a checkpoint trained elsewhere with a run's own test prompts, gold scorers and test pairs, and report it beside the run's students",
    )
    .argument("<run>", "the folder of a finished run")
    .requiredOption(
      "--model <folder>",
      "the checkpoint, or the base of --adapter; tokenizer and sizes as the run's student",
    )
    .requiredOption("--name <name>", "its name in tables and folders")
    .option("--adapter <folder>", "a PEFT LoRA folder that is folded into the model first")
    .option(
      "--start <folder>",
      "the SFT model it was trained from; KL and implicit accuracy are measured against it",
    )
    .option("--out <folder>", "where the report goes, default <run>/evaluate-<name>")
    .option("--fresh", "measure again, whatever is kept")
    .addHelpText(
      "after",
      examples([
        "evaluate runs/demo --model trained/dpo --start trained/sft --name trl",
        "evaluate runs/demo --model trained/sft --adapter trained/dpo-lora --name trl-lora",
      ]),
    )
    .action(act(runEvaluate));
}

async function runEvaluate(session: Session, run: string, options: EvaluateOptions): Promise<void> {
  const { evaluateModel } = await import("../../../pipeline/run/evaluate-model.ts");
  const { log, signal } = session;
  const { formatOutcome, outcomeValue } = await import("../outcome-view.ts");
  const outcome = await evaluateModel(run, { ...options, log, signal, code: packageVersion() });
  session.result(outcomeValue(outcome), formatOutcome(outcome));
}
