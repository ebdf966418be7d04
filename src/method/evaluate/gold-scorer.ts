/** What every gold scorer is. */
import type { Text } from "../data/rows.ts";

/** A response in its context. */
export type GoldItem = { readonly prompt: Text; readonly response: Text };

/** Scores responses; higher is better. */
export interface GoldScorer {
  /** Names the scorer in records, tables and errors. */
  readonly name: string;
  /** SHA-256 of all that its scores depend on. */
  readonly digest: string;
  /** Of datasets that the scorer was itself trained on: on these it is no independent judge. */
  readonly trainedOn: readonly string[];
  /** One finite score per item, in their order. @throws NumericsError when a score is not a finite number */
  score(items: readonly GoldItem[]): Promise<number[]>;
  /** Frees what the scorer holds. */
  close(): Promise<void>;
}
