/**
 * Rows that an arm trains on: weak labels by their file, the others joined with what is hidden from labellers; then what a study
 * does to them on purpose (turned round, left out, added).
 */
import { ConfigError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import { joinHumanLabels } from "../../method/data/human-labels.ts";
import { readPool } from "../../method/data/pool.ts";
import { plainText, sameText } from "../../method/data/rows.ts";
import { TRAINING_ROWS } from "../../method/data/training-file.ts";
import { isDecided, labelFromScores } from "../../method/labels/label.ts";
import { textFlags } from "../../method/teacher/control-teachers.ts";
import { type ControlScorer, goldControl, randomControl } from "../../method/teacher/controls.ts";
import { type ArmSettings, isPlain, type MainJob, type RowSpec } from "../recipe/job-settings.ts";
import type { Artefact } from "../stages/stage.ts";
import { flipped, teachersErrors } from "./arm-flips.ts";
import { readArmPairs } from "./arm-pairs.ts";
import { poolFolder, readHidden, readHiddenGold } from "./data-files.ts";
import { type SplitRule, splitLabelled } from "./labelled-split.ts";
import { defineRows, type RowSource, type TrainingRow } from "./training-rows.ts";

/** What rows are made from: `data` is the arms' own (`arm-pairs.ts`), without pairs that somebody cannot use. */
export type RowMaterial = { readonly job: MainJob; readonly data: Artefact; readonly weak: Artefact };

/** How an arm's rows are made of its material, with all of the job that decides them. */
type ArmSpec = RowSpec & {
  /** Where rows or labels are drawn. */
  readonly seed?: number;
  /** Which labelled pairs the teacher learns from, where rows are made of these. */
  readonly taught?: SplitRule & Pick<MainJob, "labelled">;
};

/** The stages alone, without the job. */
type RowStages = Pick<RowMaterial, "data"> & { readonly weak: Artefact | undefined };

const weakLabelRows = defineRows(async ({ from, beside }) => ({ rows: await weakRows(beside!, from) }));
const peoplesRows = defineRows(async ({ from }) => ({ rows: (await humanRows(from)).map(asCertain) }));
const specified = defineRows<ArmSpec>(async ({ spec, from, beside }) => ({
  rows: await specifiedRows({ data: from, weak: beside }, spec),
}));

/**
 * The rows of an arm.
 * @throws ConfigError, when read, for gold labels of data without gold scores, or more rows than there are
 */
export function armRows({ job, data, weak }: RowMaterial, spec: RowSpec): RowSource {
  const { seed, label, labelled } = job;
  if (isPlain(spec) && spec.labels === "weak")
    return weakLabelRows({ spec: undefined, from: weak, beside: data });
  if (isPlain(spec) && spec.labels === "human") return peoplesRows({ spec: undefined, from: data });
  const isDrawn = spec.labels === "random" || spec.flip !== undefined || spec.size !== undefined;
  const { heldOut, folds } = label;
  return specified({
    from: data,
    beside: usesWeak(spec) ? weak : undefined,
    spec: {
      ...spec,
      ...(isDrawn && { seed }),
      ...(usesLabelled(spec) && { taught: { seed, label: { heldOut, folds }, labelled } }),
    },
  });
}

/** Words for a stage's name: equal rows, equal words. */
export function rowWords(spec: RowSpec): string {
  const { labels, data, subset, keptOnly, weightsFrom, flip, flipWhich, size } = spec;
  const words = [
    labels,
    data === "pool" ? undefined : data,
    subset === "all" ? undefined : subset,
    keptOnly ? "kept" : undefined,
    weightsFrom === undefined ? undefined : "weighted",
    flip === undefined ? undefined : `flip-${wordOf(flip)}`,
    flipWhich,
    size === undefined ? undefined : `size-${wordOf(size)}`,
  ];
  return words.filter((word) => word !== undefined).join("-");
}

const wordOf = (value: number | string) => String(value).replaceAll(/[^a-z0-9]+/g, "-");

/** Whether rows are made with the weak labels. */
export const usesWeak = ({ labels, data, subset, keptOnly, flip, flipWhich }: RowSpec) =>
  data !== "labelled" &&
  (labels === "weak" || keptOnly || subset !== "all" || flip === "teacher" || flipWhich === "unsure");

const usesLabelled = ({ data, size }: RowSpec) => data !== "pool" || size === "labelled";

async function specifiedRows(stages: RowStages, spec: ArmSpec): Promise<readonly TrainingRow[]> {
  const pool = spec.data === "labelled" ? [] : await poolRows(stages, spec);
  const labelled = spec.data === "pool" ? [] : (await taught(stages, spec)).map(asCertain);
  const { flip } = spec;
  // A recipe refuses the teacher's own number of errors on pairs that it learns from.
  const own = spec.data === "labelled" && flip !== "teacher" ? flip : undefined;
  const rows = [...pool, ...(await flipped(labelled, spec, own, { data: stages.data }))];
  if (spec.size === undefined) return rows;
  const most =
    spec.size === "labelled" ? Math.min(rows.length, (await taught(stages, spec)).length) : spec.size;
  return drawn(rows, most, seedOf(spec));
}

/**
 * Labels that are not the teacher's weigh as much as a label can and are taken at their word: under a weighted or a soft loss, which all
 * arms may share, they are trained on by the plain one.
 */
const asCertain = (row: TrainingRow): TrainingRow => ({ ...row, weight: 1, pChosen: 1 });

async function poolRows(stages: RowStages, spec: ArmSpec): Promise<readonly TrainingRow[]> {
  const { data } = stages;
  const weak = stages.weak && byId(await weakRows(data, stages.weak));
  const source = await sourceRows(stages, spec);
  const rows = (spec.labels === "weak" ? source : source.map(asCertain))
    .filter(({ id }) => !spec.keptOnly || weak!.has(id))
    .map((row) => (spec.weightsFrom === undefined ? row : { ...row, weight: weak!.get(row.id)!.weight! }));
  if (spec.flip === undefined && spec.subset === "all") return rows;
  const human = byId(await humanRows(data));
  const matches = ({ id, chosen }: TrainingRow) => sameText(chosen, human.get(id)!.chosen);
  const judged = rows.filter(({ id }) => human.has(id));
  const flip = spec.flip === "teacher" ? teachersErrors(judged, spec, { weak: weak!, human }) : spec.flip;
  const labels = await flipped(judged, spec, flip, { data, weak });
  if (spec.subset === "all") return labels;
  const wanted = spec.subset === "match";
  const judge = flip === undefined ? weak! : byId(labels);
  return labels.filter(({ id }) => judge.has(id) && matches(judge.get(id)!) === wanted);
}

/** The labelled pairs that the teacher learns from; all where it learns from none, as judges and controls do. */
async function taught({ data }: RowStages, { taught: rule }: ArmSpec): Promise<readonly TrainingRow[]> {
  const { train, heldOut } = await splitLabelled(data, rule!);
  const left = new Set((await readArmPairs(data))?.labelledLeft);
  return (rule!.label.heldOut === 1 ? heldOut : train).filter(({ id }) => !left.has(id));
}

/** So many rows, drawn by id, in their order. */
function drawn(rows: readonly TrainingRow[], size: number, seed: number): readonly TrainingRow[] {
  if (size > rows.length)
    throw new ConfigError(
      `arms: size asks for ${size} pairs, the arm has ${rows.length}. Ask for fewer, or label more.`,
    );
  const kept = new Set(order(rows, seed, "arm-size").slice(0, size));
  return rows.filter(({ id }) => kept.has(id));
}

function seedOf({ seed }: ArmSpec): number {
  if (seed === undefined) throw new Error("internal: rows are drawn and their spec has no seed");
  return seed;
}

const order = (rows: readonly TrainingRow[], seed: number, what: string) =>
  createRng(seed)
    .fork(what)
    .shuffle(rows.map(({ id }) => id).sort());

const byId = (rows: readonly TrainingRow[]) => new Map(rows.map((row) => [row.id, row]));

async function sourceRows({ data, weak }: RowStages, spec: ArmSpec): Promise<readonly TrainingRow[]> {
  const { labels } = spec;
  switch (labels) {
    case "weak":
      return weakRows(data, weak!);
    case "human":
      return humanRows(data);
    case "random":
      return controlRows(data, randomControl(createRng(seedOf(spec)).fork("random-labels")));
    case "gold":
      return controlRows(data, goldControl(await goldMap(data)));
    default:
      return labels satisfies never;
  }
}

async function humanRows(data: Artefact): Promise<readonly TrainingRow[]> {
  return joinHumanLabels(await readPool(poolFolder(data)), await readHidden(data)).rows;
}

/** Whether an arm's rows, or its start's, are made with what people said of the pool. */
function readsHuman({ rows, sft }: ArmSettings): boolean {
  const { labels, data, subset, flip } = rows;
  return (
    (data !== "labelled" && (labels === "human" || subset !== "all" || flip !== undefined)) || sft === "human"
  );
}

/**
 * Stops before any training when an arm wants human labels that the unlabelled pairs do not have.
 * @throws ConfigError naming the arms
 */
export async function checkHumanArms(job: MainJob, data: Artefact): Promise<void> {
  const arms = job.arms.filter(readsHuman).map(({ name }) => name);
  // In a plan the data may not be there yet.
  if (arms.length === 0 || data.digest === undefined || (await readHidden(data)).length > 0) return;
  throw new ConfigError(
    `arms: ${arms.join(", ")} reads human labels of the unlabelled pairs, but they have none. Leave the arm out, or give unlabelled pairs that people judged (their labels stay hidden from the teacher).`,
  );
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
        ...(pair.meta && { meta: pair.meta }),
      },
    ];
  });
}

/** The weak labels of the pairs that arms share. */
async function weakRows(data: Artefact, weak: Artefact): Promise<TrainingRow[]> {
  const shared = new Map((await readPool(poolFolder(data))).map((pair) => [pair.id, pair]));
  // Labels of which none prefers a side are no training file; who trains on them says so. A file of labels knows no groups, by which rows are set aside.
  return (await TRAINING_ROWS.readIfThere(weak.path("training.jsonl"))).flatMap(
    ({ labelSource: _, ...row }) => {
      const pair = shared.get(row.id);
      return pair === undefined ? [] : [{ ...row, ...(pair.meta && { meta: pair.meta }) }];
    },
  );
}
