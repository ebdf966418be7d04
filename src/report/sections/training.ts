/** Training curves: a heading per stage, a small chart per panel. */

import type { Block, Section } from "../blocks.ts";
import type { Curve, ReportData, ReportFigure } from "../data.ts";
import { formatNumber } from "../format.ts";

/** The training section; stages and panels stand in the order they first appear in. */
export function trainingSection(data: ReportData): Section | undefined {
  const curves = (data.curves ?? []).filter((curve) => curve.points.length > 0);
  if (curves.length === 0) return undefined;
  const stages = [...new Set(curves.map((curve) => curve.stage))];
  const blocks = stages.flatMap((stage): Block[] => {
    const own = curves.filter((curve) => curve.stage === stage);
    const panels = [...new Set(own.map(panelOf))];
    const figures = panels.map((panel) =>
      panelFigure(
        stage,
        panel,
        own.filter((curve) => panelOf(curve) === panel),
      ),
    );
    return [
      { type: "heading", text: stage },
      { type: "figures", figures, small: true },
    ];
  });
  const note =
    "A pale line holds the logged values; the strong line over it is their running mean over a twentieth of the run.";
  return { id: "training", title: "Training curves", blocks: [{ type: "text", text: note }, ...blocks] };
}

function panelOf(curve: Curve): string {
  return curve.panel ?? curve.metric;
}

function panelFigure(stage: string, panel: string, curves: readonly Curve[]): ReportFigure {
  return {
    chart: {
      kind: "line",
      title: panel,
      description: `${stage}, ${panel} over ${curves[0]?.xLabel ?? "step"}: ${curves.map(summary).join("; ")}.`,
      xLabel: curves[0]?.xLabel ?? "step",
      yLabel: "",
      markers: false,
      series: curves.map(({ metric, points }) => ({
        name: metric,
        points: points.map(([x, y]) => ({ x, y })),
      })),
    },
  };
}

function summary({ metric, points }: Curve): string {
  const [first, last] = [points[0]!, points.at(-1)!];
  return `${metric} from ${formatNumber(first[1])} to ${formatNumber(last[1])} in ${points.length} points`;
}
