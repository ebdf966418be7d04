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
  humanControl,
  lengthBiasedHumanControl,
  longerControl,
  randomControl,
  type Scores,
} from "./controls.ts";
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

type Choices = ReadonlyMap<string, HumanChoice>;

/** A control by its name, with what it needs; see `controls.ts`. Maps are by pair id. */
export type ControlSpec =
  | { readonly control: "random"; readonly seed: number }
  | { readonly control: "longer" }
  | { readonly control: "gold"; readonly rewards: ReadonlyMap<string, Scores> }
  | { readonly control: "human"; readonly choices: Choices }
  | { readonly control: "flipped"; readonly choices: Choices; readonly rate: number; readonly seed: number }
  | {
      readonly control: "length-biased";
      readonly choices: Choices;
      readonly rate: number;
      readonly seed: number;
    }
  | {
      readonly control: "annotators";
      readonly choices: Choices;
      readonly rates: readonly number[];
      readonly seed: number;
    };

/**
 * Opens a control; rewards and human choices stand in its manifest as digests, so that other choices are another teacher.
 * @throws ConfigError when a rate is out of range
 */
export function openControl(spec: ControlSpec): Teacher {
  const settings = Object.entries(spec).map(([name, value]: [string, unknown]) =>
    value instanceof Map
      ? [name, digestOf([...value].sort(([x], [y]) => (x < y ? -1 : x > y ? 1 : 0)))]
      : [name, value],
  );
  return controlTeacher(spec.control, scorerOf(spec), Object.fromEntries(settings));
}

function scorerOf(spec: ControlSpec): ControlScorer {
  switch (spec.control) {
    case "random":
      return randomControl(createRng(spec.seed));
    case "longer":
      return longerControl();
    case "gold":
      return goldControl(spec.rewards);
    case "human":
      return humanControl(spec.choices);
    case "flipped":
      return flippedHumanControl(spec.choices, spec.rate, createRng(spec.seed));
    case "length-biased":
      return lengthBiasedHumanControl(spec.choices, spec.rate, createRng(spec.seed));
    case "annotators":
      return annotatorControl(spec.choices, spec.rates, createRng(spec.seed));
    default:
      return spec satisfies never;
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
