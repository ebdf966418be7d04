/** How far several people agree on the pairs that they judged: for `inspect` and the run's report. */
import { createRng } from "../../base/core/rng.ts";
import { type RaterAgreement, raterAgreement } from "../../base/stats/raters.ts";
import { type Answers, majorityOf } from "./people.ts";

/** What people said of one pair. */
export type PeopleRecord = {
  readonly id: string;
  /** What the pair shares with others: its prompt, or its group. */
  readonly unit: string;
  /** In the order of the data, so that answers compare over pairs. */
  readonly answers: Answers;
  /** Which response of the pair, as it is called where it goes, stands first in the data. */
  readonly first: "a" | "b" | "chosen" | "rejected";
};

/** Agreement of all people of a source; intervals are percentile bootstraps over units. */
export type PeopleAgreement = RaterAgreement & {
  readonly people: readonly string[];
  /** Pairs that somebody judged, and the units they are in. */
  readonly judged: number;
  readonly units: number;
  /** What more than half of those who answered said; `none`: no answer has so many. */
  readonly majority: Readonly<Record<"first" | "second" | "tie" | "none", number>>;
  /** How intervals were made. */
  readonly resamples: number;
};

/** Beyond so many people, pairs of them are too many to read; alpha still counts all. */
const MOST_PAIRED = 10;

/** The agreement of people; null where no pair was judged by several. */
export function peopleAgreement(
  records: readonly PeopleRecord[],
  { seed, resamples = 1000 }: { readonly seed: number | string; readonly resamples?: number },
): PeopleAgreement | null {
  if (records.length === 0) return null;
  const people = [...new Set(records.flatMap(({ answers }) => Object.keys(answers)))];
  const ratings = records.map(({ answers }) => people.map((person) => answers[person] ?? null));
  const units = records.map(({ unit }) => unit);
  const majority = { first: 0, second: 0, tie: 0, none: 0 };
  for (const { answers } of records) majority[majorityOf(answers) ?? "none"]++;
  const options = { rng: createRng(seed).fork("people"), resamples };
  return {
    people,
    judged: records.length,
    units: new Set(units).size,
    majority,
    resamples,
    ...raterAgreement(ratings, units, { ...options, paired: people.length <= MOST_PAIRED }),
  };
}

/** The agreement in words, a line each. */
export function formatPeopleAgreement(agreement: PeopleAgreement): string[] {
  const { people, judged, units, majority, pairs, alpha, resamples } = agreement;
  const { first, second, tie, none } = majority;
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  return [
    `  ${people.length} people judged ${judged} pairs (${units} units): the majority is for the first ${first} times, for the second ${second}, a tie ${tie}; ${none} have none`,
    ...pairs.flatMap(({ raters: [a, b], items, agreement: raw, kappa }) =>
      raw === null
        ? []
        : [
            `    ${people[a]} and ${people[b]}: alike in ${percent(raw.estimate)} [${percent(raw.low)}, ${percent(raw.high)}] of ${items} pairs; Cohen's kappa ${kappa === null ? "undefined" : `${kappa.estimate.toFixed(3)} [${kappa.low.toFixed(3)}, ${kappa.high.toFixed(3)}]`}`,
          ],
    ),
    alpha === null
      ? "    Krippendorff's alpha: undefined, for all said the same"
      : `    Krippendorff's alpha ${alpha.estimate.toFixed(3)} [${alpha.low.toFixed(3)}, ${alpha.high.toFixed(3)}]; intervals: 95 %, ${resamples} bootstrap resamples of units`,
  ];
}
