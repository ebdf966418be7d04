/** The frame every chart shares: the SVG element with its title, the plot area, ticks, grid, axis names, key. */
import { type Html, type HtmlPart, html, join } from "../html.ts";
import { formatTicks, pixel, type Scale } from "./scales.ts";
import type { NumberFormat } from "./spec.ts";
import { fitText, textWidth } from "./text.ts";

/** Plot area inside a chart, pixels of the view box. */
export type Frame = {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
};

/** Series that look different: colours repeat after this many, and so do marks and dashes. */
export const SERIES_STYLES = 6;

/** The whole SVG: scales with its column up to its own size, named and described for screen readers. */
export function svgChart(
  { width, height }: { width: number; height: number },
  text: { title: string; description: string },
  body: HtmlPart,
): Html {
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img" aria-label="${text.title}"><title>${text.title}</title><desc>${text.description}</desc>${body}</svg>`;
}

/** Horizontal axis at the bottom of the frame, its tick labels thinned until none touch, its name below on the right. */
export function xAxis(frame: Frame, scale: Scale, label: string, labels = formatTicks(scale.ticks)): Html {
  const every = thinning(scale, labels);
  const marks = scale.ticks.map((tick, i) => {
    const x = scale(tick);
    const text =
      i % every === 0 &&
      html`<text x="${x}" y="${frame.bottom + 17}" text-anchor="middle">${labels[i]}</text>`;
    return html`<line x1="${x}" x2="${x}" y1="${frame.bottom}" y2="${frame.bottom + 4}"/>${text}`;
  });
  return html`<g class="axis"><line x1="${frame.left}" x2="${frame.right}" y1="${frame.bottom}" y2="${frame.bottom}"/>${marks}</g><text class="axis-name" x="${frame.right}" y="${frame.bottom + 34}" text-anchor="end">${fitText(label, frame.right - 4)}</text>`;
}

/** Horizontal grid with labels on the left; the axis is named above it, where it can be read without turning one's head. */
export function yAxis(frame: Frame, scale: Scale, label: string, labels = formatTicks(scale.ticks)): Html {
  const marks = scale.ticks.map((tick, i) => {
    const y = scale(tick);
    return html`<line class="grid" x1="${frame.left}" x2="${frame.right}" y1="${y}" y2="${y}"/><text x="${frame.left - 7}" y="${pixel(y + 4)}" text-anchor="end">${labels[i]}</text>`;
  });
  return html`<g class="axis">${marks}</g><text class="axis-name" x="2" y="${frame.top - 10}">${fitText(label, frame.width - 8)}</text>`;
}

/** Vertical grid lines (charts whose values run along x). */
export function xGrid(frame: Frame, scale: Scale): Html {
  return html`<g class="axis">${scale.ticks.map((tick) => html`<line class="grid" x1="${scale(tick)}" x2="${scale(tick)}" y1="${frame.top}" y2="${frame.bottom}"/>`)}</g>`;
}

/** Labels of ticks: numbers, or shares as percentages. */
export function tickLabels(ticks: readonly number[], format: NumberFormat = "number"): string[] {
  if (format !== "percent") return formatTicks(ticks);
  return formatTicks(ticks.map((tick) => tick * 100)).map((label) => `${label} %`);
}

/** Width that the widest of some labels needs, with a gap. */
export function gutter(labels: readonly string[], size = 12): number {
  return Math.ceil(Math.max(0, ...labels.map((label) => textWidth(label, size))) + 12);
}

/** A mark of series `index` around (x, y): circle, square, diamond, triangle, ring, cross. Colour is never the only sign. */
export function mark(index: number, x: number, y: number, size = 4): Html {
  const style = index % SERIES_STYLES;
  const s = size;
  const at = (dx: number, dy: number) => `${pixel(x + dx)} ${pixel(y + dy)}`;
  const path = [
    `M${at(-s, 0)}a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0z`,
    `M${at(-s, -s)}h${2 * s}v${2 * s}h${-2 * s}z`,
    `M${at(0, -s - 1.5)}L${at(s + 1.5, 0)}L${at(0, s + 1.5)}L${at(-s - 1.5, 0)}z`,
    `M${at(0, -s - 1)}L${at(s + 1, s)}L${at(-s - 1, s)}z`,
    `M${at(-s, 0)}a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0z`,
    `M${at(-s, -s)}L${at(s, s)}M${at(-s, s)}L${at(s, -s)}`,
  ][style]!;
  return html`<path class="mark s${style}" d="${path}"/>`;
}

/** Key of the series, in rows above the plot from y = `top`; gives the markup and the height it takes (0 for one series). */
export function legend(
  names: readonly string[],
  width: number,
  top: number,
  kind: "mark" | "line" | "fill" = "mark",
): { markup: Html; height: number } {
  if (names.length < 2) return { markup: join([]), height: 0 };
  const items: Html[] = [];
  let x = 2;
  let row = 0;
  names.forEach((name, i) => {
    const shown = fitText(name, width - 40);
    const needs = 34 + textWidth(shown);
    if (x > 2 && x + needs > width) {
      x = 2;
      row++;
    }
    const y = top + 8 + row * 18;
    items.push(
      html`${swatch(kind, i, x, y)}<text class="key" x="${pixel(x + 26)}" y="${y + 4}">${shown}</text>`,
    );
    x += needs + 10;
  });
  return { markup: html`<g>${items}</g>`, height: (row + 1) * 18 + 4 };
}

/** A dashed line across the plot at a value of y, labelled above one of its ends. */
export function referenceY(frame: Frame, y: number, label: string, side: "left" | "right" = "left"): Html {
  const x = side === "left" ? frame.left + 4 : frame.right - 4;
  const name = fitText(label, frame.right - frame.left - 8, 11);
  return html`<line class="reference" x1="${frame.left}" x2="${frame.right}" y1="${y}" y2="${y}"/><text class="reference-name" x="${x}" y="${pixel(y - 4)}" text-anchor="${side === "left" ? "start" : "end"}">${name}</text>`;
}

/** Dashed lines down the plot, each named in a row of its own at the top, on the side with more room. */
export function referencesX(
  frame: Frame,
  x: Scale,
  references: readonly { value: number; label: string }[],
): Html {
  const lines = references.map(
    ({ value }) =>
      html`<line class="reference" x1="${x(value)}" x2="${x(value)}" y1="${frame.top}" y2="${frame.bottom}"/>`,
  );
  // Names come after all lines: the paper-coloured rim of a name keeps a line beside it from crossing it out.
  const names = references.map(({ value, label }, row) => {
    const left = x(value) > (frame.left + frame.right) / 2;
    const room = left ? x(value) - frame.left : frame.width - x(value);
    return html`<text class="reference-name" x="${pixel(x(value) + (left ? -4 : 4))}" y="${frame.top + 10 + row * 13}" text-anchor="${left ? "end" : "start"}">${fitText(label, room - 6, 11)}</text>`;
  });
  return join([...lines, ...names]);
}

function swatch(kind: "mark" | "line" | "fill", index: number, x: number, y: number): Html {
  const style = index % SERIES_STYLES;
  if (kind === "fill")
    return html`<rect class="area s${style}" x="${pixel(x)}" y="${y - 5}" width="20" height="10"/>`;
  return html`<line class="line s${style}" x1="${pixel(x)}" x2="${pixel(x + 20)}" y1="${y}" y2="${y}"/>${kind === "mark" && mark(index, pixel(x + 10), y, 3.5)}`;
}

/** Every how many-th tick label can be shown so that neighbours stay 8 px apart. */
function thinning(scale: Scale, labels: readonly string[]): number {
  const positions = scale.ticks.map((tick) => scale(tick));
  for (let every = 1; every < positions.length; every++) {
    const kept = positions.flatMap((position, i) =>
      i % every === 0 ? [{ position, half: textWidth(labels[i]!) / 2 }] : [],
    );
    const apart = kept.every(
      (item, i) => i === 0 || item.position - item.half - kept[i - 1]!.position - kept[i - 1]!.half >= 8,
    );
    if (apart) return every;
  }
  return Math.max(1, positions.length);
}
