/** Rows over the length limit, left out of the data before it is split, as papers do: nobody's prompt or response is cut then. */

import { encodePair, type TokenLimits } from "../../engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import type { CandidatePair, PreferenceRow } from "../../method/data/rows.ts";
import type { ModelFolderRef } from "./model-stages.ts";

/** Whose tokens count, and the limits; a row that one of the models would cut goes. */
export type LengthRule = { readonly models: readonly ModelFolderRef[]; readonly limits: TokenLimits };

/** Takes rows away and counts them. */
export type LengthFilter = {
  keep<Row extends PreferenceRow | CandidatePair>(rows: readonly Row[]): readonly Row[];
  readonly left: number;
};

/** A filter by a rule; without one it keeps every row. */
export async function openLengthFilter(rule: LengthRule | undefined): Promise<LengthFilter> {
  if (rule === undefined) return { keep: (rows) => rows, left: 0 };
  const tokenizers = new Map<string, Tokenizer>();
  for (const { folder } of rule.models) {
    const tokenizer = await loadTokenizer(folder);
    tokenizers.set(tokenizer.digest, tokenizer);
  }
  let left = 0;
  return {
    keep(rows) {
      const kept = rows.filter((row) => !isCut(row, tokenizers.values(), rule.limits));
      left += rows.length - kept.length;
      return kept;
    },
    get left() {
      return left;
    },
  };
}

function isCut(
  row: PreferenceRow | CandidatePair,
  tokenizers: Iterable<Tokenizer>,
  limits: TokenLimits,
): boolean {
  const [a, b] = "chosen" in row ? [row.chosen, row.rejected] : [row.a, row.b];
  for (const tokenizer of tokenizers) {
    const { flags } = encodePair(tokenizer, { prompt: row.prompt, a, b }, limits);
    if (flags.some((flag) => flag.startsWith("truncated"))) return true;
  }
  return false;
}
