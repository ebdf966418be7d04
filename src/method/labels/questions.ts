/** Questions for people as files that they can fill in, and their answers read back. */

import { DataError, show } from "../../base/core/errors.ts";
import { jsonLines } from "../../base/files/json-lines.ts";
import { openTable } from "../../base/files/table.ts";
import { type BadRow, formatBadRow, LISTED } from "../data/bad-rows.ts";
import { csvText, withoutApostrophe } from "../data/csv-lines.ts";
import { type CandidatePair, plainText } from "../data/rows.ts";
import { isBlocked } from "../teacher/teacher.ts";
import type { Question } from "./ask.ts";
import type { Label } from "./label.ts";
import { DRAWS, type Draw } from "./random-part.ts";

/** What a person may write: the better response, that neither is, or nothing of use. */
export const ANSWERS = ["a", "b", "tie", "skip"] as const;

/** What an answer may say beside the word. Nothing is made of it; it goes along to whoever reads the answers. */
export type AnswerExtras = {
  /** 2: much better, 1: better; of an answer a or b. */
  readonly strength?: 1 | 2 | undefined;
  /** A tie because neither response is any good. */
  readonly bothBad?: true | undefined;
  /** What the person wrote about the pair. */
  readonly note?: string | undefined;
};

/** A person's word on a pair; `drawn`: why it was asked about, where the answers say so. */
export type Answer = AnswerExtras & {
  readonly id: string;
  readonly preferred: "a" | "b" | "tie";
  readonly drawn?: Draw | undefined;
};

/** An answer as a row of an answers file. */
export const answerRow = ({ id, preferred, drawn, strength, bothBad, note }: Answer) => ({
  ...{ id, answer: preferred, drawn, strength },
  ...{ both_bad: bothBad, note },
});

/** What an answers file says. `blank`: rows with nothing filled in; `skipped`: rows answered "skip". */
export type Answers = {
  readonly answers: readonly Answer[];
  readonly skipped: number;
  readonly blank: number;
};

/** Columns of a questions file, in order; people fill in `answer`. */
export const QUESTION_COLUMNS = [
  "id",
  "answer",
  "drawn",
  "prompt",
  "response_a",
  "response_b",
  "value",
  "uncertainty",
  "disagreement",
  "similarity",
] as const;

/** Questions as JSON lines and as CSV; both hold the same, and a and b are in the pool's order. */
export function questionFiles(
  questions: readonly Question[],
  pairs: ReadonlyMap<string, CandidatePair>,
): { readonly jsonl: Iterable<Uint8Array>; readonly csv: string } {
  const rows = questions.map(({ id, drawn, value, uncertainty, disagreement, similarity }) => {
    const { prompt, a, b } = pairs.get(id)!;
    const figures = { value, uncertainty, disagreement, similarity };
    return { id, answer: "", drawn, prompt, response_a: a, response_b: b, ...figures };
  });
  const flat = rows.map((row) => ({
    ...row,
    prompt: plainText(row.prompt),
    response_a: plainText(row.response_a),
    response_b: plainText(row.response_b),
  }));
  return { jsonl: jsonLines(rows), csv: csvText(QUESTION_COLUMNS, flat) };
}

/**
 * Reads answers: any table with `id` and `answer` (a, b, tie, skip, or empty for "not yet"; capitals do not matter), `drawn` as it was asked, and
 * what people may add: `strength` (1 or 2, of a or b), `both_bad` (true, of a tie), `note`.
 * @throws DataError with everything that is wrong, each with its line: ids that are not among the labels, answers of another kind,
 *   a pair answered in two ways, pairs of which no label can be made
 */
export async function readAnswers(file: string, labels: ReadonlyMap<string, Label>): Promise<Answers> {
  const bad: BadRow[] = [];
  const found = new Map<string, Given>();
  let [rows, blank] = [0, 0];
  for await (const record of openTable(file, { header: true })) {
    if ("problem" in record) throw new DataError(record.file, record.line, record.problem);
    const { line, value } = record;
    const complain = (column: string, problem: string, fix = "") =>
      bad.push({ file, line, column, problem, fix });
    rows++;
    const id = idOf(value.id, labels);
    const answer = wordOf(value.answer);
    const known = ANSWERS.find((word) => word === answer);
    const drawn = DRAWS.find((word) => word === wordOf(value.drawn));
    const odd = oddExtra(value, answer);
    if (id === undefined)
      complain("id", `is ${shown(value.id)}, which no label has`, "Give the ids as they were asked.");
    else if (drawn === undefined && wordOf(value.drawn) !== "")
      complain("drawn", `is wrong, expected ${DRAWS.join(", ")} or nothing, got ${shown(value.drawn)}`);
    else if (answer !== "" && known === undefined)
      complain("answer", `is wrong, expected ${ANSWERS.join(", ")} or nothing, got ${shown(value.answer)}`);
    else if (odd !== undefined) complain(...odd);
    else if (known === undefined) blank++;
    else if (known !== "skip" && isBlocked(labels.get(id)!.flags))
      complain(
        "id",
        `${shown(id)} is flagged ${labels.get(id)!.flags.join(", ")}: no label is made of such a pair`,
        "Remove the row.",
      );
    else {
      const before = found.get(id);
      if (before !== undefined && before.answer !== known)
        complain(
          "answer",
          `says "${known}" of ${shown(id)}, and line ${before.line} says "${before.answer}"`,
          "Keep one of them.",
        );
      else found.set(id, { answer: known, line, drawn, extras: extrasOf(value) });
    }
  }
  if (bad.length > 0) throw allProblems(bad, rows);
  const answers = [...found].flatMap(([id, { answer, drawn, extras }]) =>
    answer === "skip"
      ? []
      : [{ id, preferred: answer, ...(drawn === undefined ? {} : { drawn }), ...extras }],
  );
  return { answers, skipped: found.size - answers.length, blank };
}

/** One row's answer and its line. */
type Given = {
  readonly answer: (typeof ANSWERS)[number];
  readonly line: number;
  readonly drawn: Draw | undefined;
  readonly extras: AnswerExtras;
};

type Row = Readonly<Record<string, unknown>>;

/** What is wrong with the columns beside the answer: the column and the problem. @param answer - "" for none */
function oddExtra(value: Row, answer: string): readonly [column: string, problem: string] | undefined {
  const { strength, both_bad } = value;
  const strong = wordOf(strength);
  const bad = wordOf(both_bad);
  if (!["", "1", "2"].includes(strong))
    return ["strength", `is wrong, expected 1, 2 or nothing, got ${shown(strength)}`];
  if (strong !== "" && answer !== "a" && answer !== "b")
    return ["strength", `is ${strong} of an answer "${answer}", expected one of a or b`];
  if (!["", "true", "false"].includes(bad))
    return ["both_bad", `is wrong, expected true, false or nothing, got ${shown(both_bad)}`];
  return bad === "true" && answer !== "tie"
    ? ["both_bad", `is true of an answer "${answer}", expected a tie`]
    : undefined;
}

/** What a row whose columns are sound says beside its answer. */
function extrasOf(value: Row): AnswerExtras {
  const strong = wordOf(value.strength);
  const note = withoutApostrophe(value.note == null ? "" : String(value.note)).trim();
  return {
    ...(strong === "" ? {} : { strength: strong === "2" ? 2 : 1 }),
    ...(wordOf(value.both_bad) === "true" ? { bothBad: true } : {}),
    ...(note === "" ? {} : { note }),
  };
}

function idOf(value: unknown, labels: ReadonlyMap<string, Label>): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return undefined;
  return [text, withoutApostrophe(text)].find((id) => labels.has(id));
}

const wordOf = (value: unknown) => (value == null ? "" : String(value).trim().toLowerCase());

const shown = (value: unknown) => (value === undefined ? "missing" : show(value));

function allProblems(bad: readonly BadRow[], rows: number): DataError {
  const [first, ...others] = bad.slice(0, LISTED).map((row) => formatBadRow(row));
  const { file, line } = bad[0]!;
  const more = bad.length > LISTED ? [`… and ${bad.length - LISTED} more.`] : [];
  const rest = [first!.slice(`${file}:${line}: `.length), ...others, ...more];
  return new DataError(
    file,
    line,
    `${rest.join("\n")}\n${bad.length} of ${rows} rows are wrong; none was taken.`,
  );
}
