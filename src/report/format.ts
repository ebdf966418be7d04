/** Numbers as text: one place, so that a figure, a table and a sentence never disagree. Pure, locale-independent. */
import { type Interval, isMeasured, type NumberFormat } from "./charts/spec.ts";

/** What stands where nothing was measured. */
export const NOT_MEASURED = "–";

/** How a number is written. `digits`: decimals after scaling; `signed`: a plus sign on numbers above 0. */
export type NumberStyle = {
  format?: NumberFormat | undefined;
  digits?: number | undefined;
  signed?: boolean | undefined;
};

/** 1234.5 → "1,234.50"; percent: 0.606 → "60.6 %". A minus is U+2212. Not finite → "–". */
export function formatNumber(value: number, style: NumberStyle = {}): string {
  if (!Number.isFinite(value)) return NOT_MEASURED;
  const percent = style.format === "percent";
  const scaled = percent ? value * 100 : value;
  const digits = style.format === "count" ? 0 : (style.digits ?? (percent ? 1 : digitsOf(scaled)));
  const body = Math.abs(scaled) >= 1e15 ? scaled.toExponential(2) : grouped(scaled, digits);
  const zero = !/[1-9]/.test(body);
  const sign = zero ? "" : scaled < 0 ? "−" : style.signed ? "+" : "";
  return `${sign}${body.replace(/^-/, "").replace("e-", "e−")}${percent ? " %" : ""}`;
}

/** "+0.31 [0.22, 0.40]"; percent: "60.6 % [57.1, 64.0]". Nothing measured → "–". */
export function formatInterval(value: Interval, style: NumberStyle = {}): string {
  if (!isMeasured(value)) return NOT_MEASURED;
  const filled = { ...style, digits: style.digits ?? digitsFor([value], style.format) };
  return `${formatNumber(value.estimate, filled)} ${formatRange(value, filled)}`;
}

/** "[0.22, 0.40]", in the unit of the estimate before it. */
export function formatRange(value: Interval, style: NumberStyle = {}): string {
  const digits = style.digits ?? digitsFor([value], style.format);
  const side = (number: number) => formatNumber(number, { ...style, digits }).replace(/ %$/, "");
  return `[${side(value.low)}, ${side(value.high)}]`;
}

/** Decimals that show a typical interval of a column to one or two figures of its half-width: 0.09 → 2, 0.03 → 3, 5 → 0. */
export function digitsFor(values: readonly Interval[], format: NumberFormat = "number"): number {
  const scale = format === "percent" ? 100 : 1;
  const halves = values
    .filter(isMeasured)
    .map((value) => (scale * (value.high - value.low)) / 2)
    .filter((half) => half > 0 && Number.isFinite(half))
    .sort((a, b) => a - b);
  const middle = halves[Math.floor(halves.length / 2)];
  if (middle === undefined) return format === "percent" ? 1 : 2;
  return Math.min(6, Math.max(0, Math.ceil(0.5 - Math.log10(middle))));
}

/** 1234567 → "1,234,567". */
export function formatCount(value: number): string {
  return formatNumber(value, { format: "count" });
}

/** 0.0004 → "< 0.001", 0.0312 → "0.031". */
export function formatP(value: number): string {
  return value < 0.001 ? "< 0.001" : value.toFixed(3);
}

/** "p < 0.001", "p = 0.031". */
export function formatPEquation(value: number): string {
  return value < 0.001 ? "p < 0.001" : `p = ${value.toFixed(3)}`;
}

/** A digest's first 12 characters; shorter ones as they are. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

function digitsOf(value: number): number {
  const size = Math.abs(value);
  if (Number.isInteger(value)) return 0;
  if (size >= 100) return 1;
  if (size >= 0.1 || size === 0) return 2;
  return Math.min(6, Math.ceil(1 - Math.log10(size)) + 1);
}

function grouped(value: number, digits: number): string {
  const [whole = "", part] = value.toFixed(digits).split(".");
  const separated = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return part === undefined ? separated : `${separated}.${part}`;
}
