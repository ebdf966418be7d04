/** Shares in words. */
import type { Share } from "../protocol.ts";

/** A share as whole percent. */
export const percentOf = (value: number): string => `${(100 * value).toFixed(0)} %`;

/** A share with its interval and what it counts. */
export const said = ({ estimate, low, high, n }: Share): string =>
  `${percentOf(estimate)} (95 % interval ${percentOf(low)} to ${percentOf(high)}, ${n} ${n === 1 ? "prompt" : "prompts"})`;

/** A figure that is no share, as kappa or alpha, with its interval. */
export const figure = ({ estimate, low, high }: Share): string =>
  `${estimate.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
