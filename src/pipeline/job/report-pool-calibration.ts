/** How far the labels' probabilities are from what people say of the pool, where people's labels of it are known and were hidden. */
import type { Rng } from "../../base/core/rng.ts";
import { logistic } from "../../base/stats/special.ts";
import type { HumanLabel } from "../../method/data/rows.ts";
import { statedCalibration } from "../../method/labels/calibration-report.ts";
import type { Label } from "../../method/labels/label.ts";
import { isBlocked } from "../../method/teacher/teacher.ts";
import { chartBins } from "../../report/bins.ts";
import type { ReliabilityBlock } from "../../report/data.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { LabelFacts } from "./label-stages.ts";

/** Labels of a pool beside people's, and how they were made. */
export type PoolLabels = {
  readonly labels: readonly Label[];
  /** People's labels of the pool, hidden from all that was trained; none where the pool has none. */
  readonly human: readonly HumanLabel[];
  readonly facts: Pick<LabelFacts, "ensemble">;
  readonly job: { readonly label: Pick<MainJob["label"], "calibration"> };
  readonly options: {
    /** The unit (prompt or group) of a pair. */
    readonly clusters: {
      readonly of: (id: string) => string;
      readonly rng: Rng;
      readonly resamples?: number | undefined;
    };
  };
};

/**
 * The block of the pool; none without pairs that teacher and person both decide. Labels that a selection left out count: their probability
 * is kept, and it is the teacher that is judged here, not the choice.
 */
export function poolReliability({ labels, human, facts, job, options }: PoolLabels): ReliabilityBlock[] {
  const said = new Map(human.map(({ id, preferred }) => [id, preferred]));
  const judged = labels.filter(
    ({ id, margin, flags }) =>
      margin !== 0 && !isBlocked(flags) && (said.get(id) === "a" || said.get(id) === "b"),
  );
  if (judged.length === 0) return [];
  const figures = (pAOf: (label: Label) => number) => {
    const { rng, resamples = 1000, of } = options.clusters;
    return statedCalibration(
      judged.map(pAOf),
      judged.map(({ id }) => said.get(id) === "a"),
      { rng: rng.fork("pool-calibration"), resamples, groups: judged.map(({ id }) => of(id)) },
    );
  };
  const after = figures(({ pA }) => pA);
  // An ensemble's margins are log-odds of members calibrated one by one: of before there is nothing to show.
  const before = facts.ensemble === null ? figures(({ margin }) => logistic(margin)) : null;
  return [
    {
      labeller: "weak teacher",
      against: "human",
      on: "the pool, hidden labels",
      before: before === null ? [] : chartBins(before.bins),
      after: chartBins(after.bins),
      ...(before === null ? {} : { eceBefore: before.ece! }),
      eceAfter: after.ece!,
      method: `${fitInWords(job.label.calibration)}, judged on ${judged.length} pairs of the pool whose human labels neither teacher nor calibrator has seen`,
    },
  ];
}

const fitInWords = (method: MainJob["label"]["calibration"]) =>
  method === "none" ? "none" : `${method}, the labels' own fit on held-out labelled pairs`;
