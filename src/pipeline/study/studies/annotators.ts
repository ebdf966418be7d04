/** Kinds of teachers side by side: accuracy by kind and labelled share, and whether they like length. */

import { SHARE_DIFFERENCE } from "../../../base/stats/bootstrap.ts";
import { agreementRate } from "../../../method/evaluate/label-analysis/agreement-rate.ts";
import { type JudgedPair, meanByPrompt } from "../../../method/evaluate/label-analysis/judged-pair.ts";
import {
  accuracyByLengthGap,
  accuracyByLonger,
  longerPreferred,
  marginLengthCorrelation,
} from "../../../method/evaluate/length-bias.ts";
import type { ReportTable, Cell as TableCell } from "../../../report/data.ts";
import { formatInterval } from "../../../report/format.ts";
import { judgedPairs } from "../../results/regime.ts";
import { HUMAN, SFT, WEAK } from "../arms.ts";
import { isSmall, type StudyContext, writtenAt } from "../context.ts";
import { gridContent } from "../grid.ts";
import type { Intervals } from "../measures.ts";
import { type CellOutcome, intervalsOf, lengthsOf, promptOfPair } from "../outcomes.ts";
import type { Cell, StudyDefinition, StudyInput } from "../study.ts";
import { partOfLabelled, SAME_STEPS } from "./labelled-share.ts";

/** A teacher by its kind and what of its scores is compared. */
type Kind = {
  readonly name: string;
  readonly kind: "implicit-reward" | "likelihood" | "reward-head";
  readonly score: string;
};

const KINDS: readonly Kind[] = [
  { name: "implicit reward, sum", kind: "implicit-reward", score: "sum" },
  { name: "implicit reward, mean", kind: "implicit-reward", score: "mean" },
  { name: "implicit reward, length-corrected", kind: "implicit-reward", score: "length-corrected" },
  { name: "likelihood, sum", kind: "likelihood", score: "sum" },
  { name: "likelihood, mean", kind: "likelihood", score: "mean" },
  { name: "reward head", kind: "reward-head", score: "sum" },
];

/** Settings of a kind, with the base recipe's training; nothing where it is the base's own. */
export function settingsOf(
  context: StudyContext,
  { kind, score }: Omit<Kind, "name">,
): Record<string, unknown> {
  const own = writtenAt(context, "teacher");
  const ownScore = (own["score"] as { form?: string } | undefined)?.form ?? "sum";
  if (own["kind"] === kind && ownScore === score) return {};
  if (own["kind"] === kind) return { "teacher.score": { form: score } };
  const { loss: _, ...second } = (own["prefer"] ?? own["reward"] ?? {}) as Record<string, unknown>;
  const loss =
    own["prefer"] === undefined ? {} : { loss: (own["prefer"] as Record<string, unknown>)["loss"] };
  const trained = kind === "reward-head" ? { reward: second } : { prefer: { ...second, ...loss } };
  return {
    teacher: {
      kind,
      score: { form: score },
      ...(own["sft"] === undefined ? {} : { sft: own["sft"] }),
      ...(own["lora"] == null ? {} : { lora: own["lora"] }),
      ...trained,
    },
  };
}

const shares = (context: StudyContext) => (isSmall(context) ? [0.25, 0.5, 1] : [0.2, 0.4, 0.6, 0.8, 1]);
const idOf = ({ name }: Kind, share: number) => `${name}/${share}`;

function labelCells(context: StudyContext, parts: readonly number[], kinds: readonly Kind[]): Cell[] {
  return kinds.flatMap((kind) =>
    parts.map((share) => ({
      id: idOf(kind, share),
      settings: { ...settingsOf(context, kind), ...partOfLabelled(share) },
      arms: [],
    })),
  );
}

const TRAINED: readonly Kind[] = KINDS.filter(({ score }) => score === "sum");

/** C Tables 6, 12, 13; W Table 13. */
export const annotators: StudyDefinition = {
  name: "annotators",
  title: "Kinds of teachers",
  question: "Which kind of teacher labels best, how much does it need, and does its student show it?",
  paperItem: "CW-PO Tables 6, 12, 13; WDPO Table 13",
  paper: "cwpo-2026",
  cells: (context) => [
    ...labelCells(context, [1], KINDS),
    ...labelCells(
      context,
      shares(context).filter((share) => share < 1),
      TRAINED,
    ),
    { id: "dpo", settings: settingsOf(context, KINDS[0]!), arms: [SFT, WEAK, HUMAN] },
    { id: "bt", settings: settingsOf(context, KINDS.at(-1)!), arms: [WEAK] },
  ],
  report: ({ context, cell }) => {
    const intervals = intervalsOf(cell("dpo"), "annotators");
    const accuracy = (kind: Kind, share: number) =>
      agreementRate(judgedPairs(cell(idOf(kind, share))), {
        ...intervals,
        rng: intervals.rng.fork(idOf(kind, share)),
      });
    const arms = (outcome: CellOutcome) => ({
      weak: outcome.arms.get("weak")!,
      human: cell("dpo").arms.get("human")!,
    });
    const students = gridContent(
      {
        title: "Students by teacher",
        axis: "teacher",
        columns: ["weak", "human"],
        rows: [
          { label: "DPO, log-ratio", arms: arms(cell("dpo")), paper: [4.84, 4.63] },
          { label: "Bradley-Terry reward head", arms: arms(cell("bt")), paper: [4.86, 4.63] },
        ],
        paper: ["weak, OPT-1.3B", "human, OPT-1.3B"],
        compare: [["weak", "human"]],
        compareRows: [["DPO, log-ratio", "Bradley-Terry reward head"]],
        paperItem: "WDPO Table 13",
        notes: [
          "The student on human labels is the same in both rows. Students start from SFT on the responses their own labels prefer: starts differ with labels.",
        ],
      },
      intervals,
    );
    const paper: Readonly<Record<string, number>> = { "likelihood, sum": 52.1, "reward head": 63.8 };
    return {
      ...students,
      tables: [
        {
          title: "Labels that are the person's",
          columns: [
            { title: "teacher", format: "text" },
            ...shares(context).map((share) => ({
              title: share === 1 ? "all labelled pairs" : `${100 * share} % of them`,
              format: "percent" as const,
            })),
            { title: "OPT-125M on HH there, %", source: "paper" as const },
          ],
          rows: KINDS.map((kind): TableCell[] => [
            kind.name,
            ...shares(context).map((share) =>
              share < 1 && kind.score !== "sum" ? null : accuracy(kind, share),
            ),
            paper[kind.name] ?? (kind.name === "implicit reward, sum" ? 60.6 : null),
          ]),
          paperItem: "CW-PO Table 6, SFT + DPO and BT (60.6 from WDPO Table 1)",
          notes: [
            SAME_STEPS,
            "CW-PO's DPO labeller compares raw likelihoods, which length sways; Tao & Li's compares log-ratios. Both are here, on the same pairs.",
          ],
        },
        kindsAgainstFirst(cell, intervals),
        ...(students.tables ?? []),
      ],
    };
  },
};

/** Every kind's labels against the first kind's, pair by pair: which of two kinds is right more often. */
function kindsAgainstFirst(cell: StudyInput["cell"], intervals: Intervals): ReportTable {
  const [first, ...others] = KINDS;
  const base = new Map(judgedPairs(cell(idOf(first!, 1))).map((pair) => [pair.id, pair]));
  const right = ({ weak, human }: JudgedPair) => Number(weak === human);
  return {
    title: `Labels that are the person's, each kind minus ${first!.name}, pair by pair`,
    columns: [
      { title: "teacher", format: "text" },
      { title: "difference", format: "percent", signed: true },
    ],
    rows: others.map((kind): TableCell[] => {
      const both = judgedPairs(cell(idOf(kind, 1))).filter(({ id }) => base.has(id));
      const gain = (pair: JudgedPair) => right(pair) - right(base.get(pair.id)!);
      return [
        kind.name,
        meanByPrompt(both, gain, `gain-${kind.name}`, { ...intervals, range: SHARE_DIFFERENCE }),
      ];
    }),
    notes: [
      `On the pairs both decide, from all labelled pairs. ${others.length} intervals: one of them may miss its value by chance.`,
    ],
  };
}

/** Reviewers of both papers. */
export const lengthBias: StudyDefinition = {
  name: "length-bias",
  title: "Do teachers like length?",
  question: "How often does each teacher prefer the longer response, and is it right where length misleads?",
  paperItem: "asked for by reviewers; raw likelihoods in CW-PO Table 6",
  paper: "tao-li-2025",
  cells: (context) => labelCells(context, [1], KINDS),
  report: ({ cell }) => {
    const outcomes = KINDS.map((kind) => ({ kind, outcome: cell(idOf(kind, 1)) }));
    const base = outcomes[0]!.outcome;
    const intervals = intervalsOf(base, "length-bias");
    const clusterOf = promptOfPair(base);
    const how = (name: string) => ({
      clusters: { of: clusterOf, rng: intervals.rng.fork(name), resamples: intervals.resamples },
    });
    const lengths = lengthsOf(base);
    const human = longerPreferred(base.human, lengths, how("people"));
    const bins = outcomes.map(({ kind, outcome }) =>
      accuracyByLengthGap(outcome.labels, outcome.human, lengths, { bins: 10, ...how(kind.name) }),
    );
    return {
      finding:
        human === null
          ? "No pair's responses differ in length."
          : `People prefer the longer response on ${formatInterval(human, { format: "percent" })} of the pairs whose responses differ in length: that, not 50 %, is the yardstick.`,
      tables: [
        {
          title: "Length and preference",
          columns: [
            { title: "teacher", format: "text" },
            { title: "prefers the longer", format: "percent" },
            { title: "rank correlation of margin and length gap", digits: 2, signed: true },
            { title: "right where the shorter is preferred by people", format: "percent" },
            { title: "right where the longer is", format: "percent" },
          ],
          rows: [
            ["people", human, null, null, null],
            ...outcomes.map(({ kind, outcome }): TableCell[] => {
              const { labels, human: people } = outcome;
              const { shorter, longer } = accuracyByLonger(labels, people, lengths, how(kind.name));
              const { spearman } = marginLengthCorrelation(labels, lengths, {
                ...intervals,
                rng: intervals.rng.fork(kind.name),
                clusterOf,
              });
              return [kind.name, longerPreferred(labels, lengths, how(kind.name)), spearman, shorter, longer];
            }),
          ],
          notes: [
            "Lengths in characters; pairs of equal length are left out of all but the correlation. Intervals resample prompts, and n counts them.",
          ],
        },
        {
          title: "Accuracy by how much longer the person's choice is, in bins of equal numbers",
          columns: [
            { title: "characters", format: "text" },
            { title: "pairs", format: "count" },
            ...KINDS.map(({ name }) => ({ title: name, format: "percent" as const })),
          ],
          rows: bins[0]!.map(({ low, high, n }, i): TableCell[] => [
            `${low} to ${high}`,
            n,
            ...bins.map((kind) => kind[i]?.agreement ?? null),
          ]),
          notes: [
            `Negative: the person chose the shorter. Bounds and numbers are of the pairs that ${KINDS[0]!.name} decides; other kinds may decide slightly other ones.`,
          ],
        },
      ],
      figures: [
        {
          chart: {
            kind: "line",
            title: "Accuracy by length gap",
            xLabel: "bin of length gap, from 'people prefer the shorter' to 'the longer'",
            yLabel: "labels that are the person's",
            yFormat: "percent",
            series: outcomes.map(({ kind }, k) => ({
              name: kind.name,
              points: bins[k]!.map(({ agreement }, i) => ({ x: i + 1, y: agreement.estimate })),
            })),
            references: [{ value: 0.5, label: "chance" }],
          },
        },
      ],
    };
  },
};
