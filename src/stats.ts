/** `weak-teacher/stats`: intervals, tests, agreement and calibration error as pure functions of numbers. Page: docs/api/stats.md. */

export { wilson } from "./base/stats/binomial.ts";
export {
  type BootstrapOptions,
  bootstrap,
  bootstrapMean,
  clusterBootstrap,
  pairedBootstrap,
  type Statistic,
} from "./base/stats/bootstrap.ts";
export type { Interval } from "./base/stats/check.ts";
export { kendall, pearson, spearman } from "./base/stats/correlation.ts";
export {
  holm,
  pairedPermutationTest,
  signTest,
} from "./base/stats/hypothesis.ts";
export { cohenKappa, fleissKappa } from "./base/stats/kappa.ts";
export { meanOverSeeds, type Replicate, type SeedMean, seedInterval } from "./base/stats/over-seeds.ts";
export {
  type BinOptions,
  brierScore,
  logLoss,
  type ReliabilityBin,
  reliabilityBins,
} from "./base/stats/reliability.ts";
export {
  type LengthControlledWinRate,
  lengthControlledWinRate,
  performanceGapRecovered,
} from "./base/stats/win-rate.ts";
