/**
 * Turns judged pairs into candidate pairs whose order says nothing, and what people said into records of its own.
 * The two are kept in different folders; labelling code reads the pool only (`pool.ts`).
 */
import { createRng } from "../../base/core/rng.ts";
import type { ParsedPair } from "./adapters/adapter.ts";
import { type CandidatePair, type HumanLabel, isTie, type PairMeta, type PreferenceRow } from "./rows.ts";

/** A pair whose order may tell something, as data holds it. */
type OrderedPair = Pick<ParsedPair, "prompt" | "first" | "second" | "preferred"> & {
  readonly id: string;
  readonly meta?: PairMeta;
};

/** Candidate pairs, and in the same order what people said of them. */
export type Candidates = {
  readonly pairs: readonly CandidatePair[];
  readonly humanLabels: readonly HumanLabel[];
};

/**
 * Draws which response comes first, for each row by its id and the seed alone. Ties become the human label `tie`.
 * Of `meta` only group, subset and why people were asked go along: scores would tell what was chosen.
 */
export function toCandidates(rows: readonly PreferenceRow[], seed: number | string): Candidates {
  const drawn = rows.map((row) => {
    const { group, subset, asked } = row.meta ?? {};
    const meta = {
      ...(group === undefined ? {} : { group }),
      ...(subset === undefined ? {} : { subset }),
      ...(asked === undefined ? {} : { asked }),
    };
    const ordered: OrderedPair = {
      id: row.id,
      prompt: row.prompt,
      first: row.chosen,
      second: row.rejected,
      preferred: isTie(row) ? "tie" : "first",
      ...(Object.keys(meta).length === 0 ? {} : { meta }),
    };
    return drawOrder(ordered, seed);
  });
  return { pairs: drawn.map(({ pair }) => pair), humanLabels: drawn.flatMap(({ human }) => human ?? []) };
}

/** One pair with its order drawn; a pair that nobody judged keeps its order and has no human label. */
export function drawOrder(
  { id, prompt, first, second, preferred, meta }: OrderedPair,
  seed: number | string,
): { pair: CandidatePair; human: HumanLabel | undefined } {
  const extra = meta === undefined ? {} : { meta };
  if (preferred === "none") return { pair: { id, prompt, a: first, b: second, ...extra }, human: undefined };
  const swap = createRng(seed).fork("order", id).next() < 0.5;
  const pair = { id, prompt, a: swap ? second : first, b: swap ? first : second, ...extra };
  const firstIs = swap ? "b" : "a";
  const secondIs = swap ? "a" : "b";
  return {
    pair,
    human: { id, preferred: preferred === "tie" ? "tie" : preferred === "first" ? firstIs : secondIs },
  };
}
