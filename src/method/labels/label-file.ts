/** Label files: one JSON object per line, names of the field, validated to the letter when read. */
import { z } from "zod";
import { show } from "../../base/core/errors.ts";
import { readText } from "../../base/core/files.ts";
import { notice } from "../../base/core/notices.ts";
import { refuseTwice, rowReader } from "../../base/files/row-file.ts";
import { isBlocked } from "../teacher/teacher.ts";
import { type Label, pChosenOf } from "./label.ts";

/** One line of a label file, without the newline. Scores of a `non-finite` label are null. */
export function serializeLabel(label: Label): string {
  return JSON.stringify({
    id: label.id,
    preferred: label.preferred,
    score_a: label.scoreA,
    score_b: label.scoreB,
    margin: label.margin,
    p_a: label.pA,
    p_chosen: label.pChosen,
    flags: label.flags,
    label_source: label.teacher,
  });
}

/** Words in alphabetical order, each once. */
const flagList = z.array(z.string()).refine((flags) => flags.every(isFlag), {
  error: ({ input }) => `expected sorted lower-case words, each once, got ${show(input)}.`,
});
const isFlag = (flag: string, i: number, flags: readonly string[]) =>
  /^[a-z][a-z0-9-]*$/.test(flag) && (i === 0 || flags[i - 1]! < flag);

const labelSchema = z
  .strictObject({
    id: z.string().min(1),
    preferred: z.enum(["a", "b", "tie", "abstain"]),
    score_a: z.number().nullable(),
    score_b: z.number().nullable(),
    margin: z.number().nullable(),
    p_a: z.number().min(0).max(1),
    p_chosen: z.number().nullable(),
    flags: flagList,
    label_source: z.string().min(1),
  })
  .transform((row, { addIssue }): Label => {
    const label = {
      id: row.id,
      preferred: row.preferred,
      scoreA: row.score_a ?? Number.NaN,
      scoreB: row.score_b ?? Number.NaN,
      margin: row.margin ?? Number.NaN,
      pA: row.p_a,
      pChosen: row.p_chosen,
      flags: row.flags,
      teacher: row.label_source,
    };
    const problem = meaningProblem(label);
    if (problem !== null) addIssue(problem);
    return label;
  });

/**
 * Reads lines of a label file. Nothing is filled in and nothing unknown is passed over: a record must be
 * one that `serializeLabel` could have written.
 */
const LABELS = rowReader<Label>({
  what: "label",
  schema: labelSchema,
  fix: "Label the pool again.",
  older: fromOlder,
});

/** One line of a label file. @param line - 1-based, for the message. @throws DataError naming the field, what was expected and what is there */
export const parseLabel = LABELS.parse;

/** Reads a label file. @throws DataError as `parseLabels` */
export const readLabelFile = async (file: string): Promise<Label[]> =>
  parseLabels(await readText(file, 2 ** 31), file);

/**
 * The labels of a whole file's text; empty lines are passed over.
 *
 * @throws DataError on a bad line or on an id that occurs twice
 */
export function parseLabels(text: string, file: string): Label[] {
  const seen = new Map<string, number>();
  const labels: Label[] = [];
  text.split("\n").forEach((row, i) => {
    if (row.trim() === "") return;
    const label = parseLabel(row, file, i + 1);
    refuseTwice(seen, label.id, file, i + 1);
    labels.push(label);
  });
  return labels;
}

/** A row of weak-teacher 0.1 under today's names: its `confidence`, max(p_a, 1 - p_a) of every row, is `p_chosen` of decided ones. */
function fromOlder(row: Readonly<Record<string, unknown>>, file: string): Readonly<Record<string, unknown>> {
  if (row.confidence === undefined) return row;
  const { confidence, ...rest } = row;
  if ("p_chosen" in row || typeof row.p_a !== "number") return row;
  if (confidence !== Math.max(row.p_a, 1 - row.p_a)) return row;
  notice(
    `${file}: is of weak-teacher 0.1; its confidence is read as p_chosen of the labels that prefer a side`,
  );
  return { ...rest, p_chosen: pChosenOf(row.preferred as Label["preferred"], row.p_a) };
}

/** Contradictions between the fields: what no labeller of ours writes. */
function meaningProblem(label: Label): string | null {
  const { preferred, margin, pA: p, pChosen, flags } = label;
  const isNumber = !flags.includes("non-finite");
  const numbers = { score_a: label.scoreA, score_b: label.scoreB, margin };
  const odd = Object.entries(numbers).find(([, value]) => Number.isNaN(value) === isNumber);
  if (odd !== undefined)
    return `"${odd[0]}" is wrong, expected ${isNumber ? "a number" : "null (non-finite)"}, got ${show(odd[1])}.`;
  if (!Number.isNaN(margin) && margin !== label.scoreA - label.scoreB)
    return `"margin" is not score_a - score_b, expected ${label.scoreA - label.scoreB}, got ${margin}.`;
  if (isBlocked(flags) && !(preferred === "abstain" && p === 0.5))
    return `flags ${show(flags)} forbid a label, expected "abstain" with p_a 0.5, got "${preferred}" with ${p}.`;
  if (preferred === "a" && !(margin > 0 && p >= 0.5))
    return `"a" is preferred, expected margin > 0 and p_a >= 0.5, got ${margin} and ${p}.`;
  if (preferred === "b" && !(margin < 0 && p <= 0.5))
    return `"b" is preferred, expected margin < 0 and p_a <= 0.5, got ${margin} and ${p}.`;
  if (preferred === "tie" && p !== 0.5) return `is a tie, expected p_a 0.5, got ${p}.`;
  if (preferred === "abstain" && flags.length === 0)
    return `abstains without a reason, expected a flag, got none.`;
  if (pChosen !== pChosenOf(preferred, p))
    return `"p_chosen" is not that of ${preferred}, expected ${show(pChosenOf(preferred, p))}, got ${show(pChosen)}.`;
  return null;
}
