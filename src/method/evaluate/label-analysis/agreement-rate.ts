/** Share of pairs on which teacher and person choose alike (WDPO Table 1, analysis A1), with an interval by prompt. */
import type { Interval } from "../../../base/stats/check.ts";
import { type AnalysisOptions, type JudgedPair, shareByPrompt } from "./judged-pair.ts";

/** Agreement in [0, 1]; null without pairs. */
export function agreementRate(
  pairs: readonly Pick<JudgedPair, "group" | "weak" | "human">[],
  options: AnalysisOptions,
): Interval | null {
  return shareByPrompt(pairs, ({ weak, human }) => Number(weak === human), "agreement", options);
}
