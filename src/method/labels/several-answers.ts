/** What several people said of the same questions: where they differ, how far they agree, and one answer of each question by a rule. */

import { majorityOf } from "../data/people.ts";
import { type PeopleAgreement, peopleAgreement } from "../data/people-agreement.ts";
import type { AnswerGiven, AnswerRow, AnswersStanding } from "./answer-events.ts";
import type { Draw } from "./random-part.ts";

/**
 * What becomes of a pair that was answered two ways and that nobody has settled. `settle`: it waits, and nothing is made of the answers
 * before; `majority`: what more than half of those who answered said, where there is such an answer; `leave-out`: it is skipped. A pair
 * that was settled has the settled answer under each rule.
 */
export const DISPUTE_RULES = ["settle", "majority", "leave-out"] as const;
/** One of them. */
export type DisputeRule = (typeof DISPUTE_RULES)[number];

/** A question as it was asked. */
export type AskedOf = { readonly id: string; readonly drawn?: Draw | undefined };

/** One question and what people said of it; a skip is no word on it. */
export type SharedAnswer = AskedOf & {
  /** By person, in the people's order. */
  readonly said: ReadonlyMap<string, AnswerGiven>;
  /** Somebody skipped it. */
  readonly skipped: boolean;
  /** The latest word of whoever settled it, a skip included: then it is left out. */
  readonly settled?: AnswerGiven | undefined;
  readonly notes: readonly { readonly person: string; readonly text: string }[];
};

/** Brings the answers of all people together, a row for each question. @param settled - what stands of those who settle */
export function sharedAnswers(
  questions: readonly AskedOf[],
  people: ReadonlyMap<string, AnswersStanding>,
  settled: Iterable<AnswersStanding>,
): SharedAnswer[] {
  const last = new Map<string, AnswerGiven>();
  for (const { answers } of settled)
    for (const [id, given] of answers) if (!((last.get(id)?.at ?? "") > given.at)) last.set(id, given);
  return questions.map(({ id, drawn }) => {
    const said = new Map<string, AnswerGiven>();
    const notes: { person: string; text: string }[] = [];
    let skipped = false;
    for (const [person, standing] of people) {
      const given = standing.answers.get(id);
      if (given?.answer === "skip") skipped = true;
      else if (given !== undefined) said.set(person, given);
      const text = standing.notes.get(id);
      if (text !== undefined) notes.push({ person, text });
    }
    return { id, drawn, said, skipped, settled: last.get(id), notes };
  });
}

/** Whether people answered it in more than one way. */
export const isDisputed = ({ said }: SharedAnswer): boolean =>
  new Set([...said.values()].map(({ answer }) => answer)).size > 1;

/** One answer for each question. `open`: disputed pairs that wait to be settled, under the rule `settle`. */
export type RuledAnswers = {
  readonly rows: readonly AnswerRow[];
  readonly open: number;
  readonly settled: number;
  readonly byMajority: number;
  readonly leftOut: number;
};

/** Applies the rule. Under `settle` with open pairs the rows are not to be used: these stand in them as not answered. */
export function ruledAnswers(shared: readonly SharedAnswer[], rule: DisputeRule): RuledAnswers {
  const counts = { open: 0, settled: 0, byMajority: 0, leftOut: 0 };
  const rows = shared.map((one): AnswerRow => {
    const { id, drawn, said, settled } = one;
    const asked = { id, drawn };
    if (!isDisputed(one))
      return rowOf(asked, said.values().next().value?.answer ?? (one.skipped ? "skip" : ""), one);
    if (settled !== undefined) {
      counts.settled++;
      return rowOf(asked, settled.answer, { ...one, said: new Map([["", settled]]) });
    }
    if (rule === "settle") {
      counts.open++;
      return rowOf(asked, "", one);
    }
    const words = Object.fromEntries([...said].map(([person, { answer }]) => [person, answer]));
    const most = rule === "majority" ? majorityOf(words) : undefined;
    counts[most === undefined ? "leftOut" : "byMajority"]++;
    return rowOf(asked, most ?? "skip", one);
  });
  return { rows, ...counts };
}

/** What all who gave this answer said beside it; a strength or a "both bad" that only some gave is nobody's. */
function rowOf(asked: AskedOf, answer: AnswerRow["answer"], { said, notes }: SharedAnswer): AnswerRow {
  const given = [...said.values()].filter((each) => each.answer === answer);
  const [first] = given;
  const strength = given.every((each) => each.strength === first?.strength) ? first?.strength : undefined;
  const isBad = given.length > 0 && given.every((each) => each.both_bad === true);
  const texts = notes.map(({ person, text }) => (notes.length === 1 ? text : `${person}: ${text}`));
  return {
    ...{ id: asked.id, answer, drawn: asked.drawn, strength },
    both_bad: isBad || undefined,
    note: texts.length === 0 ? undefined : texts.join("\n"),
  };
}

/** How far people agree, with intervals by prompt; null where nobody has answered. @param promptOf - names the prompt of a pair */
export const sharedAgreement = (
  shared: readonly SharedAnswer[],
  promptOf: (id: string) => string,
): PeopleAgreement | null =>
  peopleAgreement(
    shared
      .filter(({ said }) => said.size > 0)
      .map(({ id, said }) => ({
        ...{ id, unit: promptOf(id), first: "a" },
        answers: Object.fromEntries([...said].map(([person, { answer }]) => [person, PLACES[answer]])),
      })),
    { seed: "answers of several people" },
  );

/** Answers as the agreement of people knows them; a skip is never among those that are counted. */
const PLACES = { a: "first", b: "second", tie: "tie", skip: "tie" } as const;
