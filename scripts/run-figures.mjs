/** What the tables over runs share: reading reports, the coverage curve, mean and standard deviation. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** `report.json` of a run's folder. */
export const readReport = (folder) => JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));

/** The point of a coverage curve that keeps at least `share` of the pairs, the surest first. */
export const pointAt = (points, share) => points.find(({ coverage }) => coverage >= share - 1e-4);

/** Mean and standard deviation (n - 1) of some numbers; the latter is NaN for a single one. */
export function meanAndSd(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (values.length - 1)) };
}

/** `63.3 [60.2, 66.5] n=535`, numbers written by `show`. */
export const formatInterval = ({ estimate, low, high, n }, show) =>
  `${show(estimate)} [${show(low)}, ${show(high)}] n=${n}`;
