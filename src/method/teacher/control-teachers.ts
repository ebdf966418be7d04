/** Controls (`controls.ts`) as teachers: they go through the same shards, labels and selection as a model does. */
import { digestOf } from "../../base/core/digest.ts";
import { createRng } from "../../base/core/rng.ts";
import { type CandidatePair, isEmptyText, plainText, sameText } from "../data/rows.ts";
import {
  annotatorControl,
  type ControlScorer,
  flippedHumanControl,
  goldControl,
  type HumanChoice,
  lengthBiasedHumanControl,
  longerControl,
  randomControl,
  type Scores,
} from "./controls.ts";
import type { HumanNoise } from "./given-teachers.ts";
import type { PairScore, Teacher } from "./teacher.ts";

/** Which control, and what its scores depend on beside the pair: seed, rates, digest of the human labels or gold rewards. */
export type ControlSettings = {
  readonly control: ControlSpec["kind"];
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

/** A control with what it needs; see `controls.ts`. Maps are by pair id. */
export type ControlSpec =
  | { readonly kind: "random"; readonly seed: number }
  | { readonly kind: "longer" }
  | { readonly kind: "gold"; readonly rewards: ReadonlyMap<string, Scores> }
  | {
      readonly kind: "noisy-human";
      readonly seed: number;
      readonly noise: HumanNoise;
      readonly choices: ReadonlyMap<string, HumanChoice>;
    };

/**
 * Opens a control; rewards and human choices stand in its manifest as digests, so that other choices are another teacher.
 * @throws ConfigError when a rate is out of range
 */
export function openControl(spec: ControlSpec): Teacher {
  const { kind: control, ...rest } = spec;
  const settings = Object.entries(rest).map(([name, value]: [string, unknown]) =>
    value instanceof Map
      ? [name, digestOf([...value].sort(([x], [y]) => (x < y ? -1 : x > y ? 1 : 0)))]
      : [name, value],
  );
  return controlTeacher(control, scorerOf(spec), { control, ...Object.fromEntries(settings) });
}

function scorerOf(spec: ControlSpec): ControlScorer {
  switch (spec.kind) {
    case "random":
      return randomControl(createRng(spec.seed));
    case "longer":
      return longerControl();
    case "gold":
      return goldControl(spec.rewards);
    case "noisy-human":
      return noisyHuman(spec);
    default:
      return spec satisfies never;
  }
}

function noisyHuman({ noise, choices, seed }: Extract<ControlSpec, { kind: "noisy-human" }>): ControlScorer {
  const rng = createRng(seed);
  switch (noise.kind) {
    case "flip":
      return flippedHumanControl(choices, noise.rate, rng);
    case "length-biased":
      return lengthBiasedHumanControl(choices, noise.rate, rng);
    case "annotator":
      return annotatorControl(choices, noise.rates, rng);
    default:
      return noise satisfies never;
  }
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
