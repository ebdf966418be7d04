/** What kinds of errors cost: as many as the teacher makes by gold, on the closest calls, where it is least sure, or anywhere. */
import { goldChoice } from "../../../method/evaluate/label-analysis/judged-pair.ts";
import { judgedPairs } from "../../results/regime.ts";
import { ERRORS, GOLD, HUMAN, SFT, WEAK } from "../arms.ts";
import { type GridRow, gridContent } from "../grid.ts";
import { type CellOutcome, intervalsOf } from "../outcomes.ts";
import type { StudyDefinition } from "../study.ts";
import { needsWorld } from "./judges.ts";

/** What each arm is called in the table. */
const ROWS = [
  ["no errors (gold)", "gold"],
  ["the closest calls by gold", "gold-errors-close"],
  ["where the teacher is least sure", "gold-errors-unsure"],
  ["the teacher's own (weak)", "weak"],
  ["at random", "gold-errors-random"],
  ["people's own, whatever their number", "human"],
] as const;

/** Mean over seeds of the share of pairs on which a side is not gold's. */
function errorShare(outcome: CellOutcome, side: "weak" | "human"): number | null {
  const shares = (outcome.replicates ?? [outcome]).map((one) => {
    const pairs = judgedPairs(one).filter((pair) => goldChoice(pair) !== "tie");
    return pairs.filter((pair) => pair[side] !== goldChoice(pair)).length / pairs.length;
  });
  const sum = shares.reduce((total, share) => total + share, 0);
  return Number.isFinite(sum) ? sum / shares.length : null;
}

/** Why a weak teacher may do: its errors are no random ones. */
export const errors: StudyDefinition = {
  name: "errors",
  title: "The same number of errors, of several kinds",
  question:
    "At one accuracy by gold, does it matter which labels are wrong: the closest calls, those the teacher is unsure of, its own, or any?",
  paperItem: "WDPO Table 12 and section 4 (errors concentrate on subtle pairs)",
  paper: "tao-li-2025",
  lacks: needsWorld,
  cells: () => [{ id: "base", settings: {}, arms: [SFT, GOLD, WEAK, HUMAN, ...ERRORS] }],
  report: ({ cell }) => {
    const outcome = cell("base");
    const share = { weak: errorShare(outcome, "weak"), human: errorShare(outcome, "human") };
    const wrong = (arm: string) => (arm === "gold" ? 0 : arm === "human" ? share.human : share.weak);
    return gridContent(
      {
        title: "Students by the kind of errors",
        axis: "errors",
        columns: ["student"],
        rows: ROWS.map(
          ([label, arm]): GridRow => ({
            label,
            arms: { student: outcome.arms.get(arm)! },
            more: [wrong(arm)],
          }),
        ),
        more: [{ title: "labels that are not gold's", format: "percent" }],
        compare: [],
        compareRows: [
          ["the closest calls by gold", "at random"],
          ["where the teacher is least sure", "at random"],
          ["the teacher's own (weak)", "at random"],
          ["the teacher's own (weak)", "the closest calls by gold"],
          ["no errors (gold)", "at random"],
        ],
        baseline: () => outcome.arms.get("sft"),
        notes: [
          "Errors are counted by gold on the pool's pairs that teacher and gold decide; all rows but the first and the last have the same number, to the rounding of a pair.",
          "Labels with errors are gold's own with so many turned round (flip, flip_which); the closest calls are chosen by looking at gold, which no labeller could do.",
          "Each student starts from SFT on the responses that its own labels prefer.",
        ],
      },
      intervalsOf(outcome, "errors"),
    );
  },
};
