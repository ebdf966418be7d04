/** `weak-teacher compare`: finished runs side by side. */
import { relative, resolve } from "node:path";
import type { Command } from "commander";
import type { RunComparison } from "../../../pipeline/results/compare/compare-runs.ts";
import type { ReportFiles } from "../../../report/render.ts";
import { examples, wholeNumber } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

type CompareOptions = {
  readonly out: string;
  readonly resamples: number;
  readonly examples: number;
  readonly seeds?: boolean;
};

/** Adds the verb `compare`. */
export function addCompare(program: Command): void {
  program
    .command("compare")
    .description(
      "put finished runs side by side: settings that differ, arms, paired tests on shared test prompts, responses that changed; nothing is computed again",
    )
    .argument("<runs...>", "folders of two runs or more; the others are measured against the first")
    .option("--out <folder>", "where report.html, report.json and report.md go", "comparison")
    .option(
      "--seeds",
      "the runs are seeds of one recipe: one report over them, whose intervals hold for further seeds and prompts",
    )
    .option("--resamples <n>", "resamples behind each interval", wholeNumber(100, 1_000_000), 2000)
    .option("--examples <n>", "most changed responses shown of each kind", wholeNumber(0, 1000), 20)
    .addHelpText(
      "after",
      examples(["compare runs/beta-0.1 runs/beta-0.5", "compare --seeds runs/seed-* --out runs/seeds"]),
    )
    .action(act(runCompare));
}

async function runCompare(session: Session, folders: string[], options: CompareOptions): Promise<void> {
  if (options.seeds === true) return compareSeeds(session, folders, options);
  const { compareRuns } = await import("../../../pipeline/results/compare/compare-runs.ts");
  const { writeReport } = await import("../../../report/render.ts");
  const { resamples, examples: most } = options;
  const comparison = await compareRuns(folders, { version: packageVersion(), resamples, examples: most });
  const files = await writeReport(options.out, comparison.report);
  const { report: _, ...value } = comparison;
  session.result({ ...value, report: files }, await wordsOf(comparison, files));
}

/** Runs of one recipe as its seeds. */
async function compareSeeds(session: Session, folders: string[], { out }: CompareOptions): Promise<void> {
  const { openRuns } = await import("../../../pipeline/results/compare/run-folder.ts");
  const { seedsReport } = await import("../../../pipeline/results/seeds/report.ts");
  const { writeReport } = await import("../../../report/render.ts");
  const { formatSeedsReport } = await import("../outcome-view.ts");
  const data = seedsReport(await openRuns(folders), { version: packageVersion(), folder: resolve(out) });
  const files = await writeReport(out, data);
  session.result(
    { runId: data.runId, differences: data.differences, report: files },
    formatSeedsReport({ ...files, data }),
  );
}

async function wordsOf({ report }: RunComparison, files: ReportFiles): Promise<string> {
  const { tableView } = await import("../../../report/table.ts");
  const { formatTable } = await import("../outcome-view.ts");
  const { headlines } = await import("../../../report/headline.ts");
  const tables = (report.tables ?? []).slice(0, 2).flatMap((table) => {
    const view = tableView(table);
    return view === undefined ? [] : [table.title ?? "", formatTable(view), ""];
  });
  const warnings = (report.warnings ?? []).map(
    ({ where, message }) => `${where === undefined ? "" : `${where} `}${message}`,
  );
  return [
    ...tables,
    ...headlines(report.differences, report.intervals),
    ...warnings,
    "",
    `report: ${relative(process.cwd(), files.html) || files.html} (also report.json and report.md)`,
  ].join("\n");
}
