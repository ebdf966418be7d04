/** Curves as a page keeps them, and the charts that are made of them. Pure. */
import { withoutNoise } from "../../../../report/charts/noise.ts";
import { thin } from "../../../../report/charts/points.ts";
import type { LineSpec } from "../../../../report/charts/spec.ts";
import type { StagePoints } from "../../protocol.ts";

/** Points of each metric of each stage. */
export type Curves = ReadonlyMap<string, StageCurves>;
/** Points of each metric of one stage, in the order of steps. */
export type StageCurves = ReadonlyMap<string, readonly Point[]>;
type Point = readonly [step: number, value: number];

/** More points than this are thinned to half as many. */
const MOST = 2_000;

/** Curves with what has grown. A step that is there already, or an earlier one, replaces what came after: the run went back to a checkpoint. */
export function grown(curves: Curves, growth: readonly StagePoints[]): Curves {
  const next = new Map(curves);
  for (const { stage, again, points } of growth) {
    const own = new Map(again ? [] : (next.get(stage) ?? []));
    for (const [name, list] of Object.entries(points)) own.set(name, joined(own.get(name) ?? [], list));
    next.set(stage, own);
  }
  return next;
}

function joined(before: readonly Point[], list: readonly Point[]): readonly Point[] {
  const first = list[0]?.[0];
  const kept = first === undefined ? before : before.filter(([step]) => step < first);
  const all = [...kept, ...list];
  if (all.length <= MOST) return all;
  return thin(
    all.map(([x, y]) => ({ x, y })),
    MOST / 2,
  ).map(({ x, y }) => [x, y] as const);
}

/** The stage's name without the digest of its key. */
export const stageName = (key: string): string => key.replace(/-[0-9a-f]{12}$/, "");

/** Metrics that share a chart; `eval_x` shares that of x. */
const PANELS: readonly (readonly [title: string, metrics: readonly string[]])[] = [
  ["loss", ["loss"]],
  ["accuracy", ["rewards/accuracies", "accuracy"]],
  ["margin", ["rewards/margins", "margin"]],
  ["rewards", ["rewards/chosen", "rewards/rejected"]],
  ["log-probabilities", ["logps/chosen", "logps/rejected"]],
];

/** The charts of a stage, the usual ones first. */
export function chartsOf(stage: string, all: StageCurves): LineSpec[] {
  const curves = withoutNoise(all);
  const left = new Set(curves.keys());
  const take = (title: string, metrics: readonly string[]): LineSpec[] => {
    const names = metrics.flatMap((name) => [name, `eval_${name}`]).filter((name) => left.delete(name));
    return names.length === 0 ? [] : [chartOf(stage, title, names, curves)];
  };
  const usual = PANELS.flatMap(([title, metrics]) => take(title, metrics));
  const others = [...left].filter((name) => !name.startsWith("eval_")).flatMap((name) => take(name, [name]));
  return [...usual, ...others, ...[...left].flatMap((name) => [chartOf(stage, name, [name], curves)])];
}

function chartOf(stage: string, title: string, names: readonly string[], curves: StageCurves): LineSpec {
  return {
    ...{ kind: "line", title, xLabel: "step", yLabel: "", markers: false },
    series: names.map((name) => ({
      name: name.startsWith("eval_") ? "validation" : name.includes("/") ? name.split("/")[1]! : name,
      points: curves.get(name)!.map(([x, y]) => ({ x, y })),
    })),
    references: referencesOf(stage, title, curves),
  };
}

/** A preference loss of two logistic alternatives begins at log 2, for the policy is its reference then; guessing is right half the time. */
function referencesOf(stage: string, title: string, curves: StageCurves): { value: number; label: string }[] {
  if (title === "accuracy") return [{ value: 0.5, label: "chance" }];
  const first = curves.get("loss")?.[0]?.[1];
  const isPair = curves.has("rewards/margins") || curves.has("margin");
  const fromLog2 = first !== undefined && Math.abs(first - Math.LN2) < 0.2;
  return title === "loss" && isPair && fromLog2 && !stage.includes("sft")
    ? [{ value: Math.LN2, label: "log 2" }]
    : [];
}
