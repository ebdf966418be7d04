/** Agreements and what they say of people and teacher, with intervals: from counts of independent pairs, or from pairs that share prompts. */
import { ConfigError } from "../../../base/core/errors.ts";
import type { Rng } from "../../../base/core/rng.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { groupBy, quantile, sum } from "../../../base/stats/describe.ts";
import {
  type Agreements,
  breaksModel,
  type Knowledge,
  knowledgeOf,
  teacherGoldBounds,
} from "./agreement-model.ts";

/** What several people and a teacher said of one pair; null where one said nothing or called it a tie. */
export type JudgedByMany = {
  /** What the pair shares with others: its prompt, or its group. */
  readonly unit: string;
  readonly people: readonly ("a" | "b" | null)[];
  readonly teacher: "a" | "b" | null;
};

/** An agreement by itself: the share, and on how many independent pairs; without a count it has no interval. */
export type GivenAgreement = { readonly share: number; readonly pairs?: number | undefined };

/** A figure; without a count behind it, or where answers bound it on one side alone, there is no interval. */
export type Estimate = { readonly estimate: number; readonly interval: Interval | null };

/** What is known before anything is trained. */
export type AgreementPlan = {
  readonly people: Estimate;
  readonly teacher: Estimate;
  /** Teacher-people minus people-people: above 0 the teacher sides with gold more often than one person does. */
  readonly lead: Estimate;
  /** By the model of `agreement-model.ts`; null where people agree on half or less. */
  readonly known: Readonly<Record<keyof Knowledge, Estimate>> | null;
  /** Least and most of teacher-gold that these agreements leave, whatever depends on what, people-gold taken as estimated. */
  readonly bounds: readonly [low: number, high: number] | null;
  /** The teacher agrees with people more than gold would. */
  readonly breaksModel: boolean;
  /** Pairs of answers behind each agreement, ties left out; null where none was told. */
  readonly counts: { readonly people: number | null; readonly teacher: number | null };
};

/** How intervals are made. `rng` is forked, never advanced. */
export type DrawOptions = { readonly rng: Rng; readonly resamples?: number; readonly level?: number };

/** Stands for no bound in what is finite; whatever an interpolation towards it makes is far above all that can be meant. */
const UNBOUNDED = Number.MAX_VALUE;

/** Where a figure can lie, for draws in which people agree on half or less and nothing can be told. */
const RANGE: Readonly<Record<keyof Knowledge, readonly [number, number]>> = {
  peopleGold: [0.5, 1],
  teacherGold: [0, 1],
  goldWithTeacher: [0, 1],
  gap: [-0.5, 1],
  worth: [0, UNBOUNDED],
};

/**
 * From two agreements. Intervals are a parametric bootstrap: both are drawn again as binomial shares of their pairs, independently.
 * @throws ConfigError when a share is outside [0, 1] or a count below 2
 */
export function planFromShares(
  people: GivenAgreement,
  teacher: GivenAgreement,
  options: DrawOptions,
): AgreementPlan {
  const given = { "people-agreement": people, "teacher-agreement": teacher };
  const issues = Object.entries(given).flatMap(([name, { share, pairs }]) => [
    ...(share >= 0 && share <= 1 ? [] : [`${name}: expected a share from 0 to 1, got ${share}.`]),
    ...(pairs === undefined || (Number.isInteger(pairs) && pairs >= 2)
      ? []
      : [`${name}: expected a count of pairs from 2 on, got ${pairs}.`]),
  ]);
  if (issues.length > 0) throw new ConfigError(issues);
  const whole = { people: people.share, teacher: teacher.share };
  const counts = { people: people.pairs ?? null, teacher: teacher.pairs ?? null };
  const { rng, resamples = 2000 } = options;
  const draw = (stream: Rng, share: number, pairs: number | null) => {
    if (pairs === null) return share;
    let alike = 0;
    for (let i = 0; i < pairs; i++) if (stream.next() < share) alike++;
    return alike / pairs;
  };
  const [first, second] = [rng.fork("people"), rng.fork("teacher")];
  const draws = Array.from(
    { length: resamples },
    (): Agreements => ({
      people: draw(first, whole.people, counts.people),
      teacher: draw(second, whole.teacher, counts.teacher),
    }),
  );
  return planOf(whole, draws, counts, { n: { ...counts, both: least(counts) }, ...options });
}

/**
 * From answers. A person is measured against another person, each two of them on every pair that both decided, and never against a majority that
 * he is part of; the teacher against each person. Intervals resample units, people and teacher together.
 * @throws ConfigError when no two people, or no person and the teacher, decided one pair
 */
export function planFromAnswers(items: readonly JudgedByMany[], options: DrawOptions): AgreementPlan {
  const groups = groupBy(items, ({ unit }) => unit).map(tally);
  const total = added(groups);
  const issues = [
    ...(total.people === 0
      ? ["plan: no pair was decided by two people, so their agreement is not known."]
      : []),
    ...(total.teacher === 0 ? ["plan: no pair was decided by a person and the teacher."] : []),
  ];
  if (issues.length > 0) throw new ConfigError(issues);
  const { rng, resamples = 2000 } = options;
  const stream = rng.fork("answers");
  const draws: Agreements[] = [];
  for (let b = 0; b < resamples; b++) {
    const drawn = added(groups.map(() => groups[stream.int(groups.length)]!));
    if (drawn.people > 0 && drawn.teacher > 0) draws.push(sharesOf(drawn));
  }
  const units = groups.length;
  const counts = { people: total.people, teacher: total.teacher };
  return planOf(sharesOf(total), draws, counts, {
    n: { people: units, teacher: units, both: units },
    ...options,
  });
}

type Tally = Readonly<Record<"people" | "peopleAlike" | "teacher" | "teacherAlike", number>>;

function tally(items: readonly JudgedByMany[]): Tally {
  const found = { people: 0, peopleAlike: 0, teacher: 0, teacherAlike: 0 };
  for (const { people, teacher } of items) {
    const given = people.filter((one) => one !== null);
    given.forEach((one, i) => {
      for (const other of given.slice(i + 1)) {
        found.people++;
        if (one === other) found.peopleAlike++;
      }
      if (teacher === null) return;
      found.teacher++;
      if (one === teacher) found.teacherAlike++;
    });
  }
  return found;
}

const added = (tallies: readonly Tally[]): Tally => {
  const of = (key: keyof Tally) => sum(tallies.map((one) => one[key]));
  return {
    people: of("people"),
    peopleAlike: of("peopleAlike"),
    teacher: of("teacher"),
    teacherAlike: of("teacherAlike"),
  };
};

const sharesOf = ({ people, peopleAlike, teacher, teacherAlike }: Tally): Agreements => ({
  people: peopleAlike / people,
  teacher: teacherAlike / teacher,
});

const least = ({ people, teacher }: AgreementPlan["counts"]): number | null =>
  people === null || teacher === null ? null : Math.min(people, teacher);

type Making = Pick<DrawOptions, "level"> & {
  /** What `n` of an interval counts; null where there is none. */
  readonly n: Readonly<Record<"people" | "teacher" | "both", number | null>>;
};

function planOf(
  whole: Agreements,
  draws: readonly Agreements[],
  counts: AgreementPlan["counts"],
  { n, level = 0.95 }: Making,
): AgreementPlan {
  const figure = (estimate: number, count: number | null, low: readonly number[], high = low): Estimate => {
    if (count === null) return { estimate, interval: null };
    const ends = { low: quantile(low, (1 - level) / 2), high: quantile(high, (1 + level) / 2) };
    // What a label is worth has no upper bound where people may agree by chance alone.
    if (ends.high > UNBOUNDED / 1e6) return { estimate, interval: null };
    return { estimate, interval: { estimate, ...ends, n: count, level } };
  };
  const direct = (of: (one: Agreements) => number, count: number | null) =>
    figure(of(whole), count, draws.map(of));
  const known = knowledgeOf(whole);
  const drawn = draws.map(knowledgeOf);
  const derived = (key: keyof Knowledge): Estimate => {
    const [least, most] = RANGE[key];
    const count = key === "peopleGold" ? n.people : n.both;
    const at = (end: number) => drawn.map((one) => one?.[key] ?? end);
    return figure(known![key], count, at(least), at(most));
  };
  return {
    people: direct(({ people }) => people, n.people),
    teacher: direct(({ teacher }) => teacher, n.teacher),
    lead: direct(({ people, teacher }) => teacher - people, n.both),
    known:
      known &&
      (Object.fromEntries(Object.keys(RANGE).map((key) => [key, derived(key as keyof Knowledge)])) as Record<
        keyof Knowledge,
        Estimate
      >),
    bounds: known && teacherGoldBounds(known.peopleGold, whole.teacher),
    breaksModel: breaksModel(whole),
    counts,
  };
}
