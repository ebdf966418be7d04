/** Who labelled, for the report: each teacher on its own held-out pairs, a judge's position flips, an ensemble's split of uncertainty. */

import type { CascadeWorth } from "../../method/labels/cascade.ts";
import { changeInWords } from "../../method/teacher/precision.ts";
import type { TeacherFacts } from "../../method/teacher/teacher-facts.ts";
import type { ReportTable } from "../../report/data.ts";
import type { LabelFacts } from "../job/label-stages.ts";

/** Tables about teachers; none where there is nothing to tell beside the agreement of the labels. */
export function teacherTables(facts: LabelFacts): ReportTable[] {
  const judges = facts.teachers.filter(({ judge }) => judge !== undefined);
  return [
    ...(facts.ensemble === null ? [] : [membersTable(facts, facts.ensemble)]),
    ...(facts.cascade === undefined ? [] : [cascadeTable(facts, facts.cascade)]),
    ...(judges.length === 0 ? [] : [judgesTable(judges)]),
    ...precisionTables(facts.teachers),
  ];
}

/** Members beside the whole: an ensemble is worth its price only where it is better than they are. */
function membersTable(
  { heldOutAccuracy: all, teachers }: LabelFacts,
  { members, uncertainty }: NonNullable<LabelFacts["ensemble"]>,
): ReportTable {
  return {
    title: "The ensemble and its members",
    columns: [
      { title: "teacher", format: "text" },
      { title: "kind", format: "text" },
      { title: "agrees with people on held-out pairs", format: "percent" },
    ],
    rows: [
      ...members.map(({ name, heldOut }, i) => [name, teachers[i]?.kind ?? "", heldOut.share]),
      ["all together", "ensemble", all.share],
    ],
    notes: [uncertaintyNote(uncertainty)],
  };
}

/** Both teachers alone beside the whole: a cascade is worth its second teacher only where it is better than the first alone. */
function cascadeTable(
  { teachers }: LabelFacts,
  { sure, pairs, asked, tokens, heldOut }: CascadeWorth,
): ReportTable {
  // What the second alone would have read is told by what it read of those it was asked.
  const whole = Math.round((tokens.second * pairs) / asked);
  const kind = (i: number) => teachers[i]?.kind ?? "";
  return {
    title: "The cascade and its teachers",
    columns: [
      { title: "teacher", format: "text" },
      { title: "kind", format: "text" },
      { title: "pairs of the pool that the first reads", format: "count" },
      { title: "that the second reads", format: "count" },
      { title: "tokens read", format: "count" },
      { title: "agrees with people on the same held-out pairs", format: "percent" },
    ],
    rows: [
      ["first alone", kind(0), pairs, 0, tokens.first, heldOut.first.share],
      ["second alone", kind(1), 0, pairs, whole, heldOut.second.share],
      ["both", "cascade", pairs, asked, tokens.first + tokens.second, heldOut.cascade.share],
    ],
    notes: [
      `The first teacher's label stays where its calibrated confidence is at least ${sure}: on ${pairs - asked} of ${pairs} pairs of the pool. ` +
        `${heldOut.asked} of the held-out pairs were left to the second, and its curve is fitted on these; ${heldOut.cascade.n} that both decide are compared. ` +
        "Tokens of the second alone are those of the pairs it was asked, for all pairs; judges behind an endpoint count none.",
    ],
  };
}

function uncertaintyNote(summary: NonNullable<LabelFacts["ensemble"]>["uncertainty"]): string {
  const { pairs, members, agreement, total, expected, mutualInformation } = summary;
  if (agreement === null || total === null || expected === null || mutualInformation === null)
    return "No pair has a label by any member.";
  return (
    `Over ${pairs} pairs, on average ${(100 * agreement).toFixed(1)} % of the ${members} members are with the majority. ` +
    `Mean entropy of the ensemble's probability ${total.toFixed(3)} nats (at most 0.693): ${expected.toFixed(3)} in the members' own, the part they agree is uncertain; ` +
    `${mutualInformation.toFixed(3)} between them, the part that more labels could settle (mutual information).`
  );
}

/** Teachers in few bits beside themselves in float32. */
function precisionTables(teachers: readonly TeacherFacts[]): ReportTable[] {
  const few = teachers.flatMap(({ name, precision }) =>
    precision === undefined ? [] : [{ name, precision }],
  );
  if (few.length === 0) return [];
  const title = "In fewer bits, beside float32";
  const columns: ReportTable["columns"] = [
    { title: "teacher", format: "text" },
    { title: "weights", format: "text" },
    { title: "pairs compared", format: "count" },
    { title: "labels that turn", format: "count" },
    { title: "margins differ, mean", format: "number" },
    { title: "at most", format: "number" },
    { title: "half of float32's margins are below", format: "number" },
  ];
  const rows = few.map(({ name, precision: { precision, pairs, turned, ...margins } }) => [
    ...[name, precision, pairs, turned],
    ...[margins.meanDifference, margins.largestDifference, margins.medianMargin],
  ]);
  const notes = few.map(({ name, precision }) => `${name}: ${changeInWords(precision)}.`);
  return [{ title, columns, rows, notes }];
}

function judgesTable(judges: readonly TeacherFacts[]): ReportTable {
  return {
    title: "The judge",
    columns: [
      { title: "model", format: "text" },
      { title: "question", format: "code" },
      { title: "answer turned round with the order", format: "percent" },
    ],
    rows: judges.map(({ judge }) => {
      const { model, promptDigest, positionFlips } = judge!;
      return [model, promptDigest.slice(0, 12), positionFlips.share ?? positionFlips.rate];
    }),
    notes: [
      "Both orders of every pair are asked. Where the answers contradict each other a chat judge's pair is a tie; a local judge's probabilities are averaged.",
    ],
  };
}
