/**
 * The part of the questions that is drawn at random, and which answers a calibrator may be fitted on.
 *
 * Pairs of a pool stand in one order, drawn by their ids alone. A round asks about the first of them that nobody has answered. Everything
 * answered up to the last pair that was so drawn is a random sample of the pool: pairs in there that had been asked about before because
 * they were useful are part of it, or it would lack just those.
 */
import { sha256 } from "../../base/core/digest.ts";
import { ASKED, type Asked } from "../data/rows.ts";
import { isBlocked } from "../teacher/teacher.ts";
import type { Label } from "./label.ts";

/** Why a pair was asked about: drawn at random, or because its answer is worth most. */
export const DRAWS = ASKED;
/** One of them. */
export type Draw = Asked;

/** The ids of pairs that a label can be made of, in the order in which they are drawn: not that of the file, and of nothing in them. */
export function drawingOrder(labels: readonly Pick<Label, "id" | "flags">[]): string[] {
  return labels
    .filter(({ flags }) => !isBlocked(flags))
    .map(({ id }) => ({ id, draw: sha256(`asked at random: ${id}`) }))
    .sort((x, y) => (x.draw < y.draw ? -1 : 1))
    .map(({ id }) => id);
}

/** The next pairs to ask about at random. @param answered - ids that people have answered, for whatever reason */
export function drawAtRandom(
  labels: readonly Pick<Label, "id" | "flags">[],
  answered: ReadonlySet<string>,
  count: number,
): string[] {
  return drawingOrder(labels)
    .filter((id) => !answered.has(id))
    .slice(0, count);
}

/** What of the answers is a random sample of the pool: ids, and pairs before the last of them that nobody has answered. */
export function randomSample(
  labels: readonly Pick<Label, "id" | "flags">[],
  answers: readonly { readonly id: string; readonly drawn?: Draw | undefined }[],
): { readonly ids: ReadonlySet<string>; readonly unanswered: number } {
  const answered = new Set(answers.map(({ id }) => id));
  const drawn = new Set(answers.flatMap(({ id, drawn }) => (drawn === "random" ? [id] : [])));
  const order = drawingOrder(labels);
  const until = order.slice(0, order.findLastIndex((id) => drawn.has(id)) + 1);
  const ids = new Set(until.filter((id) => answered.has(id)));
  return { ids, unanswered: until.length - ids.size };
}
