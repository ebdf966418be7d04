/** Does the result depend on who evaluates? Arms by every gold scorer, how far scorers agree, and under how many a conclusion holds. */
import { type ArmComparison, type ArmTable, holmOver } from "../../method/evaluate/compare-arms.ts";
import { type GoldSpec, goldName } from "../../method/evaluate/gold.ts";
import {
  conclusionHolds,
  contaminatedScorers,
  correlateEvaluators,
  type Robustness,
  robustness,
  type Verdict,
  verdictOf,
} from "../../method/evaluate/rank-evaluators.ts";
import type { Cell, Column, ReportTable, ReportWarning, Study } from "../../report/data.ts";
import { formatInterval, formatP } from "../../report/format.ts";
import { baselineOf, humanOf, type MainJob } from "../recipe/job-settings.ts";
import type { ComparedArms } from "./arm-tables.ts";
import { correctedTests, type JudgeResults } from "./judges.ts";

/** The section; undefined with fewer than two evaluators. */
export function evaluatorStudy(
  job: MainJob,
  compared: ComparedArms,
  judges: JudgeResults,
): Study | undefined {
  const conclusions = conclusionsOf(job, compared.tables, judges);
  const evaluators = compared.tables.length + judges.judges.length;
  if (evaluators < 2) return undefined;
  const tables = compared.tables.length > 1 ? [goldTable(compared.tables), correlationTable(compared)] : [];
  return {
    id: "evaluators",
    title: "Evaluators side by side",
    question: "Does the conclusion depend on who evaluates?",
    paperItem: "WDPO Fig. 5",
    ...(conclusions.length === 0
      ? {}
      : { finding: conclusions.map(({ conclusion, sentence }) => `"${conclusion}" ${sentence}.`).join(" ") }),
    tables: [...tables, ...conclusions.map((one) => verdictTable(one))],
  };
}

/** A warning per scorer that was trained on the data it judges. */
export function contaminationWarnings(job: MainJob): ReportWarning[] {
  return contaminated(job).map((name) => ({
    severity: "warning",
    where: `gold scorer ${name}`,
    message: "was trained on this run's dataset, by its own card: on it, it is no independent judge.",
  }));
}

function contaminated({ evaluation, data }: MainJob): string[] {
  const scorers = evaluation.gold.map((spec) => ({ name: goldName(spec), trainedOn: trainedOn(spec) }));
  return contaminatedScorers(scorers, namesIn(data));
}

const trainedOn = (spec: GoldSpec): readonly string[] => ("trainedOn" in spec ? spec.trainedOn : []);

/** Every word of the data's sources that may be a dataset's name: parts of paths, without revision and endings. */
function namesIn(value: unknown): string[] {
  if (typeof value === "string")
    return value.split("/").flatMap((part) => [part, part.replace(/^hub:/, "").replace(/@.*$|\..*$/g, "")]);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    typeof member === "object" || ["source", "file", "prompts"].includes(key) ? namesIn(member) : [],
  );
}

/** The preference-trained weak arm is above the SFT student, and above the one on human labels. */
function conclusionsOf(job: MainJob, tables: readonly ArmTable[], judges: JudgeResults): Robustness[] {
  const weak = job.arms.find(({ rows, training }) => rows.labels === "weak" && training === "prefer")?.name;
  if (weak === undefined) return [];
  const flagged = contaminated(job);
  const others = [
    { baseline: "sft" as const, name: baselineOf(job) },
    { baseline: "human" as const, name: humanOf(job) },
  ].filter(({ name }) => name !== undefined && name !== weak);
  const corrected = correctedTests(judges.comparisons);
  return others.map(({ baseline, name }) => {
    const gold = tables.length === 0 ? undefined : conclusionHolds(tables, weak, baseline, flagged);
    const said = judges.comparisons.flatMap(({ judge, arm, baseline, winRate }, i): Verdict[] => {
      if (arm !== weak || baseline !== name || winRate === null) return [];
      const { estimate, low, high } = winRate;
      const lead = { ...winRate, estimate: estimate - 0.5, low: low - 0.5, high: high - 0.5 };
      return [verdictOf(judge, lead, corrected[i]!)];
    });
    return robustness(`the model ${weak} is above the model ${name}`, [...(gold?.verdicts ?? []), ...said]);
  });
}

function goldTable(tables: readonly ArmTable[]): ReportTable {
  const cells = tables.flatMap(({ gold, arms }) => arms.map((arm) => ({ gold, arm })));
  const { count, adjusted } = holmOver(tables);
  const differenceCells = (one: ArmComparison | null): Cell[] =>
    one === null ? [null, null] : [formatInterval(one.difference, { signed: true }), formatP(adjusted(one))];
  const percent = (title: string): Column => ({ title, format: "percent" });
  return {
    title: "Arms by gold scorer",
    columns: [
      { title: "gold scorer" },
      { title: "arm" },
      { title: "gold reward", format: "number" },
      { title: "minus SFT" },
      { title: "p, corrected" },
      { title: "minus human labels" },
      { title: "p, corrected" },
      percent("win rate vs SFT"),
      percent("win rate vs human labels"),
      percent("GRA, shared SFT"),
      percent("GRA, own SFT"),
    ],
    rows: cells.map(({ gold, arm }) => [
      gold,
      arm.name,
      arm.goldReward,
      ...differenceCells(arm.vsSft),
      ...differenceCells(arm.vsHuman),
      arm.vsSft?.winRate ?? null,
      arm.vsHuman?.winRate ?? null,
      arm.graShared,
      arm.graOwn,
    ]),
    notes: [
      "Each scorer has a scale of its own: compare within a scorer only.",
      `${count} differences were tested (two-sided permutation tests); p-values are corrected over all of them (Holm).`,
    ],
  };
}

function correlationTable({ arms, tables }: ComparedArms): ReportTable {
  const pairs = correlateEvaluators(
    arms,
    tables.map(({ gold }) => gold),
  );
  return {
    title: "Rank correlation of gold scorers",
    columns: [
      { title: "scorer" },
      { title: "and" },
      { title: "arms: Spearman", format: "number" },
      { title: "arms", format: "count" },
      { title: "responses: Spearman", format: "number" },
      { title: "responses: Kendall's τ-b", format: "number" },
      { title: "responses", format: "count" },
    ],
    rows: pairs.map((pair) => [
      pair.a,
      pair.b,
      pair.arms,
      pair.armsN,
      pair.responses.spearman,
      pair.responses.kendall,
      pair.responses.n,
    ]),
    notes: [
      "Arms: of their mean rewards, three arms or more. Responses: of the mean rewards of single prompts under single arms.",
    ],
  };
}

const WORDS: Readonly<Record<Verdict["verdict"], string>> = {
  holds: "holds",
  open: "not shown",
  fails: "the other way round",
};

function verdictTable({ conclusion, verdicts, sentence }: Robustness): ReportTable {
  const flagged = verdicts.some(({ contaminated }) => contaminated);
  return {
    title: `${conclusion}: ${sentence}`,
    columns: [{ title: "evaluator" }, { title: "difference" }, { title: "reading" }, { title: "note" }],
    rows: verdicts.map((one) => [
      one.evaluator,
      formatInterval({ estimate: one.difference, low: one.low, high: one.high, n: 1 }, { signed: true }),
      WORDS[one.verdict],
      one.contaminated ? "was trained on this data" : null,
    ]),
    notes: [
      "Gold scorers: difference in mean reward, in their own unit. Judges: win rate minus one half.",
      "A conclusion holds where the interval lies above 0 and the permutation test says so after correction: gold scorers' over all their differences, judges' over all their rows (Holm).",
      ...(flagged ? ["Scorers that were trained on the data are counted apart."] : []),
    ],
  };
}
