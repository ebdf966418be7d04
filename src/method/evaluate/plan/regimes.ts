/** Regimes whose four numbers are known: who sides with gold how often, and what students of theirs varied by. Data, so that a plan can stand beside them. */
import type { Variation } from "../../../base/stats/power.ts";
import { MEASURED } from "./power-plan.ts";

/** People, a teacher, and the comparison of students that was made there. */
export type KnownRegime = {
  readonly name: string;
  /** Shares of pairs on which one person, and the teacher, side with gold. */
  readonly peopleGold: number;
  readonly teacherGold: number;
  /** Share on which they differ. */
  readonly differ: number;
  /** People-gold minus teacher-gold. */
  readonly gap: number;
  /** What students differ by, or are equal within, what that varies by, and the test prompts of a seed. */
  readonly students: {
    readonly margin: number;
    readonly variation: Variation;
    readonly prompts: number;
  };
  readonly source: string;
};

/** The first paper's HH-RLHF (numbers of assets/papers/numbers.yaml) and the demo's. */
export const REGIMES: readonly KnownRegime[] = [
  {
    name: "the first paper, HH-RLHF",
    ...{ peopleGold: 0.71, teacherGold: 0.665, differ: 0.394, gap: 0.045 },
    // Weak - human is 4.84 - 4.63 there; five other splits varied by .12 and .14, √(.12² + .14²) = .184 for the difference, prompts included.
    students: { margin: 0.21, variation: { training: 0.184, prompt: 0 }, prompts: 11_000 },
    source:
      "WDPO Table 1 and section 4, people-gold .71 assumed; Fig. 2a (4.84 against 4.63), App. C (five splits, the printed .12 and .14 read as standard deviations; as variances many times the seeds are needed)",
  },
  {
    name: "the demo, seed 22",
    ...{ peopleGold: 0.72, teacherGold: 0.68, differ: 0.4, gap: 0.04 },
    students: { margin: MEASURED.margin, variation: MEASURED.variation, prompts: 120 },
    source: "docs/demo.md: labels of seed 22, students' variation of five seeds of the demo of before",
  },
];
