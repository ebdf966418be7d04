/** Data whose label is a column that says *which* response is better (1, 2, 0; a, b, tie; model_a), perhaps one column for each person. */
import { type Answer, majorityOf } from "../people.ts";
import type { ColumnNotes, LeftOut, ParsedPair } from "./adapter.ts";
import { RowProblem } from "./adapter.ts";
import { formatValues } from "./column-map.ts";
import { columnAt } from "./columns.ts";
import { joinedPrompt } from "./joined.ts";
import { show } from "./texts.ts";
import { explicitPair } from "./trl.ts";
import { type Values, verdictOf } from "./verdicts.ts";

type Value = Readonly<Record<string, unknown>>;

/** Where prompt, responses and labels stand, and what the labels mean. */
export type WhichColumns = {
  readonly prompt: readonly string[];
  readonly a: string;
  readonly b: string;
  readonly label: readonly string[];
  /** What each value of a label means; letters in lower case here, in any case in the data. */
  readonly values: Values;
};

const ANSWER = { a: "first", b: "second", tie: "tie" } as const;

/**
 * Reads a pair and its label: the person's answer, or of several people what more than half of them say; without a majority the pair has no
 * label (`preferred: "none"`) and keeps their answers.
 * @throws RowProblem for a value that means nothing
 */
export function whichPair(value: Value, columns: WhichColumns): ParsedPair | LeftOut {
  const { people, several } = answersAt(value, columns);
  if (Object.keys(people).length === 0) return { leaveOut: several ? "nobody answered" : "no label" };
  const pair = responsesAt(value, columns);
  const preferred = majorityOf(people) ?? "none";
  return { ...pair, preferred, ...(several ? { people } : {}) };
}

/** The prompt, joined where it stands in several columns, and the two responses. @throws RowProblem as `explicitPair` */
export function responsesAt(
  value: Value,
  { prompt, a, b }: Pick<WhichColumns, "prompt" | "a" | "b">,
): ReturnType<typeof explicitPair> {
  const name = prompt.join(" + ");
  const joined = prompt.length === 1 ? {} : { [name]: joinedPrompt(value, prompt) };
  const texts = Object.fromEntries([a, b].flatMap((column) => wordOf(value[column], column)));
  return explicitPair({ ...value, ...joined, ...texts }, { prompt: name, chosen: a, rejected: b });
}

/** Answers "True" and "False" that a table's writer took for truth values (PandaLM's test set has six), as Python writes them. */
function wordOf(found: unknown, column: string): [string, string][] {
  return typeof found === "boolean" ? [[column, found ? "True" : "False"]] : [];
}

type Given = { readonly people: Readonly<Record<string, Answer>>; readonly several: boolean };

/** Answers by person: a column for each, or a column that holds a list of them. */
function answersAt(value: Value, { label, values }: WhichColumns): Given {
  const said = label.flatMap((column): [string, unknown][] => {
    const found = Object.hasOwn(value, column) && value[column] === null ? null : labelAt(value, column);
    return Array.isArray(found) ? found.map((one, i) => [`${column}[${i + 1}]`, one]) : [[column, found]];
  });
  const people = said.flatMap(([person, found]): [string, Answer][] => {
    const verdict = readVerdict(person, found, values);
    return verdict === "none" ? [] : [[person, ANSWER[verdict]]];
  });
  return { people: Object.fromEntries(people), several: said.length > 1 };
}

/** A label that is empty is no answer; a column that the row lacks is a mistake. */
function labelAt(value: Value, column: string): unknown {
  return columnAt(value, column);
}

function readVerdict(column: string, found: unknown, values: Values) {
  const missing = found === null || (typeof found === "string" && /^\s*(nan|null|none)?\s*$/i.test(found));
  const verdict = verdictOf(values, found) ?? (missing ? "none" : undefined);
  if (verdict !== undefined) return verdict;
  throw new RowProblem(
    column,
    `is ${show(found)}, which says nothing: values are ${formatValues(values).slice(0, 200)}`,
    'Correct it, or say what it means with --map …,values=…, where "none" is for no answer.',
  );
}

/** What a column of the prompt is used as. */
export const promptPart = (place: number, parts: number): string =>
  parts === 1 ? "prompt" : place === 0 ? "prompt, first part" : `prompt, part ${place + 1}, on a new line`;

/** What the columns are used as. */
export function whichUses({ prompt, a, b, label }: WhichColumns, value: Value = {}): ColumnNotes {
  const word = (column: string) =>
    typeof value[column] === "boolean" ? ", a truth value read as the word True or False" : "";
  return Object.fromEntries([
    ...prompt.map((column, i) => [column, promptPart(i, prompt.length)]),
    [a, `first response${word(a)}`],
    [b, `second response${word(b)}`],
    ...label.map((column) => [
      column,
      label.length === 1 ? "which is better" : "which is better, by one person",
    ]),
  ]);
}
