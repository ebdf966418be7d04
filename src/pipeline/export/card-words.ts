/** How cards say numbers and names. */
import type { Interval } from "../../base/stats/check.ts";

/** "0.041 [0.010, 0.090] (95 % interval, n = 40 prompts or groups)". */
export const interval = ({ estimate, low, high, n, level }: Interval): string =>
  `${estimate.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}] (${100 * level} % interval, n = ${n} prompts or groups)`;

/** The same of a share, in per cent with one digit. */
export const percent = ({ estimate, low, high, n, level }: Interval): string =>
  `${(100 * estimate).toFixed(1)} % [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}] (${100 * level} % interval, n = ${n} prompts or groups)`;

/** A list in Markdown. */
export const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join("\n");

/** A name from a file: no markup, one line. */
export const inline = (text: string): string =>
  text.replace(/[\r\n]+/g, " ").replace(/[\\`*_<>[\]|#]/g, "\\$&");
