/** Controls (`controls.ts`) as teachers: they go through the same shards, labels and selection as a model does. */
import { type CandidatePair, isEmptyText, plainText, sameText } from "../data/rows.ts";
import type { ControlScorer } from "./controls.ts";
import type { PairScore, Teacher } from "./teacher.ts";

/** Which control, and what its scores depend on beside the pair: seed, rates, digest of the human labels or gold rewards. */
export type ControlSettings = {
  readonly control: "random" | "longer" | "gold" | "human" | "flipped" | "length-biased" | "annotators";
  readonly [setting: string]: unknown;
};

/**
 * Makes a teacher of a control. Lengths are code points; empty and identical candidates are flagged as they are by a model.
 * @param settings - goes into the manifest, so that other settings are another teacher: name everything `score` depends on
 */
export function controlTeacher(name: string, score: ControlScorer, settings: ControlSettings): Teacher {
  return {
    name,
    manifest: { kind: "control", code: "1", lengthUnit: "characters", settings },
    scorePairs: async (pairs) => pairs.map((pair) => scored(pair, score)),
    close: async () => {},
  };
}

function scored(pair: CandidatePair, score: ControlScorer): PairScore {
  const [a, b] = [plainText(pair.a), plainText(pair.b)];
  return {
    id: pair.id,
    ...score({ id: pair.id, a, b }),
    lengthA: [...a].length,
    lengthB: [...b].length,
    tokens: 0,
    flags: textFlags(pair),
  };
}

/** What can be said against a pair without a tokenizer: `empty`, `identical`. */
export function textFlags({ a, b }: CandidatePair): string[] {
  return [...(isEmptyText(a) || isEmptyText(b) ? ["empty"] : []), ...(sameText(a, b) ? ["identical"] : [])];
}
