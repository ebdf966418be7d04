/**
 * In which order a person sees questions, which response stands left, and which pairs come again: functions of the person's name and the ids
 * alone, so that a restart changes nothing and nobody has to keep it.
 */
import { sha256 } from "../../base/core/digest.ts";

/** One showing of a pair. */
export type Showing = { readonly id: string; readonly repeat: boolean };

/** Of so many pairs in a row one comes again, after at least as many others. */
export const REPEAT_EVERY = 20;

/** Which response stands left: drawn by person and pair, and the other way when the pair comes again. */
export function orderFor(person: string, { id, repeat }: Showing): "ab" | "ba" {
  const drawn = Number.parseInt(sha256(`left and right: ${person}\n${id}`).slice(0, 2), 16) % 2 === 0;
  return drawn !== repeat ? "ab" : "ba";
}

/**
 * All showings for one person: the questions in their order, and one drawn pair of each `REPEAT_EVERY` again once as many others have come
 * after its block. Pairs of the last blocks, which no so many follow, do not come again.
 */
export function planFor(person: string, ids: readonly string[]): Showing[] {
  const plan: Showing[] = [];
  for (let start = 0; start < ids.length; start += REPEAT_EVERY) {
    const block = ids.slice(start, start + REPEAT_EVERY);
    plan.push(...block.map((id) => ({ id, repeat: false })));
    const before = ids.slice(Math.max(0, start - REPEAT_EVERY), start);
    if (block.length < REPEAT_EVERY || before.length < REPEAT_EVERY) continue;
    plan.push({ id: drawnOf(person, before), repeat: true });
  }
  return plan;
}

const drawnOf = (person: string, ids: readonly string[]): string =>
  ids
    .map((id) => ({ id, draw: sha256(`comes again: ${person}\n${id}`) }))
    .reduce((first, other) => (other.draw < first.draw ? other : first)).id;
