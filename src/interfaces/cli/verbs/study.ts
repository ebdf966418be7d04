/** `weak-teacher study`: the papers' experiments, as grids of recipes over one cache, in one report. */
import { join, relative } from "node:path";
import { Argument, type Command, Option } from "commander";
import { defaultThreads } from "../../../engine/runtime/device.ts";
import type { StudiesOutcome } from "../../../pipeline/study/run-studies.ts";
import { endWithParent, HELPER_FLAG, startHelpers } from "../helpers.ts";
import { collect, examples, wholeNumber } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

type StudyFlags = {
  readonly scale: "small" | "paper";
  readonly recipe?: string;
  readonly set: readonly string[];
  readonly weak: readonly string[];
  readonly student: readonly string[];
  readonly judge: readonly string[];
  readonly seeds?: string;
  readonly out: string;
  readonly jobs?: number;
  readonly dryRun?: boolean;
  readonly asHelper?: boolean;
};

/** Adds the verb `study`. */
export function addStudy(program: Command): void {
  program
    .command("study")
    .description(
      "run the papers' experiments: grids of recipes that share all equal work, tables beside the papers' numbers",
    )
    .addArgument(new Argument("<name...>", "studies, all, or list"))
    .addOption(
      new Option(
        "--scale <scale>",
        "small: a made-up world, minutes on two cores; paper: the papers' settings",
      )
        .choices(["small", "paper"])
        .default("small"),
    )
    .option("--recipe <recipe>", "base recipe, a file or preset, in place of the scale's")
    .option("--set <path=value>", "change a setting of the base; may be given again", collect, [])
    .option("--weak <model>", "a teacher of the sweeps over teachers; may be given again", collect, [])
    .option("--student <model>", "a student of the sweep over students; may be given again", collect, [])
    .option(
      "--judge <model>",
      "an instruct model whose labels are a baseline (RLAIF), in baselines: a folder, or '{kind: judge-local, model: …, prompt: …}', or '{kind: judge-chat, url: …, model: …}'; may be given again",
      collect,
      [],
    )
    .option(
      "--seeds <n|list>",
      "train every cell with so many seeds, or with these (1,2,3), and compare over them",
    )
    .option("--out <folder>", "folder of all studies; equal work is done once in it", join("runs", "studies"))
    .addOption(
      new Option(
        "--jobs <n>",
        "processes that share the work and the cores; default: 1, or one a core, at most 4, on the small scale's own base",
      ).argParser(wholeNumber(1, 64)),
    )
    .addOption(
      new Option(HELPER_FLAG, "compute beside the process that started this one; write no report").hideHelp(),
    )
    .option("--dry-run", "list the cells and estimate the time; compute and write nothing")
    .addHelpText(
      "after",
      examples([
        "study list",
        "study agreement disagreement",
        "study all --scale small --dry-run",
        "study all --scale small --out runs/studies",
        "study disagreement --seeds 5",
        "study demo",
        "study crossover --dry-run",
        "study teacher-size --scale paper --weak models/opt-125m --weak models/opt-1.3b",
        "study baselines --judge models/smollm2",
        "study beta --recipe recipe.yaml --set student.prefer.num_train_epochs=2",
      ]),
    )
    .action(act(runStudy));
}

async function runStudy(session: Session, names: readonly string[], flags: StudyFlags): Promise<void> {
  const { runStudies, studyList } = await import("../../../pipeline/study/run-studies.ts");
  if (names.length === 1 && names[0] === "list") {
    const list = studyList();
    const width = Math.max(...list.map(({ name }) => name.length));
    const lines = list.map(({ name, title, paperItem }) => `${name.padEnd(width)}  ${title} (${paperItem})`);
    session.result(list, lines.join("\n"));
    return;
  }
  const {
    scale,
    recipe,
    set,
    weak,
    student,
    judge,
    seeds,
    out,
    dryRun = false,
    asHelper: helper = false,
  } = flags;
  // A recipe of one's own may have models of which one alone fills the machine.
  const alone = scale === "paper" || recipe !== undefined;
  const { jobs = alone ? 1 : Math.min(4, defaultThreads()) } = flags;
  const { log, signal } = session;
  if (helper) endWithParent();
  const outcome = await runStudies({ scale, recipe, set, weak, student, judge, seeds, out }, names, {
    ...{ log, signal, code: packageVersion(), dryRun, jobs, helper },
    startHelpers: (count) => startHelpers(count, out, log),
  });
  if (helper) return;
  session.result(await studiesValue(outcome), await studiesText(outcome));
}

async function studiesValue({
  folder,
  studies,
  leftOut,
  plan,
  steps,
  report,
}: StudiesOutcome): Promise<unknown> {
  const { settingsInWords } = await import("../../../pipeline/study/variants.ts");
  return {
    folder,
    studies: studies.map(({ name, paperItem }) => ({
      name,
      paperItem,
      finding: report?.data.studies?.find(({ id }) => id === name)?.finding ?? null,
    })),
    leftOut,
    variants: plan.map(({ variant, stages, seconds }) => ({
      settings: variant.settings,
      words: settingsInWords(variant),
      arms: variant.arms.map(({ name }) => name),
      studies: variant.usedBy,
      open: stages.filter(({ state }) => state !== "cached").length,
      seconds,
    })),
    steps: steps.map(({ name, state, folder: at, elapsedSeconds }) => ({
      name,
      state,
      folder: at,
      elapsedSeconds,
    })),
    report: report === undefined ? null : { html: report.html, json: report.json, markdown: report.markdown },
  };
}

async function studiesText({ studies, plan, steps, report }: StudiesOutcome): Promise<string> {
  const { planSummary } = await import("../../../pipeline/study/run-studies.ts");
  if (report === undefined) return `${await cellLines(plan)}\n\n${planSummary(plan)}`;
  const computed = steps.filter(({ state }) => state !== "cached").length;
  const findings = studies.flatMap(({ name }) => {
    const finding = report.data.studies?.find(({ id }) => id === name)?.finding;
    return finding === undefined ? [] : [`${name}: ${finding}`];
  });
  const path = relative(process.cwd(), report.html) || report.html;
  return [
    ...findings,
    "",
    `report: ${path} (also report.json and report.md); ${steps.length} stages, ${computed} computed by this process, the others by helpers or before`,
  ].join("\n");
}

async function cellLines(plan: StudiesOutcome["plan"]): Promise<string> {
  const { settingsInWords } = await import("../../../pipeline/study/variants.ts");
  return plan
    .map(({ variant, stages, seconds }) => {
      const open = stages.filter(({ state }) => state !== "cached").length;
      const arms = variant.arms.map(({ name }) => name).join(", ") || "labels only";
      return `${settingsInWords(variant)}\n  for ${variant.usedBy.join(", ")}\n  ${arms}\n  ${stages.length} stages, ${open} to compute, ${Math.round(seconds)} s`;
    })
    .join("\n");
}
