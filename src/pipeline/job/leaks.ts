/** Keeps the parts of a job's data apart: what another part has the prompt or the dialogue of is left out, or not asked twice. */
import { createRng } from "../../base/core/rng.ts";
import { unitOf } from "../../method/data/normalise.ts";
import { type CandidatePair, type PreferenceRow, promptId, type Text } from "../../method/data/rows.ts";
import { withoutDialogues } from "../../method/split/dialogues.ts";
import { findLeakage } from "../../method/split/validate.ts";

type Row = PreferenceRow | CandidatePair;

/** A pair as a row, for counts and comparisons that do not ask which response was preferred. */
export function asRow(row: Row): PreferenceRow {
  return "chosen" in row ? row : { id: row.id, prompt: row.prompt, chosen: row.a, rejected: row.b };
}

/** Rows that share no prompt, nearly the same prompt, or dialogue with `taken`: the others are left out, not trained around. */
export function withoutLeaks<One extends Row>(
  rows: readonly One[],
  taken: readonly Row[],
): { kept: readonly One[]; samePrompt: number; sameDialogue: number } {
  const { samePrompt, nearPrompt } = findLeakage(rows.map(asRow), taken.map(asRow));
  const leaked = new Set([...samePrompt.a, ...nearPrompt.a]);
  const others = rows.filter(({ id }) => !leaked.has(id));
  const { kept, left } = withoutDialogues(others, taken);
  return { kept, samePrompt: leaked.size, sameDialogue: left };
}

/** Each prompt once, in the order of the rows; conversations stay conversations, for the student is to read them as it learnt them. */
export function differentPrompts(rows: readonly { readonly prompt: Text }[]): Text[] {
  return [...new Map(rows.map(({ prompt }) => [promptId(prompt), prompt])).values()];
}

/**
 * Test prompts to generate on, one of each dialogue, for those of one are not independent.
 * @param sample - draw them, since the order of a file may mean something; rows that were split off are in random order
 */
export function promptsToAnswer(
  test: readonly PreferenceRow[],
  { sample, most, seed }: { readonly sample: boolean; readonly most: number; readonly seed: number },
): { prompts: Text[]; sameDialogue: number } {
  const units = new Set<string>();
  const firsts = test.filter((row) => !units.has(unitOf(row)) && units.add(unitOf(row)));
  const all = differentPrompts(firsts);
  const sameDialogue = differentPrompts(test).length - all.length;
  if (!sample || all.length <= most) return { prompts: all.slice(0, most), sameDialogue };
  const ids = new Map(all.map((prompt) => [promptId(prompt), prompt]));
  const drawn = createRng(seed)
    .fork("test-prompts")
    .shuffle([...ids.keys()].sort());
  return { prompts: drawn.slice(0, most).map((id) => ids.get(id)!), sameDialogue };
}
