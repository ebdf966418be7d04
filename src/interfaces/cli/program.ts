/** The tree of commands. One file per verb; a verb loads what it needs only when it runs, so that help is quick. */
import { Command } from "commander";
import { didYouMean } from "../../base/core/suggest.ts";
import { printed } from "../../base/core/visible.ts";
import { addCompletion } from "./completion.ts";
import { examples } from "./options.ts";
import { packageVersion } from "./package.ts";
import { addAsk } from "./verbs/ask.ts";
import { addAudit } from "./verbs/audit.ts";
import { addCombine } from "./verbs/combine.ts";
import { addCompare } from "./verbs/compare.ts";
import { addDoctor } from "./verbs/doctor.ts";
import { addEvaluate } from "./verbs/evaluate.ts";
import { addExport } from "./verbs/export.ts";
import { addGenerate } from "./verbs/generate.ts";
import { addImport } from "./verbs/import.ts";
import { addInit } from "./verbs/init.ts";
import { addInspect } from "./verbs/inspect.ts";
import { addLabel } from "./verbs/label.ts";
import { addParity } from "./verbs/parity.ts";
import { addPlan } from "./verbs/plan.ts";
import { addPrune } from "./verbs/prune.ts";
import { addPush } from "./verbs/push.ts";
import { addReport } from "./verbs/report.ts";
import { addRewardBench } from "./verbs/reward-bench.ts";
import { addDemo, addRun } from "./verbs/run.ts";
import { addServe } from "./verbs/serve.ts";
import { addStage } from "./verbs/stage.ts";
import { addStatus } from "./verbs/status.ts";
import { addStudio } from "./verbs/studio.ts";
import { addStudy } from "./verbs/study.ts";
import { addTraining } from "./verbs/train.ts";

/** In the order of the help: a whole job as it is met, then its parts alone. */
const VERBS: readonly (readonly [group: string, verbs: readonly ((program: Command) => void)[]])[] = [
  ["To begin:", [addDoctor, addDemo, addInspect, addInit]],
  ["Whole jobs:", [addRun, addStatus, addReport, addCompare, addStudy, addStage, addPrune]],
  ["Labels:", [addPlan, addLabel, addCombine, addAsk, addStudio, addAudit]],
  ["Models:", [addTraining, addGenerate, addRewardBench, addServe]],
  ["To and from other tools:", [addExport, addEvaluate, addPush, addImport]],
  ["Tools:", [addParity, addCompletion]],
];

/** All verbs with their flags and help. Errors of usage are thrown as `CommanderError` after they were printed. */
export function buildProgram(): Command {
  const program = new Command("weak-teacher")
    .description(
      "Align language models with labels from a small model: train a weak teacher, label a pool with " +
        "calibrated confidence, align a student, and measure it against human labels.",
    )
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand(false)
    .option("--json", "print the result as one line of JSON on stdout; everything else goes to stderr")
    .option("--quiet", "no progress and no notes, only warnings and errors")
    .option("--debug", "print the stack of an error")
    .configureOutput({ outputError: (text, write) => write(printed(text)) })
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .exitOverride()
    .addHelpText(
      "after",
      examples([
        "doctor",
        "demo",
        "inspect pairs.jsonl",
        "init --data pairs.jsonl --weak models/small --student models/big",
        "run recipe.yaml --dry-run",
        "run recipe.yaml",
        "help run",
      ]),
    )
    .addHelpText(
      "after",
      "Exit codes: 0 done, 1 the run failed, 2 the command or the recipe is wrong, 130 interrupted.",
    );
  for (const [group, verbs] of VERBS) {
    program.commandsGroup(group);
    for (const add of verbs) add(program);
  }
  addHelp(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}

/** Commander's own prints all help for a verb that there is not, and no word of that. */
function addHelp(program: Command): void {
  program
    .command("help")
    .description("show help of a verb")
    .argument("[verb]", "its name; default all verbs")
    .addHelpText("after", examples(["help run"]))
    .action((verb?: string) => {
      if (verb === undefined) return program.help();
      const names = program.commands.map((command) => command.name());
      const found = program.commands.find((command) => command.name() === verb);
      if (found === undefined)
        program.error(`error: unknown command '${verb}'${didYouMean(verb, names) || "."}`);
      found.help();
    });
}
