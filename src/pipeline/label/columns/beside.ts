/** What lies beside labels and tells more of their rows: texts of the whole pool, and what people said. */
import { join } from "node:path";
import { exists } from "../../../base/core/files.ts";
import { HUMAN_LABELS, HUMAN_LABELS_FILE } from "../../../method/data/human-labels.ts";
import { POOL_FILE } from "../../../method/data/pool.ts";
import { readLabelFile } from "../../../method/labels/label-file.ts";
import { LABEL_FILES } from "../../../method/labels/labelling.ts";
import { readAnswers } from "../../../method/labels/questions.ts";
import { dataStageOf } from "../open-labels.ts";
import type { Preferred, TextFile } from "./columns.ts";

/** Where texts are, which files all of it comes from, and how people's words are read. */
export type Beside = {
  readonly textFile: TextFile;
  /** Every file that the columns are made of: those of them that are not there may come. */
  readonly files: readonly string[];
  /** The folder of a run's data stage. */
  readonly data: string | undefined;
};

/** Looks it up: of a run's labels the data stage is beside them. */
export async function lookBeside(folder: string): Promise<Beside> {
  const at = (name: string) => join(folder, name);
  // A run that was moved or pruned shows its labels without what is gone.
  const data = await dataStageOf(folder).catch(() => undefined);
  const pool = data === undefined ? undefined : join(data, "pool", POOL_FILE);
  const training = at(LABEL_FILES.training);
  const hasPool = pool !== undefined && (await exists(pool));
  return {
    textFile: hasPool ? { path: pool, kind: "pool" } : { path: training, kind: "training" },
    files: [
      ...[at(LABEL_FILES.labels), training, at(LABEL_FILES.answers), at(LABEL_FILES.teacherLabels)],
      ...(hasPool ? [pool] : []),
      ...(data === undefined ? [] : [join(data, "hidden", HUMAN_LABELS_FILE)]),
    ],
    data,
  };
}

/** People's words by pair, and what the teacher itself said of pairs whose label is a person's. */
export type Words = {
  readonly human: ReadonlyMap<string, "a" | "b" | "tie">;
  readonly own: ReadonlyMap<string, Preferred>;
};

/** @throws DataError for a broken file */
export async function readWords(folder: string, { data }: Beside): Promise<Words> {
  const human = new Map<string, "a" | "b" | "tie">();
  const own = new Map<string, Preferred>();
  if (data !== undefined)
    for (const { id, preferred } of await HUMAN_LABELS.readIfThere(join(data, "hidden", HUMAN_LABELS_FILE)))
      human.set(id, preferred);
  const [answers, teacher] = [join(folder, LABEL_FILES.answers), join(folder, LABEL_FILES.teacherLabels)];
  if ((await exists(answers)) && (await exists(teacher))) {
    const labels = await readLabelFile(teacher);
    for (const { id, preferred } of labels) own.set(id, preferred);
    const said = await readAnswers(answers, new Map(labels.map((label) => [label.id, label])));
    for (const { id, preferred } of said.answers) human.set(id, preferred);
  }
  return { human, own };
}
