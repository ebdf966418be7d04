/** Does pressing harder pay off in what it was pressed for alone? Gold against a second gold that nobody learnt from, along the KL from the start. */

import { bootstrapMean } from "../../../base/stats/bootstrap.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { groupBy, mean, standardDeviation } from "../../../base/stats/describe.ts";
import { meanOverSeeds, seedInterval } from "../../../base/stats/over-seeds.ts";
import type { ArmRecord } from "../../../method/evaluate/arm.ts";
import type { Difference, ReportFigure, ReportTable, Cell as TableCell } from "../../../report/data.ts";
import { readDifference } from "../../../report/headline.ts";
import { HUMAN, SFT, WEAK, withBeta } from "../arms.ts";
import type { StudyContext } from "../context.ts";
import {
  type Compared,
  compareAll,
  differenceTable,
  type Intervals,
  multiplicityNote,
  rewards,
} from "../measures.ts";
import { type ArmOutcome, intervalsOf } from "../outcomes.ts";
import type { StudyDefinition } from "../study.ts";
import { scored } from "./judges.ts";
import { baseBeta } from "./training.ts";

/** From held to the start to let go of it: the smaller β, the further a student may move. */
const BETAS = [0.5, 0.2, 0.05, 0.02] as const;

const LABELS = ["weak", "human"] as const;
type Place = { readonly labels: (typeof LABELS)[number]; readonly beta: number };

const placesOf = (context: StudyContext): Place[] =>
  LABELS.flatMap((labels) =>
    [...new Set([...BETAS, baseBeta(context)])].sort((a, b) => b - a).map((beta) => ({ labels, beta })),
  );

const armAt = (context: StudyContext, { labels, beta }: Place) =>
  beta === baseBeta(context) ? (labels === "weak" ? WEAK : HUMAN) : withBeta(labels, beta);

const nameOf = ({ labels, beta }: Place) => `${labels}, β ${beta}`;

/** KL(π ‖ own SFT start) per response on the student's own samples, nats, with an interval over prompts, or over seeds; null where it was not measured. */
function klOf(arm: ArmOutcome, { rng, resamples }: Intervals): Interval | null {
  const own = (arm.replicates ?? [arm]).map(({ records }) => records);
  if (own.some((records) => records.length === 0 || records.some(({ sftLogp }) => sftLogp === null)))
    return null;
  const byPrompt = (records: readonly ArmRecord[]) =>
    groupBy(records, ({ promptId }) => promptId).map((group) => ({
      cluster: group[0]!.promptId,
      value: mean(group.map(({ logp, sftLogp }) => logp - sftLogp!)),
    }));
  if (arm.replicates === undefined)
    return bootstrapMean(
      byPrompt(own[0]!).map(({ value }) => value),
      { rng: rng.fork("kl", arm.name), resamples },
    );
  const found = meanOverSeeds(own.map(byPrompt));
  return found && seedInterval(found);
}

/** A student with its KL and what it gained over SFT by each gold. */
type Found = {
  readonly place: Place;
  readonly kl: Interval | null;
  readonly gains: readonly (Difference | undefined)[];
};

/** By rule: what the last steps of β do to the gold that was aimed at, and to the other. */
function inWords(
  labels: string,
  [first, second]: readonly (Difference | undefined)[],
  names: readonly string[],
): string {
  if (first === undefined || second === undefined) return `${labels}: nothing could be compared.`;
  const [aimed, other] = [readDifference(first), readDifference(second)];
  const how =
    other === "below" && aimed !== "below"
      ? "the second gold falls where the first does not: over-optimisation"
      : aimed === "below"
        ? "the gold itself falls"
        : "neither gold is shown to fall";
  return `On ${labels} labels, pressing harder (${first.a} against ${first.b.replace(`${names[0]}: `, "")}): ${how}.`;
}

/** After Gao et al. 2023, with β in place of best of n. */
export const overOptimisation: StudyDefinition = {
  name: "over-optimisation",
  title: "Gold and a second gold along KL",
  question:
    "As a student moves further from its start, does a gold that nobody learnt from rise as long as the first?",
  paperItem: "WDPO Fig. 7 (β); scaling of over-optimisation, Gao et al. 2023",
  paper: "tao-li-2025",
  lacks: ({ recipe }) =>
    recipe.data.world === undefined && recipe.eval.gold.length < 2
      ? "name at least two gold scorers with --set eval.gold: the first leads, the second is held out"
      : undefined,
  cells: (context) => [
    { id: "base", settings: {}, arms: [SFT, ...placesOf(context).map((place) => armAt(context, place))] },
  ],
  report: ({ context, cell }) => {
    const outcome = cell("base");
    const intervals = intervalsOf(outcome, "over-optimisation");
    const { arms, names } = scored(outcome, context);
    const golds = names.slice(0, 2);
    const of = (name: string) => arms.find((arm) => arm.name === name)!;
    const places = placesOf(context);
    const compared = golds.flatMap((gold): Compared[] => [
      ...places.map((place) => ({
        ...{ a: of(armAt(context, place).name), b: of("sft"), gold },
        names: [`${gold}: ${nameOf(place)}`, "sft"] as const,
      })),
      ...LABELS.map((labels) => {
        const ends = [
          { labels, beta: BETAS.at(-1)! },
          { labels, beta: baseBeta(context) },
        ] as const;
        const [a, b] = ends.map((place) => of(armAt(context, place).name));
        return { a: a!, b: b!, gold, names: [`${gold}: ${nameOf(ends[0])}`, nameOf(ends[1])] as const };
      }),
    ]);
    const differences = compareAll(compared, intervals);
    const differenceOf = (gold: string, a: string, b: string) =>
      differences.find((one) => one.a === `${gold}: ${a}` && one.b === b);
    const found = places.map(
      (place): Found => ({
        place,
        kl: klOf(of(armAt(context, place).name), intervals),
        gains: golds.map((gold) => differenceOf(gold, nameOf(place), "sft")),
      }),
    );
    const last = (labels: Place["labels"]) =>
      golds.map((gold) =>
        differenceOf(
          gold,
          nameOf({ labels, beta: BETAS.at(-1)! }),
          nameOf({ labels, beta: baseBeta(context) }),
        ),
      );
    return {
      finding: LABELS.map((labels) => inWords(labels, last(labels), golds)).join(" "),
      tables: [
        gainTable(found, golds),
        differenceTable(differences, "Differences, each in its scorer's unit"),
      ],
      figures: LABELS.map((labels) =>
        figureOf(labels, found, golds, (gold) => standardDeviation([...rewards(of("sft"), gold).values()])),
      ),
      notes: [
        multiplicityNote(found.length * (1 + golds.length), differences.length),
        `${golds[0]} is what people see; ${golds[1]} judged nothing that anybody learnt from. Two golds of one trait fall together where a text falls apart, and apart where a student found a trick of the first.`,
        "KL is from the student's own SFT start, per response, on its own samples; the picture shows gains over SFT in standard deviations of the SFT student's prompts, so that both golds have one axis.",
        "β is changed in preference training alone, with the recipe's rate and steps: a student of little KL may also be one that learnt too little.",
      ],
    };
  },
};

const gainTable = (found: readonly Found[], golds: readonly string[]): ReportTable => ({
  title: "Gains over SFT along KL",
  columns: [
    { title: "student", format: "text" },
    { title: "KL from own start, nats", digits: 1 },
    ...golds.map((gold) => ({ title: `${gold}, gain`, digits: 3, signed: true })),
  ],
  rows: found.map(({ place, kl, gains }): TableCell[] => [
    nameOf(place),
    kl,
    ...gains.map((one) => one?.value ?? null),
  ]),
});

/** Gains in standard deviations of the SFT student's prompts. */
function figureOf(
  labels: string,
  found: readonly Found[],
  golds: readonly string[],
  spread: (gold: string) => number,
): ReportFigure {
  const own = found.filter(({ place, kl }) => place.labels === labels && kl !== null);
  return {
    chart: {
      kind: "line",
      title: `Gains over SFT along KL, ${labels} labels`,
      xLabel: "KL from own start, nats",
      yLabel: "gain over SFT, standard deviations of its prompts",
      series: golds.map((gold, k) => ({
        name: gold,
        points: own
          .flatMap(({ kl, gains }) => {
            const value = gains[k]?.value;
            const unit = spread(gold);
            return value === undefined || !(unit > 0)
              ? []
              : [
                  {
                    x: kl!.estimate,
                    y: value.estimate / unit,
                    low: value.low / unit,
                    high: value.high / unit,
                    n: value.n,
                  },
                ];
          })
          .sort((a, b) => a.x - b.x),
      })),
      references: [{ value: 0, label: "SFT" }],
      markers: true,
    },
  };
}
