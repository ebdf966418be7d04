/**
 * What each person said of each pair, where several were asked: `hidden/people.jsonl` of the data stage, beside the labels that most of them
 * gave. It has every pair of the sources, those without a majority too. Labelling code is not given it.
 */
import { z } from "zod";
import { rowKind } from "../../base/files/row-file.ts";
import type { PeopleRecord } from "../../method/data/people-agreement.ts";
import type { HumanLabel, PreferenceRow } from "../../method/data/rows.ts";
import type { Artefact, WorkFolder } from "../stages/stage.ts";

const FILE = "people.jsonl";

const peopleLineSchema = z.strictObject({
  id: z.string(),
  part: z.enum(["labelled", "pool", "test", "none"]),
  /** Which response of the part's row is `first`; the data's order where the pair is in no part. */
  first: z.enum(["a", "b", "chosen", "rejected"]),
  people: z.record(z.string(), z.enum(["first", "second", "tie"])),
});

/** One pair: the part it came to (`none` for ties, pairs without a majority and those left out), and who said what. */
export type PeopleLine = z.output<typeof peopleLineSchema>;

const PEOPLE = rowKind<PeopleLine>({ what: "record of what people said", schema: peopleLineSchema });

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
  if (lines.length > 0) await PEOPLE.write(work.path("hidden", FILE), lines);
}

/** What each person said; empty where nobody or one person judged. @throws DataError for a line that is none */
export const readPeople = (data: Artefact): Promise<PeopleLine[]> =>
  PEOPLE.readIfThere(data.path("hidden", FILE));
