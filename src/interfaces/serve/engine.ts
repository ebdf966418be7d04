/**
 * What requests compute with: three lanes (token scores, pair scores, writing) in front of one compute thread. A score depends on its
 * row alone, so it does not matter who shares a run with whom.
 */

import { NumericsError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import { type Generated, type GenerateOptions, generate } from "../../engine/model/generate.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { rowLength, type TokenRow } from "../../method/data/packing.ts";
import { openTokenScorer, type TokenScore, type TokenScorer } from "../../method/objective/alternatives.ts";
import { openScorer, type RowScore, type Scorer } from "../../method/objective/score.ts";
import { type Lane, openLane } from "./lane.ts";
import { MAX_LOGPROBS, type ServeLimits } from "./limits.ts";
import type { ServedModel } from "./models.ts";

/** How one text is written; requests that agree in all of it but the seed of a greedy text are written together. */
export type Writing = Pick<GenerateOptions, "temperature" | "topP" | "topK" | "maxNewTokens" | "eosIds"> & {
  readonly stop: readonly string[];
  readonly seed: number;
  /** Names the random stream: the prompt's place in its request. */
  readonly stream: number;
};

/** The lanes. */
export interface Engine {
  /** Each response of a row, token by token, with the likeliest `k` tokens in each place. */
  scoreTokens(model: ServedModel, row: TokenRow, k: number, signal: AbortSignal): Promise<TokenScore[][]>;
  /** Scores whole responses for one request. */
  scorer(model: ServedModel, signal: AbortSignal): Pick<Scorer, "score">;
  write(model: ServedModel, prompt: readonly number[], how: Writing, signal: AbortSignal): Promise<Generated>;
  /** Jobs that wait, by lane. */
  waiting(): Readonly<Record<"tokens" | "pairs" | "writing", number>>;
}

/** Told of every run of the engine. */
export type EngineWatch = (lane: "tokens" | "pairs" | "writing", jobs: number, tokens: number) => void;

/** Opens the lanes. Programs are compiled at their first use. */
export function openEngine(runtime: Runtime, limits: ServeLimits, watch: EngineWatch = () => {}): Engine {
  const tokens = tokenLane(runtime, limits, watch);
  const pairs = pairLane(runtime, limits, watch);
  const writing = writingLane(runtime, limits, watch);
  return {
    scoreTokens: (model, row, k, signal) => tokens.submit({ model, row, k: roundUp(k) }, signal),
    scorer: (model, signal) => ({
      score: (rows) => Promise.all(rows.map((row) => pairs.submit({ model, row }, signal))),
    }),
    write: (model, prompt, how, signal) => writing.submit({ model, prompt, how }, signal),
    waiting: () => ({
      tokens: tokens.waiting(),
      pairs: pairs.waiting(),
      writing: writing.waiting(),
    }),
  };
}

type RowJob = { readonly model: ServedModel; readonly row: TokenRow };
type TokenJob = RowJob & { readonly k: number };
type WritingJob = {
  readonly model: ServedModel;
  readonly prompt: readonly number[];
  readonly how: Writing;
};

/** One program for each of a few numbers of likeliest tokens, whatever is asked for. */
const roundUp = (k: number): number => [0, 1, 5, MAX_LOGPROBS].find((size) => size >= k)!;

function tokenLane(
  runtime: Runtime,
  { tokens }: ServeLimits,
  watch: EngineWatch,
): Lane<TokenJob, TokenScore[][]> {
  const known = new Map<string, Promise<TokenScorer>>();
  const group = ({ model, k }: TokenJob) => `${model.name}/${k}`;
  return openLane({
    group,
    cost: ({ row }) => rowLength(row),
    budget: tokens,
    async run(jobs) {
      const [first] = jobs as readonly [TokenJob];
      const open = () => openTokenScorer(runtime, first.model.model, first.k, { tokens });
      const scores = await (await memo(known, group(first), open)).score(jobs.map(({ row }) => row));
      watch(
        "tokens",
        jobs.length,
        sumOf(jobs, ({ row }) => rowLength(row)),
      );
      for (const { logp } of scores.flat(2))
        if (!Number.isFinite(logp))
          throw new NumericsError("score", `a log-probability is ${logp}. The model's weights are wrong.`);
      return scores;
    },
  });
}

function pairLane(runtime: Runtime, { tokens }: ServeLimits, watch: EngineWatch): Lane<RowJob, RowScore> {
  const known = new Map<string, Promise<Scorer>>();
  return openLane({
    group: ({ model }) => model.name,
    cost: ({ row }) => rowLength(row),
    budget: tokens,
    async run(jobs) {
      const { model } = jobs[0]!;
      const scorer = await memo(known, model.name, () => openScorer(runtime, model.model, { tokens }));
      watch(
        "pairs",
        jobs.length,
        sumOf(jobs, ({ row }) => rowLength(row)),
      );
      return scorer.score(jobs.map(({ row }) => row));
    },
  });
}

function writingLane(
  runtime: Runtime,
  { sequences }: ServeLimits,
  watch: EngineWatch,
): Lane<WritingJob, Generated> {
  return openLane({
    group: ({ model, how: { stream: _, ...how } }) => JSON.stringify([model.name, how]),
    cost: () => 1,
    budget: sequences,
    async run(jobs, abandoned) {
      const { model, how } = jobs[0]!;
      const { stop, stream: _, ...sampling } = how;
      const decode = (ids: readonly number[]) => model.tokenizer.decode(ids, { skipSpecial: true });
      const texts = await generate(
        runtime,
        model.model,
        jobs.map(({ prompt }) => prompt),
        {
          ...sampling,
          stop: stop.length === 0 ? undefined : { strings: stop, decode },
          sequenceIds: jobs.map((job) => job.how.stream),
          batchSize: sequences,
          onToken: () => {
            if (abandoned()) throw new Error("nobody waits for these texts any more");
          },
        },
      );
      watch(
        "writing",
        jobs.length,
        sumOf(texts, ({ ids }) => ids.length),
      );
      return texts;
    },
  });
}

/** A seed for a request that names none. */
export const freshSeed = (): number => createRng(crypto.randomUUID()).int(2 ** 31);

/** What was made before under a key, or made now; what failed is tried again. */
function memo<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const before = known.get(key);
  if (before !== undefined) return before;
  const fresh = make();
  known.set(key, fresh);
  fresh.catch(() => known.delete(key));
  return fresh;
}

const sumOf = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((total, item) => total + of(item), 0);
