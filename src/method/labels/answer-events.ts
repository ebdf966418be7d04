/**
 * What people do while they answer, as events that are only ever added: an answer, an undo, a flag, a note. What stands is a fold over them;
 * nothing is taken back by changing what was written.
 */
import { z } from "zod";
import type { AnswerExtras } from "./questions.ts";
import type { Draw } from "./random-part.ts";

const uuid = z.uuid();
const at = z.iso.datetime();
const id = z.string().min(1).max(10_000);

/** One event. `uuid` is drawn by whoever sends it: sent twice, it is kept once. `at`: when the server took it. */
export const answerEventSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("answer"),
    ...{ uuid, at, id },
    answer: z.enum(["a", "b", "tie", "skip"]),
    strength: z.union([z.literal(1), z.literal(2)]).optional(),
    both_bad: z.literal(true).optional(),
    /** Which response stood left: `ab` or `ba`. */
    order: z.enum(["ab", "ba"]),
    /** The pair had been answered before and came again, swapped. */
    repeat: z.boolean(),
    /** From the pair's showing to the key, milliseconds. */
    ms: z.number().min(0),
  }),
  z.strictObject({ kind: z.literal("undo"), uuid, at, of: uuid }),
  z.strictObject({ kind: z.literal("flag"), ...{ uuid, at, id }, on: z.boolean() }),
  z.strictObject({ kind: z.literal("note"), ...{ uuid, at, id }, text: z.string().max(10_000) }),
]);

/** One event. */
export type AnswerEvent = z.infer<typeof answerEventSchema>;
/** The event of an answer. */
export type AnswerGiven = Extract<AnswerEvent, { kind: "answer" }>;

/** What stands after all events. */
export type AnswersStanding = {
  /** The last answer of each pair that was not undone. */
  readonly answers: ReadonlyMap<string, AnswerGiven>;
  /** The same of pairs that came again. */
  readonly repeats: ReadonlyMap<string, AnswerGiven>;
  readonly flagged: ReadonlySet<string>;
  readonly notes: ReadonlyMap<string, string>;
  /** Answers that were not undone, in the order they were given: undo takes the last. */
  readonly history: readonly AnswerGiven[];
};

/** Folds events, in their order, into what stands. A uuid that comes again changes nothing. */
export function standingAnswers(events: Iterable<AnswerEvent>): AnswersStanding {
  const given = new Map<string, AnswerGiven>();
  const flagged = new Set<string>();
  const notes = new Map<string, string>();
  const seen = new Set<string>();
  for (const event of events) {
    if (seen.has(event.uuid)) continue;
    seen.add(event.uuid);
    if (event.kind === "answer") given.set(event.uuid, event);
    else if (event.kind === "undo") given.delete(event.of);
    else if (event.kind === "flag") event.on ? flagged.add(event.id) : flagged.delete(event.id);
    else if (event.text.trim() === "") notes.delete(event.id);
    else notes.set(event.id, event.text.trim());
  }
  const history = [...given.values()];
  const latest = (repeat: boolean) =>
    new Map(history.filter((event) => event.repeat === repeat).map((event) => [event.id, event]));
  return { answers: latest(false), repeats: latest(true), flagged, notes, history };
}

/** A question as an answers file has it: `answer` is empty where nobody has answered. */
export type AnswerRow = {
  readonly id: string;
  readonly answer: AnswerGiven["answer"] | "";
  readonly drawn?: Draw | undefined;
  readonly strength?: AnswerExtras["strength"];
  readonly both_bad?: true | undefined;
  readonly note?: string | undefined;
};

/** The answers file of what stands: every question once, in the order in which they were asked. */
export function answerRows(
  questions: readonly { readonly id: string; readonly drawn?: Draw | undefined }[],
  { answers, notes }: Pick<AnswersStanding, "answers" | "notes">,
): AnswerRow[] {
  return questions.map(({ id, drawn }) => {
    const { answer = "", strength, both_bad } = answers.get(id) ?? {};
    const note = notes.get(id);
    return { id, answer, drawn, strength, both_bad, note };
  });
}
