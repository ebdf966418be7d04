/**
 * The files of the data stage. Labelling code is given `pool/` alone; what people and gold said of the pool is in
 * `hidden/`, joined by id when something is measured (or when an arm is trained on it on purpose).
 */

import { copyFile } from "node:fs/promises";
import { z } from "zod";
import { exists } from "../../base/core/files.ts";
import { rowKind } from "../../base/files/row-file.ts";
import { isObject } from "../../base/settings/parts.ts";
import type { ColumnReport } from "../../method/data/column-report.ts";
import { HUMAN_LABELS, HUMAN_LABELS_FILE } from "../../method/data/human-labels.ts";
import { readPreferences } from "../../method/data/load.ts";
import type { PeopleAgreement } from "../../method/data/people-agreement.ts";
import { readPool, writePoolFile } from "../../method/data/pool.ts";
import type { CandidatePair, HumanLabel, PreferenceRow } from "../../method/data/rows.ts";
import { plainText, type Text } from "../../method/data/rows.ts";
import { textSchema } from "../../method/data/text-schema.ts";
import { writePreferences } from "../../method/data/writers.ts";
import { GOLD_PAIRS, type GoldPair, type SimulatedPeople } from "../../method/split/world.ts";
import type { Artefact, WorkFolder } from "../stages/stage.ts";
import { jsonFile } from "../stages/stage-file.ts";
import { type PeopleLine, writePeople } from "./people-file.ts";

/** Everything the data stage makes. */
export type JobData = {
  readonly labelled: readonly PreferenceRow[];
  readonly pool: readonly CandidatePair[];
  readonly humanLabels: readonly HumanLabel[];
  /** Gold scores of the pool, where gold is known. */
  readonly gold: readonly GoldPair[];
  /** Gold scores of the labelled pairs, where gold is known; nobody but a gold control asks for them. */
  readonly labelledGold?: readonly GoldRow[];
  readonly test: readonly PreferenceRow[];
  /** What each person said, where several did. */
  readonly people?: readonly PeopleLine[];
  /** Prompts to generate on. */
  readonly prompts: readonly Text[];
  /** Counts and findings for the report, plain JSON. */
  readonly quality: DataFacts;
};

const goldRowSchema = z.strictObject({ id: z.string(), goldChosen: z.number(), goldRejected: z.number() });
/** Gold scores of a preference row. */
export type GoldRow = z.output<typeof goldRowSchema>;
const GOLD_ROWS = rowKind<GoldRow>({
  what: "gold score of a labelled pair",
  schema: goldRowSchema,
  unique: ({ id }) => id,
});

/** What the report says of the data. */
export type DataFacts = z.output<typeof factsSchema>;

const shareSchema = z.object({
  source: z.string(),
  format: z.string(),
  /** Null where all pairs of all sources are read. */
  weight: z.number().nullable(),
  pairs: z.number(),
  taken: z.number(),
});

/** One of several sources. */
export type SourceShare = z.output<typeof shareSchema>;

const factsSchema = z.object({
  source: z.string(),
  format: z.string(),
  rows: z.number(),
  parts: z.record(z.string(), z.object({ rows: z.number(), prompts: z.number() })),
  findings: z.array(z.object({ kind: z.string(), count: z.number() })).readonly(),
  /** What each source gave, of parts that have several. */
  sources: z.array(shareSchema).readonly().optional(),
  /** What became of each column, by source. */
  columns: z.record(z.string(), z.custom<readonly ColumnReport[]>(Array.isArray)).optional(),
  /** How far people agree with each other, where several judged. */
  people: z.custom<PeopleAgreement>(isObject).optional(),
  /** How the simulated people of a made-up world see gold. */
  simulated: z.custom<SimulatedPeople>(isObject).optional(),
});

/** Gold scores of the pool, in `hidden/`. */
export const GOLD_FILE = "gold.jsonl";
const LABELLED_GOLD = "gold-labelled.jsonl";
/** Groups of labelled and test rows by id, where rows have any: TRL's columns, which the rows are written in, have no place for them. */
const groups = z.record(z.string(), z.string()).optional();
const GROUPS = jsonFile("groups.json", z.object({ labelled: groups, test: groups }), 2 ** 31);
type Groups = { readonly [Part in "labelled" | "test"]?: Readonly<Record<string, string>> | undefined };
const PROMPTS = jsonFile("prompts.json", z.array(textSchema).readonly());
const FACTS = jsonFile("facts.json", factsSchema);
const FILES = { labelled: "labelled.jsonl", test: "test.jsonl" };

/** Writes the data stage's files. */
export async function writeData(work: WorkFolder, data: JobData): Promise<void> {
  await writePreferences(work.path(FILES.labelled), data.labelled);
  await writePreferences(work.path(FILES.test), data.test);
  const groups: Groups = { ...groupsOf("labelled", data.labelled), ...groupsOf("test", data.test) };
  if (Object.keys(groups).length > 0) await GROUPS.write(work, groups);
  await writePoolFile(work.path("pool"), data.pool);
  if (data.humanLabels.length > 0)
    await HUMAN_LABELS.write(work.path("hidden", HUMAN_LABELS_FILE), data.humanLabels);
  if (data.gold.length > 0) await GOLD_PAIRS.write(work.path("hidden", GOLD_FILE), data.gold);
  if (data.labelledGold !== undefined)
    await GOLD_ROWS.write(work.path("hidden", LABELLED_GOLD), data.labelledGold);
  await writePeople(work, data.people ?? []);
  await PROMPTS.write(work, data.prompts);
  await FACTS.write(work, data.quality);
}

/** Copies the labelled pairs as they are. */
export async function copyLabelled(data: Artefact, work: WorkFolder): Promise<void> {
  const { labelled } = FILES;
  for (const name of [labelled, GROUPS.name])
    if (await exists(data.path(name))) await copyFile(data.path(name), work.path(name));
}

function groupsOf(part: keyof Groups, rows: readonly PreferenceRow[]): Groups {
  const groups = rows.flatMap(({ id, meta }) =>
    meta?.group === undefined ? [] : [[id, meta.group] as const],
  );
  return groups.length === 0 ? {} : { [part]: Object.fromEntries(groups) };
}

/** Labelled pairs. */
export const readLabelled = (data: Artefact): Promise<readonly PreferenceRow[]> => rowsOf(data, "labelled");

/** Labelled test pairs. */
export const readTest = (data: Artefact): Promise<readonly PreferenceRow[]> => rowsOf(data, "test");

/** The folder that labelling code gets. */
export const poolFolder = (data: Artefact): string => data.path("pool");

/** What people said of the pool, empty where nobody judged it: never for labelling. */
export const readHidden = (data: Artefact): Promise<HumanLabel[]> =>
  HUMAN_LABELS.readIfThere(data.path("hidden", HUMAN_LABELS_FILE));

/** Gold scores of the pool, empty where gold is not known. */
export const readHiddenGold = (data: Artefact): Promise<GoldPair[]> =>
  GOLD_PAIRS.readIfThere(data.path("hidden", GOLD_FILE));

/** Gold scores of the labelled pairs, empty where gold is not known. */
export const readLabelledGold = (data: Artefact): Promise<GoldRow[]> =>
  GOLD_ROWS.readIfThere(data.path("hidden", LABELLED_GOLD));

/** Prompts to generate on, as texts or as conversations. */
export const readPrompts = (data: Artefact): Promise<readonly Text[]> => PROMPTS.read(data);

/** Counts and findings. */
export const readFacts = (data: Artefact): Promise<DataFacts> => FACTS.read(data);

/** Every text that a model will read, as it will be tokenised: prompts alone and with each response. */
export async function readTexts(data: Artefact): Promise<string[]> {
  const texts = new Set<string>((await readPrompts(data)).map(plainText));
  const add = (prompt: PreferenceRow["prompt"], responses: readonly PreferenceRow["prompt"][]) => {
    texts.add(plainText(prompt));
    for (const response of responses) texts.add(plainText(prompt) + plainText(response));
  };
  for (const row of [...(await readLabelled(data)), ...(await readTest(data))])
    add(row.prompt, [row.chosen, row.rejected]);
  for (const pair of await readPool(poolFolder(data))) add(pair.prompt, [pair.a, pair.b]);
  return [...texts];
}

async function rowsOf(data: Artefact, part: keyof Groups): Promise<readonly PreferenceRow[]> {
  const { rows } = await readPreferences(data.path(FILES[part]), { format: "trl", asWritten: true });
  const groups = (await GROUPS.readIfThere(data))?.[part];
  if (groups === undefined) return rows;
  return rows.map((row) => {
    const group = groups[row.id];
    return group === undefined ? row : { ...row, meta: { ...row.meta, group } };
  });
}
