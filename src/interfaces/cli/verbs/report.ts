/** `weak-teacher report`: the report of a finished run, written again. */
import type { Command } from "commander";
import { examples } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act } from "../session.ts";

/** Adds the verb `report`. */
export function addReport(program: Command): void {
  program
    .command("report")
    .description("write the report of a finished run again: HTML, JSON and Markdown; nothing is computed")
    .argument("<run>", "the folder of a run, or of several seeds")
    .addHelpText("after", examples(["report runs/demo", "report runs/demo --json"]))
    .action(
      act(async (session, folder: string) => {
        const { formatOutcome, formatSeeds, outcomeValue, seedsValue } = await import("../outcome-view.ts");
        const { reportRun } = await import("../../../pipeline/run/run.ts");
        const { reportSeeds, seedsIn } = await import("../../../pipeline/run/run-seeds.ts");
        const seeds = await seedsIn(folder);
        if (seeds !== undefined) {
          const all = await reportSeeds(folder, seeds, { log: session.log, code: packageVersion() });
          return session.result(seedsValue(all), formatSeeds(all));
        }
        const outcome = await reportRun(folder, { log: session.log, code: packageVersion() });
        session.result(outcomeValue(outcome), formatOutcome(outcome));
      }),
    );
}
