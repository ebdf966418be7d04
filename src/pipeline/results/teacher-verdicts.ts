/** Whether the teacher of a job sides with people on the test pairs, as it labels: one teacher by its scores, several by their mean probability. */
import { calibratorFromJson } from "../../method/labels/calibration.ts";
import { labelsOf } from "../../method/labels/plan-labels.ts";
import type { FittedForm } from "../../method/teacher/score-form.ts";
import { readScores } from "../../method/teacher/scores-folder.ts";
import { readLabelFacts } from "../job/label-stages.ts";
import { testPairs } from "../job/labelled-split.ts";
import type { JobResult } from "../job/main-job.ts";
import type { MainJob } from "../recipe/job-settings.ts";

/** Right or wrong by pair id, for the pairs that teacher and person both decide; undefined for a control that knows the pool alone. */
export async function teacherVerdicts(
  job: MainJob,
  { data, labels, scores }: Pick<JobResult, "data" | "labels" | "scores">,
): Promise<Map<string, boolean> | undefined> {
  const facts = await readLabelFacts(labels);
  const points = new Map<string, { sum: number; votes: number }>();
  for (const [i, { name, test }] of scores.entries()) {
    if (test === undefined) return undefined;
    const member = facts.ensemble?.members[i];
    const rules =
      member === undefined
        ? { form: facts.settings.form as FittedForm }
        : { form: member.form, calibrator: calibratorFromJson(member.calibrator, labels.path("facts.json")) };
    for (const label of await labelsOf(readScores(test.path("scores")), { teacher: name, ...rules })) {
      if (label.preferred === "abstain") continue;
      const { sum, votes } = points.get(label.id) ?? { sum: 0, votes: 0 };
      points.set(label.id, { sum: sum + label.pA - 0.5, votes: votes + 1 });
    }
  }
  const { human } = await testPairs(data, job);
  return new Map(
    human.flatMap(({ id, preferred }) => {
      const { sum, votes } = points.get(id) ?? { sum: 0, votes: 0 };
      // An abstention of one member is one of the ensemble, as in labels.
      return votes < scores.length || sum === 0 || preferred === "tie"
        ? []
        : [[id, sum > 0 === (preferred === "a")] as const];
    }),
  );
}
