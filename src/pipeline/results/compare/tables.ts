/** Tables of a comparison of runs. */
import type { Arm, Cell, Column, ReportTable } from "../../../report/data.ts";
import { formatP } from "../../../report/format.ts";
import type { PairedDifference } from "./paired.ts";
import type { ComparedRun } from "./run-folder.ts";
import type { SettingDifference } from "./settings.ts";

/** Settings that are not the same in all runs. */
export function settingTable(
  runs: readonly ComparedRun[],
  settings: readonly SettingDifference[],
): ReportTable {
  return {
    title: "Settings that differ",
    columns: [
      { title: "setting", format: "code" },
      ...runs.map(({ name }): Column => ({ title: name, format: "text" })),
    ],
    rows:
      settings.length === 0
        ? [["none: the recipes are the same", ...runs.map(() => null)]]
        : settings.map(({ path, values }) => [path, ...values.map((value) => value ?? null)]),
  };
}

const METRICS: readonly {
  title: string;
  format?: "percent" | undefined;
  of: (arm: Arm) => Cell | undefined;
}[] = [
  { title: "gold reward", of: (arm) => arm.goldReward },
  { title: "win rate vs SFT", format: "percent", of: (arm) => arm.winRateVsSft },
  { title: "win rate vs human labels", format: "percent", of: (arm) => arm.winRateVsHuman },
  { title: "test accuracy", format: "percent", of: (arm) => arm.testAccuracy },
  { title: "length, tokens", of: (arm) => arm.responseLength },
  { title: "KL from own start, nats", of: (arm) => arm.klFromSft },
];

/** The arms of all runs, as their own reports have them. */
export function armTable(runs: readonly ComparedRun[]): ReportTable {
  const names = [...new Set(runs.flatMap(({ arms }) => arms.map(({ name }) => name)))];
  const more = [
    ...new Map(
      runs.flatMap(({ arms }) =>
        arms.flatMap((arm) => (arm.more ?? []).map(({ metric, format }) => [metric, format] as const)),
      ),
    ),
  ];
  const rows = names.flatMap((name) =>
    runs.flatMap((run): Cell[][] => {
      const arm = run.arms.find((one) => one.name === name);
      if (arm === undefined) return [];
      const extra = more.map(([metric]) => arm.more?.find((one) => one.metric === metric)?.value ?? null);
      return [[name, run.name, ...METRICS.map(({ of }) => of(arm) ?? null), ...extra]];
    }),
  );
  return {
    title: "Arms of all runs",
    columns: [
      { title: "arm" },
      { title: "run" },
      ...METRICS.map(({ title, format }): Column => ({ title, format: format ?? "number" })),
      ...more.map(([title, format]): Column => ({ title, format: format ?? "number" })),
    ],
    rows,
    notes: ["As each run's own report says, on its own test prompts."],
  };
}

/** Wins and losses on shared prompts; none where nothing was compared. */
export function pairedTable(differences: readonly PairedDifference[]): ReportTable[] {
  if (differences.length === 0) return [];
  const count = (title: string): Column => ({ title, format: "count" });
  return [
    {
      title: "Responses by which the later run won",
      columns: [
        { title: "arm" },
        { title: "run" },
        { title: "against" },
        { title: "gold scorer" },
        ...["wins", "ties", "losses"].map(count),
        { title: "sign test, p" },
      ],
      rows: differences.map((one) => [
        one.arm,
        one.run,
        one.against,
        one.gold,
        one.wins,
        one.ties,
        one.losses,
        formatP(one.signTest),
      ]),
    },
  ];
}
