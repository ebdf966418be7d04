/** One person going through the suspects of one audit: what is shown before a judgement, what after, what is taken, what stands. */
import { orderFor } from "../../../method/labels/answer-plan.ts";
import {
  type PairJudged,
  type ReviewEvent,
  reviewFigures,
  standingReviews,
} from "../../../method/labels/audit-reviews.ts";
import {
  openReviewBook,
  type SuspectToReview,
  suspectsToReview,
  writeCorrected,
  writeReviews,
} from "../../../pipeline/label/audit/review.ts";
import { Problem } from "../../serve/problem.ts";
import { rangesOf, shownShare } from "../desk.ts";
import { shownText } from "../questions.ts";
import type { AuditEvent, AuditFound, AuditState, Corrected, Revealed, SuspectPair } from "./protocol.ts";

/** A desk. Before a pair is judged, nothing that it gives tells which response the label prefers. */
export interface AuditDesk {
  state(): Promise<AuditState>;
  /** The pair at a place, and those after it of which something is to be done. */
  pairs(from: number, count: number): SuspectPair[];
  /** @throws Problem 409 for a pair that this person has not judged */
  reveal(place: number): Revealed;
  /** Writes events down. @returns the uuids, once they are on the disk @throws Problem 400 for what no page sends, 409 for a decision before a judgement */
  take(events: readonly AuditEvent[]): Promise<readonly string[]>;
  /** What was found so far; writes the reviews' file. */
  found(): Promise<AuditFound>;
  /** Writes the corrected copy. */
  correct(): Promise<Corrected>;
  close(): Promise<void>;
}

/** Events that undo can reach without asking again. */
const HISTORY = 200;

/** @throws DataError when suspects or events are broken */
export async function openAuditDesk(folder: string, name: string, person: string): Promise<AuditDesk> {
  const suspects = await suspectsToReview(folder);
  const places = new Map(suspects.map(({ id }, place) => [id, place]));
  let book = await openReviewBook(folder, person);
  let standing = standingReviews(book.events);
  const suspectAt = (place: number): SuspectToReview => {
    const found = suspects[place];
    if (found === undefined)
      throw new Problem(400, `place: expected 0 to ${suspects.length - 1}, got ${place}.`);
    return found;
  };
  const leftOf = ({ id }: SuspectToReview) =>
    orderFor(person, { id, repeat: false }) === "ab" ? "chosen" : "rejected";
  const pairAt = (place: number): SuspectPair => {
    const suspect = suspectAt(place);
    const { prompt, chosen, rejected } = suspect.texts;
    const [left, right] = leftOf(suspect) === "chosen" ? [chosen, rejected] : [rejected, chosen];
    return { place, prompt: shownText(prompt), left: shownText(left), right: shownText(right) };
  };
  const written = (event: AuditEvent, judged: ReadonlySet<string>): ReviewEvent => {
    const at = new Date().toISOString();
    if (event.kind === "undo") return { ...event, at };
    const { place, ...rest } = event;
    const suspect = suspectAt(place);
    if (rest.kind === "decided") {
      if (!judged.has(suspect.id)) throw notJudged(place);
      return { ...rest, at, id: suspect.id };
    }
    const left = leftOf(suspect);
    const { choice, ...others } = rest;
    return { ...others, at, id: suspect.id, judged: saidOf(choice, left), left };
  };
  return {
    async state() {
      // Whoever wrote may be gone by now.
      if (book.readOnly !== undefined) {
        await book.close();
        book = await openReviewBook(folder, person);
        standing = standingReviews(book.events);
      }
      const { judged, decided, history } = standing;
      return {
        ...{ name, person, total: suspects.length, readOnly: book.readOnly ?? null },
        judged: rangesOf(suspects.map(({ id }) => judged.has(id))),
        done: rangesOf(suspects.map(({ id }) => decided.has(id))),
        history: history
          .slice(-HISTORY)
          .flatMap(({ uuid, id, kind }) => (places.has(id) ? [{ uuid, kind, place: places.get(id)! }] : [])),
      };
    },
    pairs(from, count) {
      const open = [...suspects.keys()].filter(
        (place) => place > from && !standing.decided.has(suspects[place]!.id),
      );
      return [...(suspects[from] === undefined ? [] : [from]), ...open].slice(0, count).map(pairAt);
    },
    reveal(place) {
      const suspect = suspectAt(place);
      const judgement = standing.judged.get(suspect.id);
      if (judgement === undefined) throw notJudged(place);
      const { probabilityWrong, file, line, planted } = suspect;
      const label = leftOf(suspect) === "chosen" ? "left" : "right";
      return { place, label, judged: sideOf(judgement, label), probabilityWrong, file, line, planted };
    },
    async take(events) {
      // A judgement and its decision may come in one outbox.
      const judged = new Set(standing.judged.keys());
      const lines = events.map((event) => {
        const line = written(event, judged);
        if (line.kind === "judged") judged.add(line.id);
        return line;
      });
      await book.append(lines);
      standing = standingReviews(book.events);
      return events.map(({ uuid }) => uuid);
    },
    async found() {
      const { decided, precisionAt, blindAgainst, plantedFound } = reviewFigures(suspects, standing);
      return {
        decided,
        precisionAt: precisionAt.map(({ k, precision, expected }) => ({
          ...{ k, expected },
          precision: shownShare(precision),
        })),
        blindAgainst: shownShare(blindAgainst),
        plantedFound: shownShare(plantedFound),
        file: await writeReviews(folder, person, suspects, standing),
      };
    },
    async correct() {
      const { file, rows, flipped, ties, dropped } = await writeCorrected(folder, person, standing);
      return {
        file,
        text: `${rows} pairs, ${flipped} of them flipped; left out: ${ties} ties, ${dropped} dropped. The source is as it was.`,
      };
    },
    close: () => book.close(),
  };
}

const notJudged = (place: number) =>
  new Problem(409, `place: ${place} was not judged; its label is shown, and decided on, after that.`);

type Side = "chosen" | "rejected";

function saidOf(choice: "left" | "right" | "tie", left: Side): PairJudged["judged"] {
  if (choice === "tie") return choice;
  return (choice === "left") === (left === "chosen") ? "chosen" : "rejected";
}

function sideOf({ judged }: PairJudged, label: "left" | "right"): Revealed["judged"] {
  if (judged === "tie") return judged;
  return judged === "chosen" ? label : label === "left" ? "right" : "left";
}
