/** What tables over runs share: reading reports, and intervals in words. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** `report.json` of a run's folder. */
export const readReport = (folder) => JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));

/** `63.3 [60.2, 66.5] n=535`, numbers written by `show`. */
export const formatInterval = ({ estimate, low, high, n }, show) =>
  `${show(estimate)} [${show(low)}, ${show(high)}] n=${n}`;
