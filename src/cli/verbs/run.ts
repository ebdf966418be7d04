/** `weak-teacher run`: a whole recipe, from data to measured students. */
import type { Command } from "commander";
import { formatSteps } from "../../pipeline/stages.ts";
import { collect, examples, wholeNumber } from "../options.ts";
import { formatOutcome, outcomeValue } from "../outcome-view.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

type RunOptions = {
  readonly set: readonly string[];
  readonly out?: string;
  readonly device?: string;
  readonly threads?: number;
  readonly dryRun?: boolean;
  readonly fresh?: boolean;
  readonly detach?: boolean;
};

/** Adds the verb `run`. */
export function addRun(program: Command): void {
  withRunOptions(
    program
      .command("run")
      .description("run a recipe: teacher, labels, students side by side, measurements, report")
      .argument(
        "<recipe>",
        "a YAML file, or a preset: demo, tao-li-2025, tao-li-2025-tldr, cwpo-2026, study-small",
      ),
  )
    .addHelpText(
      "after",
      examples([
        "run recipe.yaml",
        "run recipe.yaml --dry-run",
        "run tao-li-2025 --set models.weak=models/opt-125m --set data.source.limit=2000",
        "run demo --set student.prefer.beta=0.05 --out runs/beta-0.05",
        "run recipe.yaml --set executor.kind=slurm --set executor.cpus=8",
      ]),
    )
    .action(act(runRun));
}

/** Adds the verb `demo`, which is `run demo`. */
export function addDemo(program: Command): void {
  withRunOptions(
    program
      .command("demo")
      .description("run the preset demo: aligns a small story model towards cheerful stories, offline"),
  )
    .addHelpText("after", examples(["demo", "demo --dry-run", "demo --set seed=7 --out runs/demo-7"]))
    .action(act((session, options: RunOptions) => runRun(session, "demo", options)));
}

function withRunOptions(command: Command): Command {
  return command
    .option(
      "--set <path=value>",
      "change a setting, as student.prefer.beta=0.05; may be given again",
      collect,
      [],
    )
    .option("--out <folder>", "the run's folder; the same as --set out=<folder>")
    .option("--device <name>", "where to compute; the same as --set device=<name>")
    .option("--threads <n>", "cores to compute on; the same as --set threads=<n>", wholeNumber(1, 4096))
    .option("--dry-run", "print what would be computed and what is kept, and do nothing")
    .option("--fresh", "compute everything again, whatever is kept")
    .option("--detach", "with executor.kind=slurm: submit everything, the report too, and return");
}

async function runRun(session: Session, source: string, options: RunOptions): Promise<void> {
  const { loadRecipe } = await import("../../pipeline/recipe/parse.ts");
  const { runRecipe } = await import("../../pipeline/run.ts");
  const recipe = await loadRecipe(source, { set: [...options.set, ...flagSettings(options)] });
  for (const need of recipe.needs) session.log.info(`needs ${need}`);
  const dryRun = options.dryRun === true;
  const outcome = await runRecipe(recipe, {
    log: session.log,
    signal: session.signal,
    code: packageVersion(),
    dryRun,
    fresh: options.fresh === true,
    detach: options.detach === true,
  });
  if (dryRun) {
    const { formatEstimates } = await import("../../pipeline/job/estimate.ts");
    const { formatJobs } = await import("../../pipeline/executor/slurm-run.ts");
    const scripts = outcome.jobs === undefined ? "" : `\n\n${formatJobs(outcome.jobs)}`;
    session.result(
      outcomeValue(outcome),
      `${formatSteps(outcome.steps)}\n\n${formatEstimates(outcome.estimates ?? [])}${scripts}`,
    );
  } else session.result(outcomeValue(outcome), formatOutcome(outcome));
}

/** Flags that stand for a setting, in the form of `--set`. */
function flagSettings({ out, device, threads }: RunOptions): string[] {
  return [
    ...(out === undefined ? [] : [`out=${JSON.stringify(out)}`]),
    ...(device === undefined ? [] : [`device=${JSON.stringify(device)}`]),
    ...(threads === undefined ? [] : [`threads=${threads}`]),
  ];
}
