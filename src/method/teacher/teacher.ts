/**
 * What every teacher is: something that gives two scores to a pair of candidates. Scores are kept raw; thresholds, calibration,
 * weights and length corrections are computed from them later and never score anything again.
 */
import { digestOf } from "../../base/core/digest.ts";
import type { PairFlag, TokenLimits } from "../../engine/text/pair.ts";
import type { CandidatePair } from "../data/rows.ts";

/** Raw scores of one pair, as they are stored. */
export type PairScore = {
  readonly id: string;
  /** In the teacher's own unit (see its manifest); NaN when the teacher gave no usable answer. */
  readonly scoreA: number;
  readonly scoreB: number;
  /** Length of each candidate in the manifest's `lengthUnit`, after truncation. */
  readonly lengthA: number;
  readonly lengthB: number;
  /** Tokens that one pass over the pair reads, the prompt counted once; 0 for teachers that read none. */
  readonly tokens: number;
  /** Lower-case words with dashes, sorted, each once; see `BLOCKING_FLAGS` for those that forbid a label. */
  readonly flags: readonly string[];
  /** What the scores were made of, for a and b: `policy` and `reference` log-probabilities (nats), a judge's two orders. */
  readonly parts?: Readonly<Record<string, readonly [number, number]>>;
};

/** Flags that make a pair's scores no evidence: such a pair is always `abstain` (architecture.md, section 7). */
export const BLOCKING_FLAGS = ["truncated", "empty", "identical", "non-finite"] as const;

/** True when a flag forbids a label. */
export function isBlocked(flags: readonly string[]): boolean {
  return flags.some((flag) => (BLOCKING_FLAGS as readonly string[]).includes(flag));
}

/** Every kind of teacher there is. */
export const TEACHER_KINDS = [
  "implicit-reward",
  "likelihood",
  "reward-head",
  "judge-local",
  "judge-chat",
  "remote",
  "control",
  "ensemble",
  "cascade",
] as const;

/** What a teacher is. Everything its scores depend on is in here, as digests or values; paths and keys are not. */
export type TeacherManifest = {
  readonly kind: (typeof TEACHER_KINDS)[number];
  /** Version of the code that scores; raised whenever scores change. */
  readonly code: string;
  readonly lengthUnit: "tokens" | "characters";
  /** SHA-256 of the model that scores, and of the reference it is compared with. */
  readonly policy?: string | undefined;
  readonly reference?: string | undefined;
  /** SHA-256 of the tokenizer and of the chat template; a model without a template has null. */
  readonly tokenizer?: string;
  readonly template?: string | null;
  readonly limits?: TokenLimits;
  /** Factor on the log-ratio, above 0. */
  readonly beta?: number | undefined;
  /** What only this kind has: a judge's prompt, a control's seed. */
  readonly settings?: Readonly<Record<string, unknown>>;
};

/** A labeller of pairs. */
export interface Teacher {
  /** For people and for `label_source`. */
  readonly name: string;
  readonly manifest: TeacherManifest;
  /**
   * Scores pairs, one result per pair in their order. A pair's scores depend on the pair alone, and swapping its candidates
   * swaps them.
   * @throws NumericsError when a model's score is not finite
   */
  scorePairs(pairs: readonly CandidatePair[], signal?: AbortSignal): Promise<PairScore[]>;
  /** Of teachers that are paid for: `heard` is told, after every reply, what was spent since it was opened, in a few words. */
  watchSpending?(heard: (words: string) => void): void;
  /** Frees what the teacher holds. */
  close(): Promise<void>;
}

/** SHA-256 of a manifest: equal digests give equal scores. */
export function teacherDigest(manifest: TeacherManifest): string {
  return digestOf(manifest);
}

/**
 * A pair's flags in the words of labels: which of the two candidates is empty or truncated makes no difference to a label.
 */
export function labelFlags(flags: readonly PairFlag[]): string[] {
  return [...new Set(flags.map((flag) => PLAIN[flag]))].sort();
}

const PLAIN: Readonly<Record<PairFlag, string>> = {
  repaired_boundary: "repaired-boundary",
  truncated_prompt: "truncated-prompt",
  truncated_a: "truncated",
  truncated_b: "truncated",
  truncated_response: "truncated",
  empty_a: "empty",
  empty_b: "empty",
  empty_response: "empty",
  identical: "identical",
  empty_prompt: "empty-prompt",
  inner_special: "inner-special",
  dropped_text: "dropped-text",
};
