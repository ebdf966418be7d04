/**
 * What each person said of each pair, where several were asked: `hidden/people.jsonl` of the data stage, beside the labels that most of them
 * gave. It has every pair of the sources, those without a majority too. Labelling code is not given it.
 */
import { DataError } from "../../base/core/errors.ts";
import { exists, writeFileAtomic } from "../../base/core/files.ts";
import { readRecords } from "../../base/files/jsonl.ts";
import { isRecord } from "../../base/files/record.ts";
import { jsonLines } from "../../method/data/json-lines.ts";
import type { Answers } from "../../method/data/people.ts";
import type { PeopleRecord } from "../../method/data/people-agreement.ts";
import type { HumanLabel, PreferenceRow } from "../../method/data/rows.ts";
import type { Artefact, WorkFolder } from "../stages/stage.ts";

const FILE = "people.jsonl";
const PARTS = ["labelled", "pool", "test", "none"] as const;
const SIDES = ["a", "b", "chosen", "rejected"] as const;
const ANSWERS = ["first", "second", "tie"] as const;

/** One pair: the part it came to (`none` for ties, pairs without a majority and those left out), and who said what. */
export type PeopleLine = {
  readonly id: string;
  readonly part: (typeof PARTS)[number];
  /** Which response of the part's row is `first`; the data's order where the pair is in no part. */
  readonly first: (typeof SIDES)[number];
  readonly people: Answers;
};

/** The ids of the parts, and what people said of the pool together. */
export type PeopleParts = {
  readonly labelled: ReadonlySet<string>;
  readonly pool: ReadonlySet<string>;
  readonly test: ReadonlySet<string>;
  readonly humanLabels: readonly HumanLabel[];
};

/** What people said, under the names that their rows were given. @param renames - rows before and after, in one order */
export function underNames(
  people: readonly PeopleRecord[],
  renames: readonly (readonly [readonly PreferenceRow[], readonly PreferenceRow[]])[],
): PeopleRecord[] {
  const names = new Map(
    renames.flatMap(([before, after]) => before.map(({ id }, i) => [id, after[i]!.id] as const)),
  );
  return people.map((record) => ({ ...record, id: names.get(record.id) ?? record.id }));
}

/** Lines of all pairs that several people judged. @param records - under the ids that rows have in the parts */
export function peopleLines(records: readonly PeopleRecord[], parts: PeopleParts): PeopleLine[] {
  const preferred = new Map(parts.humanLabels.map((label) => [label.id, label.preferred]));
  return records.map(({ id, answers, first }) => {
    const part = (["labelled", "pool", "test"] as const).find((name) => parts[name].has(id)) ?? "none";
    return { id, part, first: part === "pool" ? poolSide(first, preferred.get(id)) : first, people: answers };
  });
}

/** A row that went into the pool has its order drawn: its chosen response is the one that people preferred. */
function poolSide(
  first: PeopleRecord["first"],
  preferred: HumanLabel["preferred"] | undefined,
): PeopleLine["first"] {
  if (first === "a" || first === "b" || preferred === undefined || preferred === "tie") return first;
  const other = preferred === "a" ? "b" : "a";
  return first === "chosen" ? preferred : other;
}

/** Writes the file, if there is anything to write. */
export async function writePeople(work: WorkFolder, lines: readonly PeopleLine[]): Promise<void> {
  if (lines.length > 0) await writeFileAtomic(work.path("hidden", FILE), jsonLines(lines));
}

/**
 * Reads what each person said; empty where nobody or one person judged.
 * @throws DataError for a line that is none
 */
export async function readPeople(data: Artefact): Promise<PeopleLine[]> {
  const file = data.path("hidden", FILE);
  if (!(await exists(file))) return [];
  const lines: PeopleLine[] = [];
  for await (const record of readRecords(file)) {
    if (!isPeopleLine(record.value))
      throw new DataError(
        file,
        record.line,
        "is no record of what people said, expected {id, part, first, people}.",
      );
    lines.push(record.value);
  }
  return lines;
}

function isPeopleLine(value: unknown): value is PeopleLine {
  if (!isRecord(value)) return false;
  const { id, part, first, people } = value;
  const among = (list: readonly string[], one: unknown) => typeof one === "string" && list.includes(one);
  return (
    typeof id === "string" &&
    among(PARTS, part) &&
    among(SIDES, first) &&
    isRecord(people) &&
    Object.values(people).every((answer) => among(ANSWERS, answer))
  );
}
