/** One person answering one folder of questions: what is shown, what is taken, what stands. */
import type { Interval } from "../../base/stats/check.ts";
import {
  type AnswerEvent,
  type AnswersStanding,
  answerRows,
  standingAnswers,
} from "../../method/labels/answer-events.ts";
import { answerFigures } from "../../method/labels/answer-figures.ts";
import { orderFor, type Showing } from "../../method/labels/answer-plan.ts";
import { type AnswerBook, openAnswerBook } from "../../pipeline/label/answer-book.ts";
import { Problem } from "../serve/problem.ts";
import type { AskState, PageEvent, PairShown, Ranges, Share } from "./protocol.ts";
import { type AskedQuestion, readQuestions, shownText } from "./questions.ts";

/** A desk. What it gives before an answer holds nothing of any teacher. */
export interface Desk {
  state(): Promise<AskState>;
  /** Showings from a place on that still need an answer, and that of `from` whatever it needs. */
  pairs(from: number, count: number): PairShown[];
  /** Writes events down. @returns the uuids, once they are on the disk @throws Problem 400 for what no page sends; AlignError when they cannot be written */
  take(events: readonly PageEvent[]): Promise<readonly string[]>;
  /** What stands, for the answers file. */
  rows(): ReturnType<typeof answerRows>;
  figures(): DeskFigures;
  close(): Promise<void>;
}

/** Counts and shares of a person's own answers. */
export type DeskFigures = {
  readonly answered: Record<"a" | "b" | "tie" | "skip", number>;
  readonly flagged: number;
  readonly repeats: number;
  readonly selfAgreement: Share | null;
  readonly left: Share | null;
};

/** Answers that undo can reach without asking again. */
const HISTORY = 200;

/** What a person is asked, and where their events are kept. */
export type DeskWork = {
  readonly file: string;
  /** The showings. A place means the same showing for ever: events name places, and may wait in a browser for days. */
  readonly plan: readonly Showing[];
  /** The ids that this person is asked about as things are; undefined for all of the plan. */
  readonly wanted?: (() => Promise<ReadonlySet<string>>) | undefined;
};

/** A desk to be opened. */
export type DeskPlace = { readonly folder: string; readonly name: string; readonly person: string };

/**
 * @param workOf - of the questions, what is this person's
 * @throws DataError when questions or events are broken
 */
export async function openDesk(
  { folder, name, person }: DeskPlace,
  workOf: (questions: readonly AskedQuestion[]) => Promise<DeskWork>,
): Promise<Desk> {
  const { questions, guidelines } = await readQuestions(folder);
  const byId = new Map(questions.map((question) => [question.id, question]));
  const { file, plan, wanted: wantedNow } = await workOf(questions);
  const places = new Map(plan.map((showing, place) => [nameOf(showing), place]));
  let wanted = await wantedNow?.();
  let book: AnswerBook = await openAnswerBook(file);
  let standing = standingAnswers(book.events);
  const reopen = async () => {
    await book.close();
    book = await openAnswerBook(file);
    standing = standingAnswers(book.events);
  };
  const showing = (place: number): Showing => {
    const found = plan[place];
    if (found === undefined) throw new Problem(400, `place: expected 0 to ${plan.length - 1}, got ${place}.`);
    return found;
  };
  const isAside = (shown: Showing) =>
    wanted !== undefined && !wanted.has(shown.id) && !needsNothing(standing, shown);
  const isDone = (shown: Showing) => isAside(shown) || needsNothing(standing, shown);
  const pairAt = (place: number): PairShown => {
    const shown = showing(place);
    const [left, right] = sidesOf(byId.get(shown.id)!, orderFor(person, shown));
    return {
      ...{ place, prompt: shownText(byId.get(shown.id)!.prompt), left, right },
      flagged: standing.flagged.has(shown.id),
      note: standing.notes.get(shown.id) ?? "",
    };
  };
  return {
    async state() {
      // Whoever wrote may be gone by now.
      if (book.readOnly !== undefined) await reopen();
      wanted = await wantedNow?.();
      const history = standing.history
        .slice(-HISTORY)
        .flatMap(({ uuid, id, repeat }) => ({ uuid, place: places.get(nameOf({ id, repeat })) ?? -1 }))
        .filter(({ place }) => place >= 0);
      const done = rangesOf(plan.map(isDone));
      const aside = plan.filter(isAside).length;
      const readOnly = book.readOnly ?? null;
      return { name, person, total: plan.length, aside, done, history, readOnly, guidelines };
    },
    pairs(from, count) {
      const open = [...plan.keys()].filter((place) => place > from && !isDone(plan[place]!));
      return [...(plan[from] === undefined ? [] : [from]), ...open].slice(0, count).map(pairAt);
    },
    async take(events) {
      await book.append(events.map((event) => written(event, person, showing)));
      standing = standingAnswers(book.events);
      return events.map(({ uuid }) => uuid);
    },
    rows: () => answerRows(questions, standing),
    figures: () => figuresOf(standing, (id) => JSON.stringify(byId.get(id)?.prompt ?? id)),
    close: () => book.close(),
  };
}

const nameOf = ({ id, repeat }: Showing) => `${repeat ? "again" : "first"} ${id}`;

const sidesOf = ({ response_a, response_b }: AskedQuestion, order: "ab" | "ba") =>
  (order === "ab" ? [response_a, response_b] : [response_b, response_a]).map(shownText) as [
    ReturnType<typeof shownText>,
    ReturnType<typeof shownText>,
  ];

/** A pair that was skipped does not come again. */
const needsNothing = ({ answers, repeats }: AnswersStanding, { id, repeat }: Showing): boolean =>
  repeat ? repeats.has(id) || answers.get(id)?.answer === "skip" : answers.has(id);

function written(event: PageEvent, person: string, showing: (place: number) => Showing): AnswerEvent {
  const at = new Date().toISOString();
  if (event.kind === "undo") return { ...event, at };
  const { place, ...rest } = event;
  const shown = showing(place);
  if (rest.kind !== "answer") return { ...rest, at, id: shown.id };
  const { choice, ...others } = rest;
  const order = orderFor(person, shown);
  return { ...others, at, id: shown.id, answer: sideOf(choice, order), order, repeat: shown.repeat };
}

function sideOf(choice: Extract<PageEvent, { kind: "answer" }>["choice"], order: "ab" | "ba") {
  if (choice !== "left" && choice !== "right") return choice;
  return (choice === "left") === (order === "ab") ? "a" : "b";
}

/** Which places are done, as ranges. */
export function rangesOf(done: readonly boolean[]): Ranges {
  const ranges: [number, number][] = [];
  done.forEach((isDone, place) => {
    const last = ranges.at(-1);
    if (isDone && last?.[1] === place - 1) last[1] = place;
    else if (isDone) ranges.push([place, place]);
  });
  return ranges;
}

function figuresOf(standing: AnswersStanding, promptOf: (id: string) => string): DeskFigures {
  const answered = { a: 0, b: 0, tie: 0, skip: 0 };
  for (const { answer } of standing.answers.values()) answered[answer]++;
  const { selfAgreement, left } = answerFigures(standing, promptOf);
  const { flagged, repeats } = standing;
  return {
    ...{ answered, flagged: flagged.size, repeats: repeats.size },
    ...{ selfAgreement: shownShare(selfAgreement), left: shownShare(left) },
  };
}

/** An interval as the page gets it. */
export const shownShare = (interval: Interval | null): Share | null =>
  interval && { estimate: interval.estimate, low: interval.low, high: interval.high, n: interval.n };
