/** What `inspect` does: a module of its own, since it needs the readers and a tokenizer, and help needs neither. */

import { ConfigError } from "../../base/core/errors.ts";
import { DEFAULT_SEED } from "../../base/core/rng.ts";
import { encodePair, type TokenLimits } from "../../engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { encodableCheck } from "../../method/data/encodable.ts";
import { type CandidatePair, type PreferenceRow, plainText } from "../../method/data/rows.ts";
import { describeSource, formatDescription } from "../../method/split/describe-source.ts";
import { type DataOptions, readOptions, sourceOf, tokenLimits } from "./data-options.ts";
import { formatExplanation } from "./heat-view.ts";
import type { Session } from "./session.ts";
import { hasColours } from "./streams.ts";
import { formatShownPair, showPair } from "./token-view.ts";

/** The flags of `inspect`. */
export type InspectOptions = DataOptions & {
  readonly model?: string;
  readonly row?: number;
  readonly seed?: number;
  readonly explain?: boolean;
  readonly reference?: string;
  readonly beta?: number;
};

/** Says what a data file is. @throws DataError as the readers do; ConfigError for a row that there is not */
export async function inspectFiles(
  session: Session,
  files: readonly string[],
  options: InspectOptions,
): Promise<void> {
  const tokenizer = options.model === undefined ? undefined : await loadTokenizer(options.model);
  const count = tokenizer && ((text: PreferenceRow["prompt"]) => tokenizer.encode(plainText(text)).length);
  const check = tokenizer && encodableCheck([tokenizer]);
  const { seed = DEFAULT_SEED } = options;
  const how = { ...readOptions(options), seed, check };
  const described = await describeSource(sourceOf(files, options.mix), how, count);
  const { report, statistics, dialogues, people, pairs } = described;
  const row =
    options.explain === true
      ? await explainRow(session, pairAt(pairs, options.row ?? 1), options)
      : options.row === undefined
        ? undefined
        : showRow(session, tokenizer!, pairAt(pairs, options.row), await tokenLimits(options));
  const text = [...formatDescription(described), ...(row === undefined ? [] : ["", row.text])];
  session.result(
    { report, statistics, dialogues, people, ...(row === undefined ? {} : row.value) },
    text.join("\n"),
  );
}

type NumberedPair = { readonly row: number; readonly pair: CandidatePair };

function pairAt(pairs: readonly CandidatePair[], row: number): NumberedPair {
  const pair = pairs[row - 1];
  if (pair === undefined) throw new ConfigError(`--row: expected 1 to ${pairs.length}, got ${row}.`);
  return { row, pair };
}

function showRow(session: Session, tokenizer: Tokenizer, { row, pair }: NumberedPair, limits: TokenLimits) {
  const encoded = encodePair(tokenizer, pair, limits);
  const shown = showPair(tokenizer, encoded);
  const flags = encoded.flags.length === 0 ? "no flags" : `flags: ${encoded.flags.join(", ")}`;
  return {
    value: { row: { id: pair.id, flags: encoded.flags, ...shown } },
    text: `row ${row} (${pair.id}), ${flags}\n\n${formatShownPair(shown, session.paint, hasColours(process.stdout))}`,
  };
}

/** What each token of a pair adds to its scores, by the two models of an implicit reward. */
async function explainRow(session: Session, { row, pair }: NumberedPair, options: InspectOptions) {
  const { openRuntime } = await import("../../engine/runtime/runtime.ts");
  const { openImplicitReward } = await import("../../method/teacher/implicit-reward.ts");
  const { openExplainer } = await import("../../method/teacher/explain.ts");
  const { model, reference, beta = 0.1 } = options;
  const runtime = openRuntime();
  try {
    const limits = await tokenLimits(options, [model!, reference!]);
    const teacher = await openImplicitReward(runtime, {
      model: model!,
      reference: reference!,
      beta,
      limits,
    });
    const explained = await (await openExplainer(teacher)).explain(pair);
    const { id, prompt, a, b, scoreA, scoreB, flags } = explained;
    return {
      value: { explanation: { id, beta, scoreA, scoreB, margin: scoreA - scoreB, flags, prompt, a, b } },
      text: `row ${row} (${id})\n\n${formatExplanation(explained, session.paint, hasColours(process.stdout))}`,
    };
  } finally {
    await runtime.close();
  }
}
