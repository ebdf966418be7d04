/** How far students go from their teacher towards human labels: test accuracies and the performance gap recovered. */
import { createRng } from "../../base/core/rng.ts";
import { holm } from "../../base/stats/hypothesis.ts";
import {
  type GapRecovered,
  gapPairs,
  gapRecovered,
  hasImplicit,
  verdictsOf,
} from "../../method/evaluate/gap.ts";
import type { Cell, Column, Study } from "../../report/data.ts";
import { formatNumber, formatP } from "../../report/format.ts";
import { readTestMargins } from "../job/evaluate-stages.ts";
import type { JobResult } from "../job/main-job.ts";
import { humanOf, type MainJob } from "../recipe/job-settings.ts";
import { teacherVerdicts } from "./teacher-verdicts.ts";

/** The section; undefined without an arm on human labels, which is the ceiling, or where the teacher cannot be asked. */
export async function gapStudy(
  job: MainJob,
  { students, data, labels, scores }: JobResult,
): Promise<Study | undefined> {
  const ceiling = students.find(({ name }) => name === humanOf(job));
  if (ceiling === undefined) return undefined;
  const weak = await teacherVerdicts(job, { data, labels, scores });
  if (weak === undefined) return undefined;
  const above = await readTestMargins(ceiling.testAccuracy);
  const rows: { name: string; gap: GapRecovered }[] = [];
  for (const { name, testAccuracy } of students) {
    const own = await readTestMargins(testAccuracy);
    // A likelihood beside an implicit reward would be two measures in one row.
    if (name === ceiling.name || hasImplicit(own) !== hasImplicit(above)) continue;
    const pairs = gapPairs(weak, verdictsOf(own), verdictsOf(above));
    const rng = createRng(job.seed).fork("report", "gap", name);
    rows.push({ name, gap: gapRecovered(pairs, { rng, resamples: job.evaluation.resamples }) });
  }
  if (rows.length === 0) return undefined;
  return studyOf(ceiling.name, rows);
}

function studyOf(ceiling: string, rows: readonly { name: string; gap: GapRecovered }[]): Study {
  const adjusted = holm(rows.map(({ gap }) => gap.pValue));
  const percent = (title: string): Column => ({ title, format: "percent" });
  const undefinedFor = rows
    .filter(({ gap }) => gap.recovered === null && gap.pairs > 0)
    .map(({ name }) => name);
  return {
    id: "gap",
    title: "From the teacher to human labels",
    question: "How much of the way from its teacher's accuracy to that of human labels does a student go?",
    paperItem: "the performance gap recovered of Burns et al. 2023, section 3",
    tables: [
      {
        title: "Test accuracy",
        columns: [
          { title: "arm" },
          { title: "pairs", format: "count" },
          percent("teacher"),
          percent("arm"),
          percent(`${ceiling} (ceiling)`),
          { title: "gap recovered", digits: 2 },
          { ...percent(`arm minus ${ceiling}`), signed: true },
          { title: "p" },
          { title: "p, corrected" },
        ],
        rows: rows.map(({ name, gap }, i): Cell[] => [
          name,
          gap.pairs,
          gap.weak,
          gap.student,
          gap.ceiling,
          gap.recovered,
          gap.difference,
          formatP(gap.pValue),
          formatP(adjusted[i]!),
        ]),
        notes: [
          "On the pairs that teacher, arm and ceiling all decide; n counts their prompts, which intervals resample. Arms without preference training are left out: they have no implicit reward.",
          "Gap recovered: (arm − teacher) / (ceiling − teacher). Resamples in which the ceiling is not above the teacher have none and are left out, so near a gap of 0 the interval says little.",
          `Test: two-sided paired permutation test over prompts of the arm against ${ceiling}. Corrected: Holm, over ${formatNumber(rows.length, { format: "count" })} arms.`,
          ...(undefinedFor.length === 0
            ? []
            : [
                `Undefined for ${undefinedFor.join(", ")}: ${ceiling} is not above the teacher, so there is no gap.`,
              ]),
        ],
      },
    ],
  };
}
