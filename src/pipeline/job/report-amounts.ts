/** How much each arm learned from: pairs, steps and tokens of its fine-tuning and of its preference training; who had fewer says so. */
import { join } from "node:path";
import { DataError } from "../../base/core/errors.ts";
import { exists, readJson } from "../../base/core/files.ts";
import { readJsonl } from "../../base/files/jsonl.ts";
import type { Cell, ReportTable } from "../../report/data.ts";
import { formatCount } from "../../report/format.ts";
import type { ArmSettings, MainJob } from "../recipe/job-settings.ts";
import { readArmPairs } from "./arm-pairs.ts";
import type { JobResult, MeasuredStudent } from "./main-job.ts";
import type { ModelFolderRef } from "./model-stages.ts";

/** What one training stage read. */
export type Amount = {
  readonly pairs: number;
  readonly steps: number | undefined;
  readonly tokens: number | undefined;
};

/** One arm's; undefined where it has no such training. */
export type ArmAmounts = {
  readonly arm: ArmSettings;
  readonly sft: Amount | undefined;
  readonly prefer: Amount | undefined;
};

/** The table, and sentences on arms that learned from fewer pairs than others of their kind. */
export async function armAmounts(
  job: MainJob,
  { arms, students }: JobResult,
): Promise<{ table: ReportTable; headline: string[] }> {
  const amounts: ArmAmounts[] = [];
  for (const student of students)
    if (student.arm !== undefined) amounts.push(await amountsOf(student, student.arm));
  const shared = arms[0] && (await readArmPairs(arms[0].pairs));
  const left = (shared?.left ?? []).map(({ reason, pairs }) => `${reason}: ${formatCount(pairs)}`);
  const notes = [
    ...(shared === undefined
      ? []
      : [
          `All arms draw from the same ${formatCount(shared.kept)} of ${formatCount(shared.pool)} unlabelled pairs${left.length === 0 ? "" : `; left out beforehand: ${left.join("; ")}`}.`,
        ]),
    "Tokens are all that the model read, prompts and repetitions included.",
  ];
  return { table: tableOf(amounts, notes), headline: fewer(job, amounts) };
}

async function amountsOf({ model, start }: MeasuredStudent, arm: ArmSettings): Promise<ArmAmounts> {
  return {
    arm,
    sft: arm.training === "none" || arm.sft === "none" ? undefined : await amountOf(start),
    prefer: arm.training === "prefer" ? await amountOf(model) : undefined,
  };
}

async function amountOf({ source }: ModelFolderRef): Promise<Amount | undefined> {
  if (typeof source === "string") return undefined;
  const { used } = (await readJson(source.path("rows.json"))) as { used: number };
  const file = join(source.folder, "log", "metrics.jsonl");
  let [steps, tokens]: [number | undefined, number | undefined] = [undefined, undefined];
  if (await exists(file))
    for await (const record of readJsonl(file)) {
      if ("problem" in record) throw new DataError(record.file, record.line, record.problem);
      const { global_step, num_tokens } = record.value as { global_step?: number; num_tokens?: number };
      if (num_tokens !== undefined) [steps, tokens] = [global_step, num_tokens];
    }
  return { pairs: used, steps, tokens };
}

function tableOf(amounts: readonly ArmAmounts[], notes: string[]): ReportTable {
  const cells = (amount: Amount | undefined): Cell[] => [
    amount?.pairs ?? null,
    amount?.steps ?? null,
    amount?.tokens ?? null,
  ];
  const count = (title: string) => ({ title, format: "count" as const });
  return {
    title: "What each arm learned from",
    columns: [
      { title: "arm" },
      count("SFT responses"),
      count("SFT steps"),
      count("SFT tokens"),
      count("pairs"),
      count("steps"),
      count("tokens"),
    ],
    rows: amounts.map(({ arm, sft, prefer }) => [arm.name, ...cells(sft), ...cells(prefer)]),
    notes,
  };
}

/** A sentence for each arm whose preference training had fewer pairs than another's. */
export function fewer(job: Pick<MainJob, "label">, amounts: readonly ArmAmounts[]): string[] {
  const trained = amounts.flatMap(({ arm, prefer }) => (prefer === undefined ? [] : [{ arm, prefer }]));
  const most = Math.max(0, ...trained.map(({ prefer }) => prefer.pairs));
  const whole = trained.filter(({ prefer }) => prefer.pairs === most).map(({ arm }) => arm.name);
  return trained
    .filter(({ prefer }) => prefer.pairs < most)
    .map(
      ({ arm, prefer }) =>
        `Amount: ${arm.name} learned from ${formatCount(prefer.pairs)} pairs${inSteps(prefer)}, ${whole.join(" and ")} from ${formatCount(most)}: ${why(job, arm)}. A difference between them is one of amount, too.`,
    );
}

const inSteps = ({ steps }: Amount) => (steps === undefined ? "" : ` in ${formatCount(steps)} steps`);

function why({ label }: Pick<MainJob, "label">, { rows, select }: ArmSettings): string {
  const chosen = (select ?? label.selection).kind !== "all";
  if (rows.size !== undefined || rows.data !== "pool" || rows.subset !== "all") return "so its recipe asks";
  if (rows.labels === "weak" || rows.keptOnly)
    return `the teacher ties or abstains on the others${chosen ? ", or its selection leaves them out" : ""}`;
  return rows.labels === "human"
    ? "people prefer neither in the others, or were not asked"
    : "its labels tie on the others";
}
