/** The report's charts in the page, with a cursor that all of them share. */
import type { Signal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { lineChart, SMALL_CHART, xSpan } from "../../../report/charts/line-chart.ts";
import type { LineSpec } from "../../../report/charts/spec.ts";
import { formatNumber } from "../../../report/format.ts";
import type { Html } from "../../../report/html.ts";
import { CHART_POLICY } from "../protocol.ts";
import { SCROLLS } from "./scrolls.ts";

type Policy = { createHTML(markup: string): string };
type Factory = { createPolicy(name: string, rules: { createHTML(markup: string): string }): Policy };

const rules = { createHTML: (markup: string) => markup };
/** Browsers without Trusted Types take the string itself. What comes in was made by the chart code, which escapes every text. */
const policy: Policy =
  (globalThis as { trustedTypes?: Factory }).trustedTypes?.createPolicy(CHART_POLICY, rules) ?? rules;

/** Puts a chart into an element. The page's policy takes no style attribute; the width it bounds is the stylesheet's matter here. */
export function putChart(element: HTMLElement, { markup }: Html): void {
  element.innerHTML = policy.createHTML(markup.replace(/ style="max-width:\d+px"/, ""));
}

/** A small line chart. `cursor` is the x value that all charts of a page point at. */
export function LineFigure({
  spec,
  cursor,
}: {
  readonly spec: LineSpec;
  readonly cursor: Signal<number | undefined>;
}) {
  const box = useRef<HTMLDivElement>(null);
  const span = useMemo(() => xSpan(spec, SMALL_CHART), [spec]);
  useLayoutEffect(() => {
    const chart = lineChart(spec, SMALL_CHART);
    if (box.current !== null && chart !== undefined) putChart(box.current, chart);
  }, [spec]);
  if (span === undefined) return null;
  const { frame, domain } = span;
  const [low, high] = domain;
  const at = cursor.value;
  const share =
    at === undefined
      ? -1
      : (frame.left + ((at - low) / (high - low)) * (frame.right - frame.left)) / frame.width;
  const move = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * frame.width;
    const value = low + ((x - frame.left) / (frame.right - frame.left)) * (high - low);
    cursor.value = value < low || value > high ? undefined : nearest(spec, value);
  };
  const step = (event: KeyboardEvent) => {
    const xs = xsOf(spec);
    const moves: Readonly<Record<string, () => number | undefined>> = {
      ArrowLeft: () => next(spec, cursor.value, -1),
      ArrowRight: () => next(spec, cursor.value, 1),
      Home: () => xs[0],
      End: () => xs.at(-1),
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    cursor.value = to();
  };
  return (
    <figure class="line-figure">
      <figcaption>
        {spec.title} <span class="readout">{at === undefined ? "" : valuesAt(spec, at)}</span>
      </figcaption>
      <div
        class="chart-box"
        role="img"
        aria-label={`${spec.title}; arrow keys move the cursor`}
        {...SCROLLS}
        onPointerMove={move}
        onPointerLeave={() => {
          cursor.value = undefined;
        }}
        onKeyDown={step}
      >
        <div ref={box} />
        {share >= 0 && share <= 1 && <div class="cursor" style={{ left: `${100 * share}%` }} />}
      </div>
    </figure>
  );
}

const xsOf = ({ series }: LineSpec) => series[0]?.points.map(({ x }) => x) ?? [];

/** The x of a point, near a value. Points are in the order of x. */
function nearest(spec: LineSpec, value: number): number {
  const xs = xsOf(spec);
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle]! < value) low = middle;
    else high = middle;
  }
  return Math.abs((xs[low] ?? value) - value) <= Math.abs((xs[high] ?? value) - value)
    ? (xs[low] ?? value)
    : (xs[high] ?? value);
}

function next(spec: LineSpec, at: number | undefined, by: number): number | undefined {
  const xs = xsOf(spec);
  const place = at === undefined ? (by > 0 ? -1 : xs.length) : xs.indexOf(nearest(spec, at));
  return xs[Math.min(xs.length - 1, Math.max(0, place + by))];
}

function valuesAt({ series, xLabel }: LineSpec, at: number): string {
  const values = series.flatMap(({ name, points }) => {
    const found = points.find(({ x }) => x === at);
    if (found === undefined) return [];
    return [series.length === 1 ? formatNumber(found.y) : `${name} ${formatNumber(found.y)}`];
  });
  return values.length === 0 ? "" : `${xLabel} ${formatNumber(at)}: ${values.join(", ")}`;
}
