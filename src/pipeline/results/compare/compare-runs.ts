/** Runs side by side: what differs in their recipes, their arms, paired tests on shared prompts, and what changed. */

import { stringify } from "yaml";
import { canonicalJson, digestOf } from "../../../base/core/digest.ts";
import { ConfigError } from "../../../base/core/errors.ts";
import { createRng } from "../../../base/core/rng.ts";
import type { Difference, ReportData, ReportTable, ReportWarning } from "../../../report/data.ts";
import { formatNumber } from "../../../report/format.ts";
import { overlaid } from "./curves.ts";
import {
  type ChangedResponse,
  changedResponses,
  type PairedDifference,
  pairedDifferences,
} from "./paired.ts";
import { type ComparedRun, openRuns } from "./run-folder.ts";
import { differingSettings } from "./settings.ts";
import { armTable, pairedTable, settingTable } from "./tables.ts";
import { type TestAccuracyDifference, testAccuracyDifferences } from "./test-accuracy.ts";

/** How to compare. */
export type CompareRunsOptions = {
  readonly version: string;
  readonly resamples: number;
  /** Most examples of each kind. */
  readonly examples: number;
};

/** All that was found, and the report of it. */
export type RunComparison = {
  readonly runs: readonly { readonly name: string; readonly folder: string; readonly runId: string }[];
  readonly settings: ReturnType<typeof differingSettings>;
  readonly differences: readonly PairedDifference[];
  readonly testAccuracy: readonly TestAccuracyDifference[];
  readonly report: ReportData;
};

/**
 * Compares finished runs; nothing of them is computed again.
 * @param folders - two or more; the first is what the others are measured against
 * @throws ConfigError for folders that are no finished runs, with what to do
 */
export async function compareRuns(
  folders: readonly string[],
  options: CompareRunsOptions,
): Promise<RunComparison> {
  if (folders.length < 2) throw new ConfigError(`compare: expected two runs or more, got ${folders.length}.`);
  const runs = await openRuns(folders);
  const settings = differingSettings(runs.map(({ recipe }) => recipe));
  const other = redefinedGold(runs);
  const comparable = (gold: string) => !other.includes(gold);
  const rng = createRng("compare");
  const differences = pairedDifferences(runs, comparable, { rng, resamples: options.resamples });
  const testAccuracy = testAccuracyDifferences(runs, { rng, resamples: options.resamples });
  const changed = changedResponses(runs, { comparable, limit: options.examples });
  return {
    runs: runs.map(({ name, folder, runId }) => ({ name, folder, runId })),
    settings,
    differences,
    testAccuracy,
    report: {
      title: `weak-teacher: ${runs.length} runs side by side`,
      ...identity(runs, options),
      intervals: {
        level: 0.95,
        method: `percentile bootstrap over the prompts both runs answered, ${options.resamples} resamples, paired`,
        limits:
          "One training run per arm: two runs also differ by chance in training, which is not in these intervals.",
      },
      tables: [settingTable(runs, settings), armTable(runs), ...pairedTable(differences)],
      differences: [...differences.map(reportDifference), ...testAccuracy.map(testAccuracyDifference)],
      studies: changedStudies(changed),
      curves: overlaid(runs),
      warnings: warningsOf(runs, { differences, testAccuracy }, other),
    },
  };
}

function identity(
  runs: readonly ComparedRun[],
  { version }: CompareRunsOptions,
): Pick<ReportData, "runId" | "recipe" | "environment" | "summary"> {
  // Where the runs lie is not part of what they are.
  const yaml = stringify({
    runs: runs.map(({ name, runId, version, seed }) => ({ name, run_id: runId, version, seed })),
  });
  const digest = digestOf(yaml);
  return {
    runId: `compare-${digest.slice(0, 12)}`,
    recipe: { yaml, digest },
    environment: { version, seed: runs.map(({ seed }) => seed).join(", ") },
    summary: `${runs.map(({ name }) => name).join(", ")}: each later run against ${runs[0]!.name}, arm by arm, on the test prompts both answered.`,
  };
}

/** Gold scorers that have one name and different settings: their rewards cannot be subtracted. */
function redefinedGold(runs: readonly ComparedRun[]): string[] {
  const seen = new Map<string, string>();
  const other = new Set<string>();
  for (const { recipe } of runs) {
    const gold = (recipe as { eval?: { gold?: { name?: string; type: string }[] } } | null)?.eval?.gold ?? [];
    for (const spec of gold) {
      const name = spec.name ?? spec.type;
      const text = canonicalJson(spec);
      if (seen.has(name) && seen.get(name) !== text) other.add(name);
      seen.set(name, text);
    }
  }
  return [...other];
}

function reportDifference(one: PairedDifference): Difference {
  return {
    a: `${one.arm} of ${one.run}`,
    b: `${one.arm} of ${one.against}`,
    metric: `gold reward (${one.gold})`,
    value: one.difference,
    unit: "prompts",
    paired: true,
    test: "two-sided permutation test",
    pValue: one.permutationTest,
    pAdjusted: one.adjusted,
    correction: "Holm",
    headline: true,
  };
}

function testAccuracyDifference(one: TestAccuracyDifference): Difference {
  return {
    a: `${one.arm} of ${one.run}`,
    b: `${one.arm} of ${one.against}`,
    metric: "test accuracy",
    value: one.difference,
    unit: "prompts",
    format: "percent",
    paired: true,
    test: "two-sided paired permutation test over prompts",
    pValue: one.pValue,
    pAdjusted: one.adjusted,
    correction: "Holm, test accuracy and gold reward apart",
    headline: true,
  };
}

function changedStudies({
  winners,
  texts,
}: ReturnType<typeof changedResponses>): NonNullable<ReportData["studies"]> {
  const study = (id: string, title: string, question: string, rows: readonly ChangedResponse[]) =>
    rows.length === 0 ? [] : [{ id, title, question, tables: [exampleTable(rows)] }];
  return [
    ...study(
      "changed-winners",
      "Prompts whose winner changed",
      "Where did an arm win against the SFT student in one run and not in the other?",
      winners,
    ),
    ...study(
      "changed-texts",
      "Responses that changed most",
      "Which responses have the fewest words in common?",
      texts,
    ),
  ];
}

const WORDS: Readonly<Record<string, string>> = { 1: "won", 0: "tie", "-1": "lost" };
const LONGEST = 400;

function exampleTable(rows: readonly ChangedResponse[]): ReportTable {
  const cut = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
  const scored = (text: string, gold: number | undefined, outcome: number | undefined) => {
    const facts = [
      ...(gold === undefined ? [] : [`gold ${formatNumber(gold, { digits: 2 })}`]),
      ...(outcome === undefined ? [] : [`${WORDS[outcome]} against the SFT arm`]),
    ];
    return facts.length === 0 ? cut(text) : `${cut(text)} [${facts.join(", ")}]`;
  };
  return {
    columns: [
      { title: "arm" },
      { title: "prompt" },
      { title: "against" },
      { title: "run" },
      { title: "words changed", format: "percent" },
    ],
    rows: rows.map(({ arm, run, against, prompt, responses, gold, outcome, distance }) => [
      arm,
      cut(prompt),
      `${against}: ${scored(responses[1], gold?.[1], outcome?.[1])}`,
      `${run}: ${scored(responses[0], gold?.[0], outcome?.[0])}`,
      distance,
    ]),
  };
}

function warningsOf(
  runs: readonly ComparedRun[],
  { differences, testAccuracy }: Pick<RunComparison, "differences" | "testAccuracy">,
  redefined: readonly string[],
): ReportWarning[] {
  const warnings: ReportWarning[] = redefined.map((name) => ({
    severity: "warning",
    where: `gold scorer ${name}`,
    message: "is set differently in the runs: its rewards are not compared.",
  }));
  const versions = new Set(runs.map(({ version }) => version));
  if (versions.size > 1)
    warnings.push({
      severity: "note",
      message: `The runs were made by different versions: ${[...versions].join(", ")}.`,
    });
  return [...warnings, ...unpaired(differences.length, testAccuracy.length)];
}

/** What is said where no rewards could be compared. @param rewards - comparisons of gold rewards @param accuracies - of test accuracy */
export function unpaired(rewards: number, accuracies: number): ReportWarning[] {
  if (rewards > 0) return [];
  return accuracies > 0
    ? [
        {
          severity: "note",
          message:
            "Arms are compared by test accuracy alone: the runs share no gold scorer with the same settings, or no prompt that both answered.",
        },
      ]
    : [
        {
          severity: "warning",
          message:
            "No arm could be compared: the runs share no arm, or neither a test pair nor a prompt that both answered under one gold scorer with the same settings.",
        },
      ];
}
