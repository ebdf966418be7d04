/** How much each arm learned from: pairs, steps and tokens of its fine-tuning and of its preference training; who had fewer says so. */

import { join } from "node:path";
import { METRICS } from "../../method/train/metrics.ts";
import type { Amount, Arm, Cell, Column, Learned, ReportTable } from "../../report/data.ts";
import { formatCount } from "../../report/format.ts";
import type { ArmSettings, MainJob } from "../recipe/job-settings.ts";
import { type ArmPairsFacts, readArmPairs } from "./arm-pairs.ts";
import type { JobResult, MeasuredStudent } from "./main-job.ts";
import type { ModelFolderRef } from "./model-stages.ts";
import { ROWS_USED } from "./training-rows.ts";

/** What a student learned from; undefined for one that was trained elsewhere. */
export async function learnedBy(
  job: Pick<MainJob, "label">,
  { model, start, arm }: Pick<MeasuredStudent, "model" | "start" | "arm">,
): Promise<Learned | undefined> {
  if (arm === undefined) return undefined;
  const [sft, prefer] = [
    arm.training === "none" || arm.sft === "none" ? undefined : await amountOf(start),
    arm.training === "prefer" ? await amountOf(model) : undefined,
  ];
  return {
    sft,
    ...(prefer === undefined ? {} : { prefer, why: why(job, arm) }),
  };
}

async function amountOf({ source }: ModelFolderRef): Promise<Amount | undefined> {
  if (typeof source === "string") return undefined;
  const { used } = await ROWS_USED.read(source);
  const file = join(source.folder, "log", "metrics.jsonl");
  let done: Omit<Amount, "pairs"> = {};
  for (const { global_step: steps, num_tokens: tokens } of await METRICS.readIfThere(file))
    if (tokens !== undefined) done = { steps, tokens };
  return { pairs: used, ...done };
}

function why({ label }: Pick<MainJob, "label">, { rows, select }: ArmSettings): string {
  const chosen = (select ?? label.selection).kind !== "all";
  if (rows.size !== undefined || rows.data !== "pool" || rows.subset !== "all") return "so its recipe asks";
  if (rows.labels === "weak" || rows.keptOnly)
    return `the teacher ties or abstains on the others${chosen ? ", or its selection leaves them out" : ""}`;
  return rows.labels === "human"
    ? "people prefer neither in the others, or were not asked"
    : "its labels tie on the others";
}

/** Where the pairs of a run's arms come from. */
export async function sharedPairs({ arms }: Pick<JobResult, "arms">): Promise<string[]> {
  const shared: ArmPairsFacts | undefined = arms[0] && (await readArmPairs(arms[0].pairs));
  if (shared === undefined) return [];
  const left = shared.left.map(({ reason, pairs }) => `${reason}: ${formatCount(pairs)}`);
  return [
    `All arms draw from the same ${formatCount(shared.kept)} of ${formatCount(shared.pool)} unlabelled pairs${left.length === 0 ? "" : `; left out beforehand: ${left.join("; ")}`}.`,
  ];
}

/** An arm and what it learned from in each run (or seed). */
export type LearnedArm = Pick<Arm, "name"> & { readonly learned: readonly Learned[] };

/** One row an arm; of several runs the least and the most. @param first - a column before the arm's name, such as cells of a study */
export function amountTable(
  arms: readonly (LearnedArm & { readonly at?: string })[],
  notes: readonly string[],
  first?: string,
): ReportTable {
  const one = arms.every(({ learned }) => learned.length === 1);
  const count = (title: string): Column => ({ title, format: one ? "count" : "text" });
  const cell = (list: readonly (number | undefined)[]): Cell => {
    const known = list.filter((value) => value !== undefined);
    return known.length === 0 ? null : one ? known[0]! : range(known);
  };
  const cells = (list: readonly (Amount | undefined)[]): Cell[] =>
    (["pairs", "steps", "tokens"] as const).map((key) => cell(list.map((amount) => amount?.[key])));
  return {
    title: "What each arm learned from",
    columns: [
      ...(first === undefined ? [] : [{ title: first, format: "text" as const }]),
      { title: "arm", format: "text" },
      count("SFT responses"),
      count("SFT steps"),
      count("SFT tokens"),
      count("pairs"),
      count("steps"),
      count("tokens"),
    ],
    rows: arms.map(({ name, learned, at }) => [
      ...(first === undefined ? [] : [at ?? ""]),
      name,
      ...cells(learned.map(({ sft }) => sft)),
      ...cells(learned.map(({ prefer }) => prefer)),
    ]),
    notes: [...notes, "Tokens are all that the model read, prompts and repetitions included."],
  };
}

/** Arms that had fewer pairs than another in some run, and those that had most in all. */
export function shortArms(arms: readonly LearnedArm[]): {
  readonly short: readonly LearnedArm[];
  readonly whole: readonly LearnedArm[];
} {
  const trained = arms.filter(({ learned }) => learned.every(({ prefer }) => prefer !== undefined));
  const most = (trained[0]?.learned ?? []).map((_, run) =>
    Math.max(...trained.map((arm) => pairsOf(arm)[run]!)),
  );
  const isWhole = (arm: LearnedArm) => pairsOf(arm).every((pairs, run) => pairs === most[run]);
  return { short: trained.filter((arm) => !isWhole(arm)), whole: trained.filter(isWhole) };
}

/** Pairs of preference training, by run. */
export const pairsOf = ({ learned }: LearnedArm): number[] => learned.map(({ prefer }) => prefer?.pairs ?? 0);

/** A sentence for each arm whose preference training had fewer pairs than another's. */
export function fewer(arms: readonly LearnedArm[]): string[] {
  const { short, whole } = shortArms(arms);
  const runs = arms[0]?.learned.length ?? 0;
  const others =
    whole.length === 0
      ? "another in some seed more"
      : `${whole.map(({ name }) => name).join(" and ")} from ${range(pairsOf(whole[0]!))}`;
  return short.map((arm) => {
    const steps = arm.learned.flatMap(({ prefer }) => prefer?.steps ?? []);
    const inSteps = steps.length === 0 ? "" : ` in ${range(steps)} steps`;
    const over = runs > 1 ? ` (${runs} seeds)` : "";
    return `Amount: ${arm.name} learned from ${range(pairsOf(arm))} pairs${inSteps}, ${others}${over}: ${arm.learned[0]!.why}. A difference between them is one of amount, too.`;
  });
}

/** "269", or "269 to 281". */
export function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? formatCount(least) : `${formatCount(least)} to ${formatCount(most)}`;
}
