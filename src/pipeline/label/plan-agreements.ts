/** What people's and a teacher's answers to the same pairs say before anything is trained; answers from files. */
import { ConfigError } from "../../base/core/errors.ts";
import { type LoadOptions, readCandidates } from "../../method/data/load.ts";
import type { Answer } from "../../method/data/people.ts";
import type { PeopleRecord } from "../../method/data/people-agreement.ts";
import { type Source, sourceName } from "../../method/data/source.ts";
import type { JudgedByMany } from "../../method/evaluate/plan/estimate.ts";
import { openLabelSet } from "./open-labels.ts";

/** Where answers are: people's in columns of a file, the teacher's in one more or in what `label` made of the file. */
export type AnswersSource = {
  readonly file: Source;
  /** How it is read; undefined where a folder of labels says so. */
  readonly read: Omit<LoadOptions, "log"> | undefined;
  readonly seed: number;
  /** The column that holds the teacher's answers, read as people's are. */
  readonly teacher?: string | undefined;
  /** A folder that `label` filled. */
  readonly labels?: string | undefined;
};

/** Who answered, and what. */
export type JudgedFile = { readonly people: readonly string[]; readonly items: readonly JudgedByMany[] };

/**
 * Reads people's answers and the teacher's of the same pairs; ties are no answer.
 * @throws ConfigError when nobody or one person judged, or the teacher is not there; DataError for a broken file
 */
export async function readJudged({ teacher, labels, ...source }: AnswersSource): Promise<JudgedFile> {
  if (teacher !== undefined && labels === undefined) return withColumn(source, teacher);
  if (labels !== undefined && teacher === undefined) return withLabels(source, labels);
  throw new ConfigError(
    `plan: expected the teacher's answers from one place, --teacher (a column) or --labels (a folder of label), got ${labels === undefined ? "neither" : "both"}.`,
  );
}

type PeopleSource = Omit<AnswersSource, "teacher" | "labels">;

async function withColumn({ file, read, seed }: PeopleSource, teacher: string): Promise<JudgedFile> {
  const { people: records } = await readCandidates(file, { ...read, seed });
  const names = namesOf(records);
  if (!names.includes(teacher))
    throw new ConfigError(
      `--teacher ${teacher}: no answers under that name in ${sourceName(file)}, which has ${names.length === 0 ? "those of no one" : names.join(", ")}. Name the columns of people and teacher with --map label=anna;ben;${teacher}.`,
    );
  const others = names.filter((name) => name !== teacher);
  return judgedBy(records, severalIn(others, file), (record) => sideOf(record, teacher));
}

async function withLabels({ file, read }: PeopleSource, folder: string): Promise<JudgedFile> {
  const { labels, pool } = await openLabelSet(folder, file, read);
  const { people: records } = await readCandidates(pool.file, { ...pool.read, seed: pool.seed });
  const sides = new Map(labels.map(({ id, preferred }) => [id, preferred]));
  return judgedBy(records, severalIn(namesOf(records), file), ({ id }) => {
    const said = sides.get(id);
    return said === "a" || said === "b" ? said : null;
  });
}

const judgedBy = (
  records: readonly PeopleRecord[],
  people: readonly string[],
  teacher: (record: PeopleRecord) => JudgedByMany["teacher"],
): JudgedFile => ({
  people,
  items: records.map((record) => ({
    unit: record.unit,
    people: people.map((person) => sideOf(record, person)),
    teacher: teacher(record),
  })),
});

const namesOf = (records: readonly PeopleRecord[]): string[] => [
  ...new Set(records.flatMap(({ answers }) => Object.keys(answers))),
];

function severalIn(people: readonly string[], file: Source): readonly string[] {
  if (people.length > 1) return people;
  throw new ConfigError(
    `${sourceName(file)}: expected the answers of two people or more, got those of ${people.length === 0 ? "none" : people[0]}. Name their columns with --map label=anna;ben.`,
  );
}

/** A person's answer as the pair's own side; `first` says which stands first in the data. */
function sideOf({ answers, first }: PeopleRecord, person: string): "a" | "b" | null {
  const said: Answer | undefined = answers[person];
  if (said !== "first" && said !== "second") return null;
  return (said === "first") === (first === "a") ? "a" : "b";
}
