/** One person's answers: a book of events. */
import { type AnswerEvent, answerEventSchema } from "../../method/labels/answer-events.ts";
import { type EventBook, openEventBook, readEventBook } from "./event-book.ts";

/** A book of answers. */
export type AnswerBook = EventBook<AnswerEvent>;

const KIND = { schema: answerEventSchema, what: "answers" };

/** Opens a book of answers. @throws as `openEventBook` */
export const openAnswerBook = (path: string): Promise<AnswerBook> => openEventBook(path, KIND);

/** The events of a book of answers, without taking it. @throws as `readEventBook` */
export const readAnswerBook = (path: string): Promise<readonly AnswerEvent[]> => readEventBook(path, KIND);
