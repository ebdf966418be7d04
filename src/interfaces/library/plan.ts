/** What is known before anything is trained: `plan`. */
import { ConfigError } from "../../base/core/errors.ts";
import { createRng, DEFAULT_SEED } from "../../base/core/rng.ts";
import type { Source } from "../../method/data/source.ts";
import { type AgreementPlan, planFromAnswers, planFromShares } from "../../method/evaluate/plan/estimate.ts";
import {
  type PoolFacts,
  type PoolRow,
  poolRows,
  type RegimeRow,
  regimeRows,
} from "../../method/evaluate/plan/pool-plan.ts";
import { MEASURED, type PowerPlan, pairsFor, powerPlan } from "../../method/evaluate/plan/power-plan.ts";
import { type KnownRegime, REGIMES } from "../../method/evaluate/plan/regimes.ts";
import { readJudged } from "../../pipeline/label/plan-agreements.ts";
import { pairReading, type Reading } from "./options.ts";

/** What is known of people and teacher, and what is wished for. Agreements are given, or counted in a file. */
export type PlanCall = Omit<Reading, "maxLength" | "maxPromptLength"> & {
  /** Share of pairs on which two people say the same, and on how many; ties left out. */
  readonly peopleAgreement?: number | undefined;
  readonly peoplePairs?: number | undefined;
  /** Share of pairs on which the teacher says what a person says, and on how many. */
  readonly teacherAgreement?: number | undefined;
  readonly teacherPairs?: number | undefined;
  /** In their place: pairs with a column for each of two people or more. */
  readonly file?: Source | undefined;
  /** With a file: the column that holds the teacher's answers, or a folder that `label` made of the file. */
  readonly teacher?: string | undefined;
  readonly labels?: string | undefined;
  /** What counts as equal in the figure that students are compared by, and what that varies by; default what the demo's five seeds showed. */
  readonly margin?: number | undefined;
  readonly trainingSd?: number | undefined;
  readonly promptSd?: number | undefined;
  /** Chance with which it is to be shown, default 0.8. */
  readonly chance?: number | undefined;
  /** Numbers of test prompts to look at. */
  readonly prompts?: readonly number[] | undefined;
  /** Sizes of the pool to look at. */
  readonly pool?: readonly number[] | undefined;
  /** Half-width that the interval of the teacher's lead is to have, and what counts as equally good labels, default 0.05. */
  readonly within?: number | undefined;
  readonly seed?: number | undefined;
};

/** What can be told. */
export type PlanOutcome = {
  readonly agreements: AgreementPlan;
  /** Names of the people of a file. */
  readonly people: readonly string[] | null;
  readonly power: PowerPlan;
  /** Where the power's variation and margin are from, where they are not the caller's. */
  readonly source: string | null;
  /** Doubly labelled pairs that the teacher's lead needs to be known within `within`. */
  readonly pairs: { readonly within: number; readonly count: number };
  /** What pools of some sizes are worth and show, by these agreements. */
  readonly pool: readonly PoolRow[];
  /** What is needed by these agreements (where they tell), and in regimes that are known. */
  readonly regimes: readonly RegimeRow[];
};

const POOLS = [500, 2000, 10_000, 50_000] as const;

/**
 * What agreements say of people and teacher, and what a comparison of students needs; trains nothing.
 * @throws ConfigError for settings that are missing, out of range or without effect; DataError for a broken file
 */
export async function plan(call: PlanCall): Promise<PlanOutcome> {
  checkPlan(call);
  const { file, seed = DEFAULT_SEED, within = 0.05, chance = 0.8, prompts } = call;
  const rng = createRng(seed).fork("plan");
  const judged =
    file === undefined ? undefined : await readJudged({ ...call, file, seed, read: readingOf(call) });
  const agreements =
    judged === undefined
      ? planFromShares(
          { share: call.peopleAgreement!, pairs: call.peoplePairs },
          { share: call.teacherAgreement!, pairs: call.teacherPairs },
          { rng },
        )
      : planFromAnswers(judged.items, { rng });
  const { training, prompt } = MEASURED.variation;
  const { margin = MEASURED.margin, trainingSd = training, promptSd = prompt } = call;
  const shares = { people: agreements.people.estimate, teacher: agreements.teacher.estimate };
  const variation = { training: trainingSd, prompt: promptSd };
  const { known } = agreements;
  const facts = { differ: 1 - shares.teacher, worth: known?.worth ?? null };
  const own = [call.margin, call.trainingSd, call.promptSd].every((value) => value !== undefined);
  return {
    agreements,
    people: judged?.people ?? null,
    power: powerPlan({ margin, variation, chance, prompts }),
    source: own ? null : MEASURED.source,
    pairs: { within, count: pairsFor(shares, within) },
    pool: poolRows(facts, call.pool ?? POOLS, chance),
    regimes: regimeRows(
      [...ownRegime(agreements, facts, { margin, variation, prompts: prompts?.[0] ?? 120 }), ...REGIMES],
      within,
      chance,
    ),
  };
}

/** These agreements as a regime; none where nothing can be told of who is right, or the two never differ. */
function ownRegime(
  { known }: AgreementPlan,
  { differ }: PoolFacts,
  students: KnownRegime["students"],
): KnownRegime[] {
  if (known === null || differ === 0) return [];
  const { peopleGold, teacherGold, gap } = known;
  return [
    {
      name: "these agreements",
      ...{ peopleGold: peopleGold.estimate, teacherGold: teacherGold.estimate, differ, gap: gap.estimate },
      students,
      source: "errors taken as independent and even",
    },
  ];
}

/** How the file is read; a folder of labels says so itself, unless it is a bare file. */
function readingOf(call: PlanCall) {
  const { map, format, header, ignore, onBadRow, limit, labels } = call;
  const given = [map, format, header, ignore, onBadRow, limit].some((value) => value !== undefined);
  return labels !== undefined && !given ? undefined : pairReading(call);
}

function checkPlan(call: PlanCall): void {
  const numbers = ["peopleAgreement", "peoplePairs", "teacherAgreement", "teacherPairs"] as const;
  const ofFile = ["teacher", "labels", "map", "format", "header", "ignore", "onBadRow", "limit"] as const;
  const flag = (name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const odd = (call.file === undefined ? ofFile : numbers).filter((name) => call[name] !== undefined);
  const issues = odd.map((name) =>
    call.file === undefined
      ? `${flag(name)}: has no effect without a file of answers. Name one, or leave it out.`
      : `${flag(name)}: has no effect beside a file, in which agreements are counted. Leave it out.`,
  );
  if (call.file === undefined)
    for (const name of ["peopleAgreement", "teacherAgreement"] as const)
      if (call[name] === undefined)
        issues.push(`${flag(name)}: is missing. Give both agreements, or a file with people's answers.`);
  for (const name of ["margin", "promptSd", "within"] as const)
    if (call[name] !== undefined && !(call[name] > 0 && Number.isFinite(call[name])))
      issues.push(`${flag(name)}: expected a number above 0, got ${call[name]}.`);
  if (call.trainingSd !== undefined && !(call.trainingSd >= 0 && Number.isFinite(call.trainingSd)))
    issues.push(`--training-sd: expected a number from 0 on, got ${call.trainingSd}.`);
  if (call.chance !== undefined && !(call.chance > 0 && call.chance < 1))
    issues.push(`--chance: expected a share above 0 and below 1, got ${call.chance}.`);
  for (const name of ["prompts", "pool"] as const)
    for (const count of call[name] ?? [])
      if (!(Number.isInteger(count) && count > 0))
        issues.push(`--${name}: expected whole numbers above 0, got ${count}.`);
  if (issues.length > 0) throw new ConfigError(issues);
}
