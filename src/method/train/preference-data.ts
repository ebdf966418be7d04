/** The columns a preference loss reads besides the policy, checked and turned into feeds. */
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import type { Model } from "../../engine/model/model.ts";
import type { Value } from "../../engine/runtime/protocol.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { floats } from "../../engine/runtime/values.ts";
import { packRows, type TokenRow } from "../data/packing.ts";
import { mismatchedKl } from "../objective/kto.ts";
import type { ResolvedLossSpec } from "../objective/loss-spec.ts";
import { globalNormaliser } from "../objective/normalise.ts";
import { lossInputs } from "../objective/preference.ts";
import { openScorer, type RowScore, type Scorer } from "../objective/score.ts";
import type { LossData } from "./job.ts";
import { expectPairs, pick } from "./pair-data.ts";

/** Pairs and their columns, each of one entry per row; a column is read only by losses that need it (`lossInputs`). */
export type PreferencePairs = {
  /** Two responses in a row: chosen, rejected. */
  readonly rows: readonly TokenRow[];
  /** Scores of the rows under the frozen reference, from the scorer; with `perToken` for WSPO. */
  readonly reference?:
    | readonly (Pick<RowScore, "logps"> & { readonly perToken?: readonly ArrayLike<number>[] })[]
    | undefined;
  /** Weights, at least 0; for `weighted` losses. */
  readonly weights?: readonly number[] | undefined;
  /** Probability in [0, 1] that chosen beats rejected; for the soft loss. */
  readonly softLabels?: readonly number[] | undefined;
  /** log π_teacher - log π_teacher's reference of each token of each response, nats; for WSPO. */
  readonly teacherLogratios?: readonly (readonly ArrayLike<number>[])[] | undefined;
  /** Rows of `mismatchedRows` and their summed logps under the reference; for KTO. */
  readonly mismatched?:
    | { readonly rows: readonly TokenRow[]; readonly reference: readonly number[] }
    | undefined;
};

/**
 * Every prompt with the chosen response of a row of another prompt, as KTO's estimate of the KL wants them: behind its own prompt a
 * response is no mismatch, and the reference point would follow the reward. Each response stands once, unless more than half of the rows
 * share one prompt; those then take turns with the responses of the others.
 * @throws DataError when all rows share one prompt
 */
export function mismatchedRows(rows: readonly TokenRow[], seed: number): TokenRow[] {
  const order = createRng(seed)
    .fork("mismatched")
    .shuffle(rows.map((_, i) => i));
  // Rows of one prompt side by side, the largest group first: a step as long as that group leaves every group.
  const byPrompt = new Map<string, number[]>();
  for (const i of order) {
    const key = rows[i]!.prompt.join(" ");
    const same = byPrompt.get(key);
    if (same === undefined) byPrompt.set(key, [i]);
    else same.push(i);
  }
  const groups = [...byPrompt.values()];
  groups.sort((x, y) => y.length - x.length);
  if (groups.length < 2) throw onePrompt(rows.length);
  const most = groups[0]!.length;
  const line = groups.flat();
  const others = line.length - most;
  const donor = (at: number) => (at < most ? most + (at % others) : at - most);
  const from = new Map(
    line.map((row, at) => [row, line[most <= others ? (at + most) % line.length : donor(at)]!]),
  );
  return rows.map(({ prompt }, i) => ({ prompt, responses: [rows[from.get(i)!]!.responses[0]!] }));
}

function onePrompt(rows: number): DataError {
  return new DataError(
    "prefer",
    0,
    `kto: expected pairs of at least 2 prompts, got ${rows === 1 ? "1 pair" : `${rows} pairs of one`}: its reference point needs responses behind prompts they do not belong to. Add pairs of other prompts, or use a loss without a reference point (sigmoid, ipo, hinge).`,
  );
}

/**
 * Checks the columns a loss reads and feeds them.
 * @throws ConfigError when one is missing; DataError when one does not fit the rows
 */
export function preferenceData(
  runtime: Runtime,
  model: Model,
  spec: ResolvedLossSpec,
  pairs: PreferencePairs,
): LossData {
  const { rows, reference, weights, softLabels, mismatched } = pairs;
  const wanted = lossInputs(spec);
  expectColumns(spec, pairs);
  expectPairs("prefer", rows, { weights, softLabels });
  return {
    rows,
    normaliser: (indices) =>
      globalNormaliser(spec.normalise, pick(spec.weighted ? weights : undefined, indices, 1)),
    extras: (indices) => ({
      ...(reference ? { reference: floats(indices.flatMap((row) => reference[row]!.logps)) } : {}),
      pairWeights: floats(pick(weights, indices, 1)),
      softLabels: floats(pick(softLabels, indices, 1)),
      ...(wanted.has("tokens") ? tokenFeeds(pairs, indices) : {}),
    }),
    ...(wanted.has("klEstimate") ? { shared: klFeeds(runtime, model, mismatched!) } : {}),
  };
}

function expectColumns(spec: ResolvedLossSpec, pairs: PreferencePairs): void {
  const wanted = lossInputs(spec);
  const missing = (
    [
      ["reference", wanted.has("reference"), pairs.reference],
      ["weights", wanted.has("weights"), pairs.weights],
      ["softLabels", wanted.has("pChosen"), pairs.softLabels],
      ["mismatched", wanted.has("klEstimate"), pairs.mismatched],
      ["teacherLogratios", wanted.has("tokens"), pairs.teacherLogratios],
    ] as const
  ).flatMap(([name, needed, column]) =>
    needed && column === undefined
      ? [`prefer: loss "${spec.type}" needs ${name} for every pair, got none.`]
      : [],
  );
  if (missing.length > 0) throw new ConfigError(missing);
  if (wanted.has("reference")) expectReference(pairs, wanted.has("tokens"));
  if (wanted.has("klEstimate")) expectCount("mismatched", pairs.mismatched!.reference, pairs.rows);
}

function expectReference({ rows, reference, teacherLogratios }: PreferencePairs, perToken: boolean): void {
  expectCount("reference", reference!, rows);
  const bad = reference!.findIndex(({ logps }) => logps.length !== 2 || !logps.every(Number.isFinite));
  if (bad >= 0)
    throw new DataError(
      "prefer",
      bad + 1,
      `reference: expected two finite log-probabilities, got ${reference![bad]!.logps.join(", ") || "none"}.`,
    );
  if (!perToken) return;
  expectCount("teacherLogratios", teacherLogratios!, rows);
  rows.forEach(({ responses }, i) => {
    for (const [name, tokens] of [
      ["reference per token", reference![i]!.perToken],
      ["teacherLogratios", teacherLogratios![i]],
    ] as const)
      if (!responses.every((ids, r) => tokens?.[r]?.length === ids.length))
        throw new DataError("prefer", i + 1, `${name}: expected one number per response token.`);
  });
}

function expectCount(name: string, column: readonly unknown[], rows: readonly TokenRow[]): void {
  if (column.length !== rows.length)
    throw new DataError(
      "prefer",
      0,
      `${name}: expected one entry for each of ${rows.length} rows, got ${column.length}.`,
    );
}

/** WSPO's values of every token in packed order, padded as the batch is. */
function tokenFeeds(
  { rows, reference, teacherLogratios }: PreferencePairs,
  indices: readonly number[],
): Record<string, Value> {
  const { owners } = packRows(indices.map((index) => rows[index]!)).feeds;
  const padded = (lists: readonly ArrayLike<number>[]) => {
    const data = new Float32Array(owners.data.length);
    let at = 0;
    for (const list of lists) {
      data.set(list, at);
      at += list.length;
    }
    return { data, shape: owners.shape };
  };
  return {
    tokenOwners: owners,
    tokenReference: padded(indices.flatMap((index) => reference![index]!.perToken!)),
    tokenTeacher: padded(indices.flatMap((index) => teacherLogratios![index]!)),
  };
}

/** KTO's estimate over the global batch: policy logps of its mismatched rows, with the weights as they are. */
function klFeeds(
  runtime: Runtime,
  model: Model,
  { rows, reference }: NonNullable<PreferencePairs["mismatched"]>,
) {
  let scorer: Promise<Scorer> | undefined;
  return async (indices: readonly number[]) => {
    scorer ??= openScorer(runtime, model);
    const scores = await (await scorer).score(indices.map((index) => rows[index]!));
    const estimate = mismatchedKl(
      scores.map(({ logps }) => logps[0]!),
      indices.map((index) => reference[index]!),
    );
    return () => ({ klEstimate: floats([estimate], []) });
  };
}
