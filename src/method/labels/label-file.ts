/** Label files: one JSON object per line, names of the field, validated to the letter when read. */
import { DataError, messageOf, show } from "../../base/core/errors.ts";
import { readText } from "../../base/core/files.ts";
import { notice } from "../../base/core/notices.ts";
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

/**
 * Reads one line of a label file. Nothing is filled in and nothing unknown is passed over: the record must be
 * one that `serializeLabel` could have written.
 *
 * @param line - 1-based, for the message
 * @throws DataError naming the field, what was expected and what is there
 */
export function parseLabel(text: string, file: string, line: number): Label {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch (error) {
    throw new DataError(file, line, `is not valid JSON: ${messageOf(error)}.`, { cause: error });
  }
  if (row === null || typeof row !== "object" || Array.isArray(row))
    throw new DataError(file, line, `is no label, expected an object, got ${show(row)}.`);
  const fields = fromOlder(row as Record<string, unknown>, file);
  const problem = shapeProblem(fields) ?? meaningProblem(fromFields(fields));
  if (problem !== null) throw new DataError(file, line, problem);
  return fromFields(fields);
}

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
    const first = seen.get(label.id);
    if (first !== undefined)
      throw new DataError(file, i + 1, `id ${show(label.id)} is there twice, first in line ${first}.`);
    seen.set(label.id, i + 1);
    labels.push(label);
  });
  return labels;
}

const FIELDS = [
  "id",
  "preferred",
  "score_a",
  "score_b",
  "margin",
  "p_a",
  "p_chosen",
  "flags",
  "label_source",
];

/** A row of weak-teacher 0.1 under today's names: its `confidence`, max(p_a, 1 - p_a) of every row, is `p_chosen` of decided ones. */
function fromOlder(row: Record<string, unknown>, file: string): Record<string, unknown> {
  const { confidence, ...rest } = row;
  if (confidence === undefined || "p_chosen" in row || typeof row.p_a !== "number") return row;
  if (confidence !== Math.max(row.p_a, 1 - row.p_a)) return row;
  notice(
    `${file}: is of weak-teacher 0.1; its confidence is read as p_chosen of the labels that prefer a side`,
  );
  return { ...rest, p_chosen: pChosenOf(row.preferred as Label["preferred"], row.p_a) };
}

function shapeProblem(row: Record<string, unknown>): string | null {
  const missing = FIELDS.find((name) => !(name in row));
  if (missing) return `"${missing}" is missing, expected ${FIELDS.join(", ")}.`;
  const unknown = Object.keys(row).find((name) => !FIELDS.includes(name));
  if (unknown) return `"${unknown}" is unknown, expected ${FIELDS.join(", ")}.`;
  for (const name of ["id", "label_source"]) {
    if (typeof row[name] !== "string" || row[name] === "")
      return `"${name}" is wrong, expected a non-empty string, got ${show(row[name])}.`;
  }
  if (!["a", "b", "tie", "abstain"].includes(row.preferred as string))
    return `"preferred" is wrong, expected "a", "b", "tie" or "abstain", got ${show(row.preferred)}.`;
  if (!isFlagList(row.flags))
    return `"flags" is wrong, expected sorted lower-case words, each once, got ${show(row.flags)}.`;
  const nonFinite = row.flags.includes("non-finite");
  for (const name of ["score_a", "score_b", "margin"]) {
    if (nonFinite ? row[name] !== null : !Number.isFinite(row[name]))
      return `"${name}" is wrong, expected ${nonFinite ? "null (non-finite)" : "a number"}, got ${show(row[name])}.`;
  }
  if (!(typeof row.p_a === "number" && row.p_a >= 0 && row.p_a <= 1))
    return `"p_a" is wrong, expected a number in [0, 1], got ${show(row.p_a)}.`;
  return null;
}

function isFlagList(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.every(
      (flag, i) =>
        typeof flag === "string" && /^[a-z][a-z0-9-]*$/.test(flag) && (i === 0 || value[i - 1] < flag),
    )
  );
}

/** Contradictions between the fields: what no labeller of ours writes. */
function meaningProblem(label: Label): string | null {
  const { preferred, margin, pA: p, pChosen, flags } = label;
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

function fromFields(row: Record<string, unknown>): Label {
  const number = (value: unknown) => (value === null ? Number.NaN : (value as number));
  return {
    id: row.id as string,
    preferred: row.preferred as Label["preferred"],
    scoreA: number(row.score_a),
    scoreB: number(row.score_b),
    margin: number(row.margin),
    pA: row.p_a as number,
    pChosen: row.p_chosen as number | null,
    flags: row.flags as string[],
    teacher: row.label_source as string,
  };
}
