/** What validation said of every training: which step was kept and why training ended, as a file of the stage and as a table of the report. */
import { exists } from "../../base/core/files.ts";
import { type ValidationResult, validationResultSchema } from "../../method/train/validation.ts";
import type { ReportTable } from "../../report/data.ts";
import { formatCount } from "../../report/format.ts";
import type { Artefact } from "../stages/stage.ts";
import { jsonFile } from "../stages/stage-file.ts";

/** Beside the model of a training that was validated. */
export const VALIDATION_FILE = jsonFile("validation.json", validationResultSchema);

/** One row for each training that was validated; nothing where none was. @param stages - whatever trained, each once */
export async function validationTables(stages: readonly Artefact[]): Promise<ReportTable[]> {
  const rows: ReportTable["rows"][number][] = [];
  for (const stage of stages)
    if (await exists(stage.path(VALIDATION_FILE.name)))
      rows.push(rowOf(stage.stage, await VALIDATION_FILE.read(stage)));
  if (rows.length === 0) return [];
  return [
    {
      title: "Validation",
      columns: [
        { title: "training", format: "text" },
        { title: "rows set aside", format: "count" },
        { title: "goes by", format: "text" },
        { title: "step kept", format: "count" },
        { title: "best value", format: "number" },
        { title: "last value", format: "number" },
        { title: "steps taken", format: "count" },
        { title: "why it ended", format: "text" },
      ],
      rows,
      notes: [
        "Rows set aside by prompt, with the labels that were trained on. Step and value of the best were chosen by looking at them: what a student is worth is measured on test pairs.",
      ],
    },
  ];
}

function rowOf(
  stage: string,
  { rows, metric, best, last, kept, planned, ended }: ValidationResult,
): ReportTable["rows"][number] {
  const why =
    ended === "patience"
      ? `no better value for as long as its patience; ${formatCount(planned)} steps were planned`
      : "all steps taken";
  return [stage, rows, metric, kept, best.value, last.value, last.step, why];
}
