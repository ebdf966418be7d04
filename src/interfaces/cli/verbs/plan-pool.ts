/** The part of `plan` that is about pools: what they are worth, and what regimes need. */
import type { PlanOutcome } from "../../library/plan.ts";

const percent = (value: number): string => (100 * value).toFixed(1);
const whole = (value: number): string => Math.round(value).toLocaleString("en-GB");
const countOr = (value: number | null, none: string): string => (value === null ? none : whole(value));

/** Lines of `plan` about pools and regimes. */
export const poolText = ({ pool, regimes, pairs, power }: PlanOutcome): string[] => [
  "A pool, if errors are independent: labels right on t of the pairs teach as much as ((2t − 1) / (2q − 1))² times as many that are right on q.",
  "  pool pairs   worth people's labels on   shows by gold, from",
  ...pool.map(({ pairs: size, worth, worthBetween, shows }) =>
    [
      `  ${whole(size).padStart(10)}`,
      worthText(worth, worthBetween).padStart(24),
      (shows === null ? "nothing" : `${percent(shows)} points`).padStart(19),
    ].join("   "),
  ),
  `Shows: the smallest difference of people and teacher by gold that gold on every pair of the pool shows with a chance of ${percent(power.chance)} % (McNemar's test at 5 %; pairs that share prompts count for less).`,
  "",
  `What regimes need for the same chance: weak pairs worth 1,000 of people's; pool pairs with gold that show who labels better, and that show labels equal within ± ${percent(pairs.within)} points; seeds that show students equal, or different, by the margin:`,
  "  regime                        people   teacher    1,000 of    shows   shows   seeds: equal   differ   margin",
  "                             with gold  with gold   people's   better   equal",
  ...regimes.map(
    ({ name, peopleGold, teacherGold, worthThousand, pairsForGap, pairsForEqual, seeds, students }) =>
      [
        `  ${name.padEnd(26)}`,
        `${percent(peopleGold)} %`.padStart(8),
        `${percent(teacherGold)} %`.padStart(8),
        countOr(worthThousand, "none").padStart(9),
        countOr(pairsForGap, "no gap").padStart(7),
        countOr(pairsForEqual, "none").padStart(6),
        countOr(seeds.equivalence, `> ${power.mostSeeds}`).padStart(13),
        countOr(seeds.difference, `> ${power.mostSeeds}`).padStart(7),
        String(students.margin).padStart(7),
      ].join("  "),
  ),
  ...regimes.map(({ name, source }) => `  ${name}: ${source}.`),
  "",
];

function worthText(worth: number | null, between: readonly [number, number] | null): string {
  if (worth === null) return "cannot be told";
  return between === null ? whole(worth) : `${whole(worth)} [${whole(between[0])}, ${whole(between[1])}]`;
}
