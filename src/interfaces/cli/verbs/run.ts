/** `weak-teacher run`: a whole recipe, from data to measured students. */
import { type Command, Option } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import type { Recipe } from "../../../pipeline/recipe/schema.ts";
import { seedSetting } from "../../../pipeline/recipe/seeds.ts";
import type { RunOutcome } from "../../../pipeline/run/run.ts";
import type { SeedsOptions, SeedsOutcome } from "../../../pipeline/run/run-seeds.ts";
import { formatSteps } from "../../../pipeline/stages/steps.ts";
import { endWithParent, HELPER_FLAG, startHelpers } from "../helpers.ts";
import { collect, examples, wholeNumber } from "../options.ts";
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
  readonly seeds?: string;
  readonly jobs?: number;
  readonly asHelper?: boolean;
};

/** Adds the verb `run`. */
export function addRun(program: Command): void {
  withRunOptions(
    program
      .command("run")
      .description("run a recipe: teacher, labels, students side by side, measurements, report")
      .argument(
        "<recipe>",
        "a YAML file, or a preset: demo, tao-li-2025, tao-li-2025-tldr, tao-li-2025-gpus, cwpo-2026, cwpo-2026-gpus, study-small",
      ),
  )
    .addHelpText(
      "after",
      examples([
        "run recipe.yaml",
        "run recipe.yaml --dry-run",
        "run tao-li-2025 --set models.weak=models/opt-125m --set data.source.limit=2000",
        "run demo --set student.prefer.beta=0.05 --out runs/beta-0.05",
        "run recipe.yaml --seeds 5",
        "run recipe.yaml --seeds 1,2,3 --set data.seed=1",
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
      .description(
        "run the preset demo: aligns a small story model towards cheerful stories; offline, once its packages are there",
      ),
  )
    .addHelpText("after", examples(["demo", "demo --dry-run", "demo --seeds 5 --out runs/demo-seeds"]))
    .action(act(runDemo));
}

async function runDemo(session: Session, options: RunOptions): Promise<void> {
  const { fetchPackages } = await import("../../../base/core/fetch-packages.ts");
  const { DEMO_PACKAGES } = await import("../../../base/core/packages.ts");
  if (options.dryRun !== true) await fetchPackages(["onnxruntime-node", ...DEMO_PACKAGES], session.log);
  return runRun(session, "demo", options);
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
    .option(
      "--seeds <n|list>",
      "train all with so many seeds, or with these (1,2,3), and report over them; the same as --set seeds=…",
    )
    .option("--device <name>", "where to compute; the same as --set device=<name>")
    .option("--threads <n>", "cores to compute on; the same as --set threads=<n>", wholeNumber(1, 4096))
    .option("--dry-run", "print what would be computed and what is kept, and do nothing")
    .option("--fresh", "compute everything again, whatever is kept")
    .option("--detach", "with executor.kind=slurm or ray: submit everything, the report too, and return")
    .option("--jobs <n>", "with --seeds: processes that share the seeds and the cores", wholeNumber(1, 64))
    .addOption(
      new Option(HELPER_FLAG, "compute beside the process that started this one; write no report").hideHelp(),
    );
}

async function runRun(session: Session, source: string, options: RunOptions): Promise<void> {
  const { loadRecipe } = await import("../../../pipeline/recipe/parse.ts");
  const recipe = await loadRecipe(source, { set: [...options.set, ...flagSettings(options)] });
  const { log, signal } = session;
  if (options.asHelper !== true) for (const need of recipe.needs) log.info(`needs ${need}`);
  const { dryRun = false, fresh = false, detach = false } = options;
  const how = { log, signal, code: packageVersion(), dryRun, fresh, detach };
  if (recipe.seeds !== undefined) return runManySeeds(session, recipe, { ...how, ...jobsOf(options) });
  if (options.jobs !== undefined)
    throw new ConfigError("--jobs: has no effect on one run. Give it with --seeds, or leave it out.");
  const { runRecipe } = await import("../../../pipeline/run/run.ts");
  const { formatOutcome, outcomeValue } = await import("../outcome-view.ts");
  const outcome = await runRecipe(recipe, how);
  session.result(outcomeValue(outcome), dryRun ? await formatPlan(outcome) : formatOutcome(outcome));
}

const jobsOf = ({ jobs = 1, asHelper = false }: RunOptions) => ({ jobs, helper: asHelper });

async function runManySeeds(session: Session, recipe: Recipe, options: SeedsOptions): Promise<void> {
  const { runSeeds } = await import("../../../pipeline/run/run-seeds.ts");
  if (options.helper === true) endWithParent();
  const outcome = await runSeeds(recipe, {
    ...options,
    startHelpers: (count) => startHelpers(count, recipe.out, session.log),
  });
  if (options.helper === true) return;
  const { formatSeeds, seedsValue } = await import("../outcome-view.ts");
  const plans = options.dryRun === true ? await seedPlans(outcome) : undefined;
  session.result(seedsValue(outcome), plans ?? formatSeeds(outcome));
}

async function seedPlans({ runs }: SeedsOutcome): Promise<string> {
  const parts: string[] = [];
  for (const { seed, outcome } of runs) parts.push(`seed ${seed}`, await formatPlan(outcome), "");
  return [...parts, `${runs.length} seeds; stages that do not depend on the seed are computed once`].join(
    "\n",
  );
}

async function formatPlan({
  steps,
  estimates,
  trims = [],
  judges = [],
  disk,
  jobs,
}: RunOutcome): Promise<string> {
  const { formatDisk } = await import("../../../pipeline/run/estimate-disk.ts");
  const { formatEstimates } = await import("../../../pipeline/run/estimate.ts");
  const { formatJobs } = await import("../../../pipeline/run/cluster/stage-job.ts");
  const { formatJudges } = await import("../../../pipeline/run/estimate-judges.ts");
  const { formatTrims } = await import("../../../pipeline/run/propose-trims.ts");
  const trim = trims.length === 0 ? "" : `\n\n${formatTrims(trims)}`;
  const asked = judges.length === 0 ? "" : `\n\n${formatJudges(judges)}`;
  const room = disk === undefined ? "" : `\n\n${formatDisk(disk, disk.free)}`;
  const scripts = jobs === undefined ? "" : `\n\n${formatJobs(jobs)}`;
  return `${formatSteps(steps)}\n\n${formatEstimates(estimates ?? [])}${trim}${asked}${room}${scripts}`;
}

/** Flags that stand for a setting, in the form of `--set`. */
function flagSettings({ out, device, threads, seeds }: RunOptions): string[] {
  return [
    ...(out === undefined ? [] : [`out=${JSON.stringify(out)}`]),
    ...(device === undefined ? [] : [`device=${JSON.stringify(device)}`]),
    ...(threads === undefined ? [] : [`threads=${threads}`]),
    ...seedSetting(seeds),
  ];
}
