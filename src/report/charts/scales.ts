/** From values to pixels, and the round numbers an axis is labelled with. Safe for one value, none, and huge ones. */

/** Lowest and highest value of an axis, low < high. */
export type Domain = readonly [low: number, high: number];

/** Maps a value of the domain to a position in pixels. */
export type Scale = { (value: number): number; readonly domain: Domain; readonly ticks: readonly number[] };

// Half of the largest double's range each way, so that high - low stays finite after rounding outwards.
const LIMIT = 4e307;

/** The step 1, 2 or 5 times a power of ten nearest above span / count. */
export function niceStep(span: number, count: number): number {
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** An axis: its ends and the values that are labelled. */
export type Axis = { domain: Domain; ticks: number[] };

/**
 * An axis around values whose first and last tick are its ends; about `count` steps.
 * No finite value: 0 to 1. All values the same: a tenth of it either side (1 for 0).
 */
export function niceAxis(values: readonly number[], count = 5): Axis {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, bounded(value));
    high = Math.max(high, bounded(value));
  }
  if (low > high) return fixedAxis([0, 1], count);
  // Values that differ in their last digits only cannot be told apart on an axis.
  if (high - low <= Math.max(Math.abs(low), Math.abs(high)) * 1e-9) {
    const pad = Math.abs(low) * 0.1 || 1;
    low -= pad;
    high += pad;
  }
  const step = niceStep(high - low, count);
  const ticks = multiples(step, Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9));
  return { domain: [ticks[0]!, ticks.at(-1)!], ticks };
}

/** An axis whose ends are given, such as 50 % to 100 %; ticks are the round numbers inside. */
export function fixedAxis([low, high]: Domain, count = 5): Axis {
  const step = niceStep(high - low, count);
  return {
    domain: [low, high],
    ticks: multiples(step, Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)),
  };
}

/** Linear from an axis to [start, end] in pixels. */
export function linearScale({ domain, ticks }: Axis, [start, end]: readonly [number, number]): Scale {
  const [low, high] = domain;
  const position = (value: number) => pixel(start + ((bounded(value) - low) / (high - low)) * (end - start));
  return Object.assign(position, { domain, ticks });
}

/**
 * Logarithmic from positive values to [start, end]. Ticks are the values themselves when there are few (a sweep over
 * β is read at its own values), else powers of ten.
 */
export function logScale(values: readonly number[], [start, end]: readonly [number, number]): Scale {
  const positive = [...new Set(values.filter((value) => value > 0 && Number.isFinite(value)))].sort(
    (a, b) => a - b,
  );
  const low = positive[0] ?? 1;
  const high = positive.at(-1) ?? 10;
  const flat = low === high;
  const from = Math.log10(low) - (flat ? 0.5 : 0);
  const to = Math.log10(high) + (flat ? 0.5 : 0);
  const position = (value: number) =>
    pixel(start + ((Math.log10(value) - from) / (to - from)) * (end - start));
  const powers = Array.from(
    { length: Math.floor(to) - Math.ceil(from) + 1 },
    (_, i) => 10 ** (Math.ceil(from) + i),
  );
  return Object.assign(position, {
    domain: [low, high] as const,
    ticks: positive.length <= 8 ? positive : powers,
  });
}

/** Labels of ticks with the decimals their step needs: 0, 0.25 → "0.00", "0.25"; 20000 → "20k"; minus is U+2212. */
export function formatTicks(ticks: readonly number[]): string[] {
  const largest = Math.max(0, ...ticks.map(Math.abs));
  if (largest >= 1e15 || (largest > 0 && largest < 1e-4))
    return ticks.map((tick) => withMinus(exponent(tick)));
  const [divisor, suffix] =
    largest >= 1e9 ? [1e9, "G"] : largest >= 1e6 ? [1e6, "M"] : largest >= 1e4 ? [1e3, "k"] : [1, ""];
  const scaled = ticks.map((tick) => tick / divisor);
  const decimals = Math.max(0, ...scaled.map(decimalsOf));
  return scaled.map((tick) => (tick === 0 ? "0" : withMinus(`${tick.toFixed(decimals)}${suffix}`)));
}

/** Rounded to a hundredth of a pixel: what is written into the SVG. */
export function pixel(value: number): number {
  return Math.round(value * 100) / 100 + 0;
}

function multiples(step: number, first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => tidy((first + i) * step));
}

function bounded(value: number): number {
  // Below the normal range of doubles a tenth of a step is no number any more.
  if (Math.abs(value) < 1e-290) return 0;
  return Math.min(LIMIT, Math.max(-LIMIT, value));
}

/** Takes the floating-point dust off a multiple of a step: 0.30000000000000004 → 0.3. */
function tidy(value: number): number {
  return Number(value.toPrecision(12)) + 0;
}

function decimalsOf(value: number): number {
  const [, decimals = ""] = Math.abs(Number(value.toPrecision(6)))
    .toFixed(8)
    .replace(/0+$/, "")
    .split(".");
  return decimals.length;
}

function exponent(value: number): string {
  return value === 0
    ? "0"
    : value
        .toExponential()
        .replace(/^(-?\d(?:\.\d)?)\d*e/, "$1e")
        .replace("e+", "e");
}

function withMinus(text: string): string {
  return text.replaceAll("-", "−");
}
