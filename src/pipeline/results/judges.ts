/** What judges said, as a section of the report: who won against whom, with both orders accounted for. */
import { createRng } from "../../base/core/rng.ts";
import { holm } from "../../base/stats/hypothesis.ts";
import { majorityChanceFloor } from "../../base/stats/kappa.ts";
import { compareByJudge, type JudgeComparison } from "../../method/evaluate/judges/compare.ts";
import type { JudgeFacts } from "../../method/evaluate/judges/judge.ts";
import { judgeName } from "../../method/evaluate/judges/spec.ts";
import { costOf } from "../../method/teacher/spending.ts";
import type { Cell, Column, ReportTable, Study } from "../../report/data.ts";
import { formatP, shortDigest } from "../../report/format.ts";
import { type JudgedArm, readVerdicts } from "../job/judge-stages.ts";
import type { MainJob } from "../recipe/job-settings.ts";

/** Every judge's rates, and what each of them is. */
export type JudgeResults = {
  readonly comparisons: readonly JudgeComparison[];
  readonly judges: readonly PaidJudge[];
};

/** A judge and what its tokens cost, where the recipe names prices. */
type PaidJudge = JudgeFacts & { readonly cost?: number | undefined };

/** Reads all verdicts. */
export async function judgeResults(job: MainJob, judged: readonly JudgedArm[]): Promise<JudgeResults> {
  const comparisons: JudgeComparison[] = [];
  const judges = new Map<string, JudgeFacts>();
  for (const one of judged) {
    const { records, facts } = await readVerdicts(one);
    const { judge, arm, baseline } = one;
    const options = { rng: createRng(job.seed).fork("report"), resamples: job.evaluation.resamples };
    comparisons.push(compareByJudge({ judge, arm, baseline }, records, options));
    judges.set(judge, merged(judges.get(judge), facts));
  }
  const pricesOf = new Map(
    job.evaluation.judges.map((spec) => [judgeName(spec), spec.type === "chat" ? spec.prices : undefined]),
  );
  const paid = [...judges.values()].map((facts): PaidJudge => {
    const prices = pricesOf.get(facts.name);
    return prices && facts.tokens ? { ...facts, cost: costOf(facts.tokens, prices) } : facts;
  });
  return { comparisons, judges: paid };
}

function merged(before: JudgeFacts | undefined, facts: JudgeFacts): JudgeFacts {
  if (before === undefined) return facts;
  return {
    ...facts,
    versions: [...new Set([...before.versions, ...facts.versions])].sort(),
    malformed: before.malformed + facts.malformed,
    ...(facts.tokens && {
      tokens: [
        (before.tokens?.[0] ?? 0) + facts.tokens[0],
        (before.tokens?.[1] ?? 0) + facts.tokens[1],
      ] as const,
    }),
    malformedExamples: [...before.malformedExamples, ...facts.malformedExamples].slice(0, 5),
  };
}

/** The section; undefined without judges. */
export function judgeStudy({ comparisons, judges }: JudgeResults): Study | undefined {
  if (comparisons.length === 0) return undefined;
  return {
    id: "judges",
    title: "What judges say",
    question: "Who is better in the eyes of a judge, whichever response it reads first?",
    paperItem: "WDPO Fig. 3b, CW-PO Table 17",
    tables: [rateTable(comparisons), countTable(comparisons), judgeTable(judges)],
    notes: notesOf(comparisons, judges),
  };
}

const percent = (title: string): Column => ({ title, format: "percent" });
const count = (title: string): Column => ({ title, format: "count" });
const PAIR: Column[] = [{ title: "judge" }, { title: "arm" }, { title: "against" }];
const namesOf = ({ judge, arm, baseline }: JudgeComparison): Cell[] => [judge, arm, baseline];

/** p-values of the permutation tests, corrected over all judges, arms and baselines (Holm). */
export const correctedTests = (comparisons: readonly JudgeComparison[]): number[] =>
  holm(comparisons.map(({ permutationTest }) => permutationTest));

function rateTable(comparisons: readonly JudgeComparison[]): ReportTable {
  const adjusted = correctedTests(comparisons);
  return {
    title: "Win rates",
    columns: [
      ...PAIR,
      percent("win rate"),
      percent("same winner in both orders: win rate"),
      percent("at equal length: win rate"),
      percent("winner turned with the order"),
      { title: "p" },
      { title: "p, corrected" },
    ],
    rows: comparisons.map((one, i) => [
      ...namesOf(one),
      one.winRate,
      one.consistentWinRate,
      one.lengthControlled,
      one.flipRate,
      formatP(one.permutationTest),
      formatP(adjusted[i]!),
    ]),
    notes: [
      "Ties count half, also where the two orders disagree. n counts prompts, which intervals resample.",
      "At equal length: AlpacaEval 2's regression (Dubois et al. 2024, eq. 2) with the length term set to zero, without instruction difficulty.",
      `Test: two-sided permutation test of points against one half, over prompts. Corrected: Holm, over the ${comparisons.length} rows of this table.`,
    ],
  };
}

function countTable(comparisons: readonly JudgeComparison[]): ReportTable {
  return {
    title: "Wins, ties, losses, and what was not judged",
    columns: [
      ...PAIR,
      ...[
        "wins",
        "ties",
        "losses",
        "of the ties: equal texts",
        "unreadable replies",
        "question too long",
      ].map(count),
    ],
    rows: comparisons.map((one) => [
      ...namesOf(one),
      one.wins,
      one.ties,
      one.losses,
      one.identical,
      one.malformed,
      one.tooLong,
    ]),
    notes: ["An unreadable reply is no opinion: the pair is left out of every rate."],
  };
}

function judgeTable(judges: readonly PaidJudge[]): ReportTable {
  const [counted, priced] = [
    judges.some(({ tokens }) => tokens),
    judges.some(({ cost }) => cost !== undefined),
  ];
  return {
    title: "The judges",
    columns: [
      { title: "judge" },
      { title: "how" },
      { title: "model version", format: "code" },
      { title: "question, sha-256", format: "code" },
      count("unreadable replies"),
      { title: "such as" },
      ...(counted ? [count("tokens of questions"), count("tokens of replies")] : []),
      ...(priced ? [{ title: "cost" }] : []),
    ],
    rows: judges.map((one) => [
      one.name,
      one.mode,
      one.versions
        .map((version) => (/^[0-9a-f]{64}$/.test(version) ? shortDigest(version) : version))
        .join(", "),
      shortDigest(one.promptDigest),
      one.malformed,
      one.malformedExamples.map((text) => JSON.stringify(text)).join(" ") || null,
      ...(counted ? (one.tokens ?? [null, null]) : []),
      ...(priced ? [one.cost ?? null] : []),
    ]),
    notes: counted
      ? [
          "Tokens as the endpoint counts them, of all replies that the comparisons rest on: one that was kept from before counts, and one that two comparisons share counts twice. Cost: at the recipe's prices.",
        ]
      : [],
  };
}

function notesOf(comparisons: readonly JudgeComparison[], judges: readonly PaidJudge[]): string[] {
  const notes = [
    `By chance: a judge that tosses a coin turns with the order in 50 % of the pairs, and the larger side of its two votes has ${(100 * majorityChanceFloor(2)).toFixed(0)} % of them on average (of 10 votes: ${(100 * majorityChanceFloor(10)).toFixed(1)} %).`,
  ];
  const changed = judges.filter(({ versions }) => versions.length > 1).map(({ name }) => name);
  if (changed.length > 0)
    notes.push(`The model behind ${changed.join(", ")} changed under way: its rates mix several judges.`);
  const silent = comparisons.filter(({ judged }) => judged === 0);
  if (silent.length > 0)
    notes.push(
      `No pair could be judged in ${silent.length} of ${comparisons.length} comparisons: nothing is said of them.`,
    );
  return notes;
}
