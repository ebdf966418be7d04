/**
 * Teacher, people and gold by their agreements: the four numbers on which it hangs whether weak labels can do as well as people's
 * (papers.md, section 3). All are of the same pairs, so that they obey
 *
 *   people-gold - teacher-gold = (1 - teacher-people) (1 - 2 · gold sides with the teacher where the two differ)
 */
import type { Interval } from "../../../base/stats/check.ts";
import { agreementRate } from "./agreement-rate.ts";
import { disputedPairs } from "./disputed.ts";
import {
  type AnalysisOptions,
  goldChoice,
  type JudgedPair,
  meanByPrompt,
  shareByPrompt,
} from "./judged-pair.ts";

/** The numbers; intervals are over prompts, which `n` counts. */
export type Regime = {
  /** Pairs that all three decide, and those left out because gold is equal. */
  readonly pairs: number;
  readonly goldTies: number;
  /** Of the pairs, those on which teacher and people differ. */
  readonly disputed: number;
  readonly peopleGold: Interval;
  readonly teacherPeople: Interval;
  /** Of the disputed pairs; null without any. */
  readonly goldWithTeacher: Interval | null;
  readonly teacherGold: Interval;
  /** People-gold minus teacher-gold, pair by pair. */
  readonly gap: Interval;
};

/** The regime of the pairs that teacher, people and gold all decide; null without one. */
export function regimeOf(all: readonly JudgedPair[], options: AnalysisOptions): Regime | null {
  const pairs = all.filter((pair) => goldChoice(pair) !== "tie");
  const right = (side: "weak" | "human") => (pair: JudgedPair) => Number(pair[side] === goldChoice(pair));
  const people = right("human");
  const teacher = right("weak");
  const peopleGold = shareByPrompt(pairs, people, "people-gold", options);
  const teacherGold = shareByPrompt(pairs, teacher, "teacher-gold", options);
  const teacherPeople = agreementRate(pairs, options);
  const gap = meanByPrompt(pairs, (pair) => people(pair) - teacher(pair), "regime-gap", {
    ...options,
    range: [-1, 1],
  });
  if (peopleGold === null || teacherGold === null || teacherPeople === null || gap === null) return null;
  const { disputed, withWeak } = disputedPairs(pairs, options);
  const counts = { pairs: pairs.length, goldTies: all.length - pairs.length, disputed };
  return { ...counts, peopleGold, teacherPeople, goldWithTeacher: withWeak, teacherGold, gap };
}
