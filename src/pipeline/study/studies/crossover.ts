/**
 * When do weak labels do as well as people's? People of several noises, teachers of several strengths: the difference of their students in each
 * cell, the line on which both see gold alike, and how well agreements alone, as `plan` has them, would have told.
 */

import { mean } from "../../../base/stats/describe.ts";
import { linearFit } from "../../../base/stats/linear-fit.ts";
import { logistic } from "../../../base/stats/special.ts";
import { knowledgeOf } from "../../../method/evaluate/plan/agreement-model.ts";
import type { Difference, ReportFigure, ReportTable, Cell as TableCell } from "../../../report/data.ts";
import { formatNumber } from "../../../report/format.ts";
import { verdictOf } from "../../../report/headline.ts";
import { paperRegime, REGIME_ROWS } from "../../results/regime.ts";
import { HUMAN, SFT, WEAK } from "../arms.ts";
import type { StudyContext } from "../context.ts";
import { compareAll, differenceTable, multiplicityNote } from "../measures.ts";
import { type CellOutcome, intervalsOf } from "../outcomes.ts";
import { regimeOfCell } from "../regime.ts";
import type { Cell, StudyDefinition } from "../study.ts";
import { settingsOf } from "./annotators.ts";
import { needsWorld } from "./judges.ts";
import { partOfLabelled } from "./labelled-share.ts";

/** Shares of pairs on which people are expected to side with gold; the paper's, assumed, among them. */
const PEOPLE = [0.6, 0.65, 0.71, 0.8, 0.9] as const;

/** Teachers, from strong to weak as one would expect. */
const TEACHERS = [
  { name: "reward head", kind: "reward-head", more: {} },
  { name: "reward head, a quarter of the pairs", kind: "reward-head", more: partOfLabelled(0.25) },
  { name: "reward head, one layer", kind: "reward-head", more: { "models.weak.layers": 1 } },
  { name: "implicit reward", kind: "implicit-reward", more: {} },
] as const;

type Place = { readonly people: (typeof PEOPLE)[number]; readonly teacher: (typeof TEACHERS)[number] };

const PLACES: readonly Place[] = PEOPLE.flatMap((people) => TEACHERS.map((teacher) => ({ people, teacher })));
const peopleName = (people: number): string => `people at ${Math.round(100 * people)} %`;
const idOf = ({ people, teacher }: Place): string => `${peopleName(people)}, ${teacher.name}`;
/** The cell in which the student on these people's labels stands: it does not depend on the teacher. */
const ofPeople = ({ people }: Place): string => idOf({ people, teacher: TEACHERS[0] });

const cellAt = (context: StudyContext, place: Place): Cell => ({
  id: idOf(place),
  settings: {
    "data.world.gold_agreement": place.people,
    ...settingsOf(context, { kind: place.teacher.kind, score: "sum" }),
    ...place.teacher.more,
  },
  arms: [SFT, WEAK, ...(idOf(place) === ofPeople(place) ? [HUMAN] : [])],
});

/** The map. */
export const crossover: StudyDefinition = {
  name: "crossover",
  title: "When weak labels match people's: people's noise and the teacher's strength",
  question:
    "With which people and which teachers is the student on weak labels as good as the one on people's, and do agreements tell beforehand?",
  paperItem: "WDPO Fig. 2a; its regime from Table 1 and section 4",
  paper: "tao-li-2025",
  own: { base: "study-small", seeds: "3" },
  lacks: needsWorld,
  cells: (context) => PLACES.map((place) => cellAt(context, place)),
  report: ({ cell }) => {
    const intervals = intervalsOf(cell(idOf(PLACES[0]!)), "crossover");
    const differences = compareAll(
      PLACES.map((place) => {
        const { arms } = cell(idOf(place));
        const human = cell(ofPeople(place)).arms.get("human")!;
        const names = [`${idOf(place)}: weak`, "human"] as const;
        return { a: arms.get("weak")!, b: human, names, start: arms.get("sft")! };
      }),
      intervals,
    );
    const found = withForecasts(
      PLACES.map((place, i): Found => {
        const outcome = cell(idOf(place));
        const { peopleGold, teacherGold, teacherPeople } = regimeOfCell(outcome, intervals);
        const two = twoPeople(outcome);
        const teacher = teacherPeople?.estimate ?? null;
        const gap =
          two === null || teacher === null ? null : (knowledgeOf({ people: two, teacher })?.gap ?? null);
        return {
          place,
          difference: differences[i],
          ...{ peopleGold: peopleGold?.estimate ?? null, teacherGold: teacherGold?.estimate ?? null },
          ...{ two, teacher, gap },
        };
      }),
    );
    return {
      finding: `${countsOf(differences)} ${ruleOf(found)}`,
      tables: [mapTable(found), cellTable(found), differenceTable(differences)],
      figures: [mapFigure(found)],
      notes: [
        multiplicityNote(2 * PLACES.length + PEOPLE.length, differences.length),
        "Forecasts are a straight line of weak − human on the gap that plan gives, fitted on the cells of all other people: a cell's own people, their world's labels and their student are in no forecast of it.",
        "Two people: what two simulated people would agree on, the mean of σ² + (1 − σ)² over the pool's pairs with unequal gold, σ = σ(gap / tau).",
      ],
    };
  },
};

type Found = {
  readonly place: Place;
  readonly difference: Difference | undefined;
  readonly peopleGold: number | null;
  readonly teacherGold: number | null;
  /** Agreement of two people, and of the teacher with one. */
  readonly two: number | null;
  readonly teacher: number | null;
  /** People-gold minus teacher-gold as agreements alone give it. */
  readonly gap: number | null;
};

type Forecast = Found & { readonly forecast: number | null };

/** What two people of a cell would agree on, over its seeds. */
function twoPeople(outcome: CellOutcome): number | null {
  const shares = (outcome.replicates ?? [outcome]).flatMap(({ gold, simulated }) =>
    simulated === undefined
      ? []
      : gold.flatMap(({ goldA, goldB }) => {
          const side = logistic((goldA - goldB) / simulated.tau);
          return goldA === goldB ? [] : [side ** 2 + (1 - side) ** 2];
        }),
  );
  return shares.length === 0 ? null : mean(shares);
}

/** Each cell's difference as the cells of other people would have it. */
function withForecasts(found: readonly Found[]): Forecast[] {
  return found.map((one) => {
    const known = found.filter(
      ({ place, difference, gap }) => place.people !== one.place.people && difference && gap !== null,
    );
    const fit = linearFit(
      known.map(({ gap }) => gap!),
      known.map(({ difference }) => difference!.value.estimate),
    );
    return {
      ...one,
      forecast: fit === null || one.gap === null ? null : fit.slope * one.gap + fit.intercept,
    };
  });
}

const WORDS = ["matches", "better", "worse", "cannot tell"] as const;

function countsOf(differences: readonly Difference[]): string {
  const verdicts = differences.map((one) => verdictOf(one));
  const counts = WORDS.map((word) => `${word} ${verdicts.filter((verdict) => verdict === word).length}`);
  const of = differences[0]?.scope === "methods" ? "over seeds" : "of two models each, one run of either";
  return `The student on weak labels against the one on people's, ${differences.length} cells, ${of}: ${counts.join(", ")}.`;
}

/** What agreements alone would have told. */
function ruleOf(found: readonly Forecast[]): string {
  const told = found.filter(({ forecast, difference }) => forecast !== null && difference !== undefined);
  const ahead = found.filter(({ two, teacher }) => two !== null && teacher !== null && teacher >= two);
  const worse = ahead.filter(({ difference }) => difference && verdictOf(difference) === "worse").length;
  const rule = `Where the teacher agrees with people at least as much as two of them with each other (${ahead.length} cells), it is worse in ${worse}.`;
  if (told.length === 0) return `${rule} No forecast could be made.`;
  const actual = told.map(({ difference }) => difference!.value.estimate);
  const middle = mean(actual);
  const error = mean(
    told.map(({ forecast, difference }) => Math.abs(forecast! - difference!.value.estimate)),
  );
  const blind = mean(actual.map((value) => Math.abs(value - middle)));
  return `${rule} Forecasts from agreements miss weak − human by ${formatNumber(error, { digits: 3 })} on average on people they were not fitted on; the mean of all cells misses by ${formatNumber(blind, { digits: 3 })}.`;
}

/** People down, teachers across: weak minus human. */
const mapTable = (found: readonly Found[]): ReportTable => ({
  title: "The map: gold reward on weak labels minus that on people's",
  columns: [
    { title: "people side with gold on", format: "text" },
    ...TEACHERS.map(({ name }) => ({ title: name, signed: true })),
  ],
  rows: PEOPLE.map((people): TableCell[] => [
    peopleName(people),
    ...TEACHERS.map(
      ({ name }) =>
        found.find(({ place }) => place.people === people && place.teacher.name === name)?.difference
          ?.value ?? null,
    ),
  ]),
});

const cellTable = (found: readonly Forecast[]): ReportTable => ({
  title: "Cell by cell, with what agreements would have told",
  columns: [
    { title: "cell", format: "text" },
    { title: "people with gold", format: "percent" },
    { title: "teacher with gold", format: "percent" },
    { title: "two people", format: "percent" },
    { title: "teacher with people", format: "percent" },
    { title: "gap by agreements", format: "percent", signed: true },
    { title: "weak − human", signed: true },
    { title: "forecast", signed: true },
    { title: "verdict", format: "text" },
  ],
  rows: found.map(
    ({ place, peopleGold, teacherGold, two, teacher, gap, difference, forecast }): TableCell[] => [
      idOf(place),
      ...[peopleGold, teacherGold, two, teacher, gap],
      difference?.value ?? null,
      forecast,
      difference === undefined ? null : verdictOf(difference),
    ],
  ),
});

/** Cells by who sees gold how well; on the diagonal both see it alike. */
function mapFigure(found: readonly Found[]): ReportFigure {
  const paper = paperRegime();
  const there = (row: keyof typeof REGIME_ROWS) => paper.of(REGIME_ROWS[row])[0] / 100;
  const points = WORDS.map((word) => ({
    name: word === "cannot tell" ? word : `weak ${word}`,
    points: found.flatMap(({ difference, peopleGold: x, teacherGold: y }) =>
      difference && verdictOf(difference) === word && x !== null && y !== null ? [{ x, y }] : [],
    ),
  }));
  return {
    chart: {
      kind: "scatter",
      title: "Who sees gold how well, and whose labels make the better student",
      description: "One point a cell; on the line teacher and people side with gold equally often",
      xLabel: "people side with gold on",
      yLabel: "the teacher sides with gold on",
      diagonal: true,
      series: [
        ...points.filter((one) => one.points.length > 0),
        {
          name: "HH-RLHF in the paper (people's share assumed)",
          points: [{ x: there("peopleGold"), y: there("teacherGold") }],
        },
      ],
    },
  };
}
