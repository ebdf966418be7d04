/** Rows that an arm trains on: weak labels by their file, the others joined with what is hidden from labellers. */
import { ConfigError, DataError } from "../../core/errors.ts";
import { createRng } from "../../core/rng.ts";
import { joinHumanLabels } from "../../data/human-labels.ts";
import { readPool } from "../../data/pool.ts";
import { readJsonl } from "../../data/readers/jsonl.ts";
import { plainText } from "../../data/rows.ts";
import { textFlags } from "../../teacher/control-teachers.ts";
import { type ControlScorer, goldControl, randomControl } from "../../teacher/controls.ts";
import { isDecided, labelFromScores } from "../../teacher/label.ts";
import type { Artefact } from "../stage.ts";
import { poolFolder, readHidden, readHiddenGold } from "./data-files.ts";
import type { LabelSource, MainJob } from "./settings.ts";
import type { RowSource, TrainingRow } from "./train-stages.ts";

/** The rows of one source of labels. @throws ConfigError, when read, for gold labels of data without gold scores */
export function armRows(job: MainJob, data: Artefact, source: LabelSource, weak: Artefact): RowSource {
  switch (source) {
    case "weak":
      return { from: weak, read: () => readTrainingRows(weak.path("training.jsonl")) };
    case "human":
      return {
        from: data,
        read: async () => joinHumanLabels(await readPool(poolFolder(data)), await readHidden(data)).rows,
      };
    case "random":
      return {
        from: data,
        read: () => controlRows(data, randomControl(createRng(job.seed).fork("random-labels"))),
      };
    case "gold":
      return { from: data, read: async () => controlRows(data, goldControl(await goldMap(data))) };
    default:
      return source satisfies never;
  }
}

async function goldMap(data: Artefact): Promise<Map<string, { scoreA: number; scoreB: number }>> {
  const gold = await readHiddenGold(data);
  if (gold.length === 0)
    throw new ConfigError(
      "arms: an arm trains on gold labels, but the data has no gold scores. Remove the arm or use a world.",
    );
  return new Map(gold.map(({ id, goldA, goldB }) => [id, { scoreA: goldA, scoreB: goldB }]));
}

async function controlRows(data: Artefact, score: ControlScorer): Promise<TrainingRow[]> {
  return (await readPool(poolFolder(data))).flatMap((pair) => {
    const texts = { id: pair.id, a: plainText(pair.a), b: plainText(pair.b) };
    const label = labelFromScores({
      id: pair.id,
      teacher: "control",
      flags: textFlags(pair),
      ...score(texts),
    });
    if (!isDecided(label)) return [];
    const first = label.preferred === "a";
    return [
      {
        id: pair.id,
        prompt: pair.prompt,
        chosen: first ? pair.a : pair.b,
        rejected: first ? pair.b : pair.a,
      },
    ];
  });
}

async function readTrainingRows(file: string): Promise<TrainingRow[]> {
  const rows: TrainingRow[] = [];
  for await (const record of readJsonl(file)) {
    if ("problem" in record) throw new DataError(file, record.line, record.problem);
    const { id, prompt, chosen, rejected, weight, p_chosen } = record.value as unknown as TrainingRow & {
      p_chosen: number;
    };
    rows.push({ id, prompt, chosen, rejected, weight: weight!, preferenceProb: p_chosen });
  }
  return rows;
}
