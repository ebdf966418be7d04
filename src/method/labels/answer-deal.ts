/**
 * Which questions go to whom when several people answer: a share goes to all of them, to see how far they agree; each of the others goes to
 * one. A function of names and ids alone. Another person in the list takes questions from all others and moves no other question.
 */
import { sha256 } from "../../base/core/digest.ts";

/** Who answers. `overlap`: the share of questions that all people get, in [0, 1]; at 1 everybody gets everything. */
export type Deal = { readonly people: readonly string[]; readonly overlap: number };

/** The questions of one person, in their order: all of them for somebody whom the deal does not name. */
export function dealtTo(person: string, { people, overlap }: Deal, ids: readonly string[]): string[] {
  if (!people.includes(person)) return [...ids];
  const drawn = ids
    .map((id) => ({ id, draw: sha256(`for all: ${id}`) }))
    .sort((x, y) => (x.draw < y.draw ? -1 : 1))
    .map(({ id }) => id);
  const forAll = new Set(drawn.slice(0, Math.round(overlap * ids.length)));
  return ids.filter((id) => forAll.has(id) || ownerOf(id, people) === person);
}

/** Whoever draws the highest for this question. */
const ownerOf = (id: string, people: readonly string[]): string | undefined =>
  people
    .map((person) => ({ person, draw: sha256(`dealt: ${person}\n${id}`) }))
    .reduce((most, other) => (other.draw > most.draw ? other : most)).person;
