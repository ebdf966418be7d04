/** `weak-teacher stage`: one stage of a run by itself. Jobs of a cluster call it; so may a person on another machine. */
import type { Command } from "commander";
import { formatSteps } from "../../../pipeline/stages/steps.ts";
import { examples } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act } from "../session.ts";

/** Adds the verb `stage`. */
export function addStage(program: Command): void {
  program
    .command("stage")
    .description(
      "run one stage of a run that was begun, taking what it needs from what is kept; several processes may share the work of a scores stage",
    )
    .argument("<run>", "the folder of a run")
    .requiredOption("--only <stage>", "name of the stage, as run --dry-run lists it")
    .addHelpText(
      "after",
      examples(["stage runs/demo --only teacher-sft", "stage runs/demo --only pool-scores"]),
    )
    .action(
      act(async (session, folder: string, { only }: { only: string }) => {
        const { runOneStage } = await import("../../../pipeline/run/run.ts");
        const { log, signal } = session;
        const step = await runOneStage(folder, only, { log, signal, code: packageVersion() });
        session.result(step, formatSteps([step]));
      }),
    );
}
