/**
 * Batched generation with a key-value cache. Sequences join the batch as places fall free and leave it when they end;
 * each draws from a random stream of its own, so that what it becomes does not depend on its neighbours (up to the
 * rounding of float32 products, which may differ between batch sizes in the last bit). Many prompts are dealt to groups that do
 * not depend on the machine, so that texts are the same however many lanes compute them.
 */
import { NumericsError } from "../../base/core/errors.ts";
import { createRng, type Rng } from "../../base/core/rng.ts";
import { laneCount, overLanes } from "../runtime/lanes.ts";
import type { Value } from "../runtime/protocol.ts";
import type { Bindings, Runtime } from "../runtime/runtime.ts";
import { floats, ints } from "../runtime/values.ts";
import { KvCache } from "./generate-cache.ts";
import { dealPrompts } from "./generate-groups.ts";
import { checkGeneration, DEFAULT_BATCH, type Generated, type GenerateOptions } from "./generate-options.ts";
import { packSequences } from "./generate-pack.ts";
import { type GenerationPrograms, generationPrograms } from "./generate-programs.ts";
import { keyOf, type Model, parameterCount } from "./model.ts";
import { MASS_CHUNK, sampleToken } from "./sampling.ts";

export type { Generated, GenerateOptions } from "./generate-options.ts";

/** Tokens of padded prompts computed at once when sequences join. */
const PREFILL_TOKENS = 4096;

type Sequence = {
  readonly index: number;
  readonly prompt: readonly number[];
  readonly rng: Rng;
  readonly ids: number[];
  /** All its tokens but the newest are in the cache. */
  stored: boolean;
  finish?: Generated["finish"];
};

/**
 * Continues prompts.
 * @param prompts - token ids, at least one each, BOS included where the model wants it
 * @returns one result per prompt, in their order
 * @throws ConfigError for impossible options, or a prompt that with its new tokens exceeds the model's positions;
 *   NumericsError when a logit is not finite
 */
export async function generate(
  runtime: Runtime,
  model: Model,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<Generated[]> {
  checkGeneration(model, prompts, options);
  if (prompts.length === 0) return [];
  const rng = createRng(options.seed);
  const sequences = prompts.map((prompt, index): Sequence => {
    const stream = rng.fork("generate", options.sequenceIds?.[index] ?? index);
    return { index, prompt, rng: stream, ids: [], stored: false };
  });
  await decodeGroups(runtime, model, sequences, options);
  return sequences.map(({ ids, finish }) => ({ ids, finish: finish! }));
}

/** Decodes each group of sequences by itself, as many at once as there are lanes. */
async function decodeGroups(
  runtime: Runtime,
  model: Model,
  sequences: readonly Sequence[],
  options: GenerateOptions,
): Promise<void> {
  const bytes = 4 * parameterCount(model.parameters);
  const groups = dealPrompts(sequences, bytes);
  const lanes = runtime.lanes(laneCount(runtime, bytes, { most: groups.length }));
  const mode = options.temperature === 0 ? "greedy" : "sample";
  let failed = false;
  await overLanes(lanes.length, groups, async (group, lane) => {
    const programs = await generationPrograms(lanes[lane]!, model, mode);
    const cache = new KvCache(lanes[lane]!, model.decoder.config, programs.move);
    try {
      await decode({ model, programs, cache, options, failed: () => failed }, group);
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      await cache.close();
    }
  });
}

type Run = {
  readonly model: Model;
  readonly programs: GenerationPrograms;
  readonly cache: KvCache;
  readonly options: GenerateOptions;
  /** True once another group has failed: what this one would write is of no use. */
  readonly failed: () => boolean;
  /** The last step's logits, read and no longer needed. */
  spare?: Float32Array | undefined;
};

/** Tokens a sequence holds, its newest included. */
const lengthOf = ({ prompt, ids }: Sequence): number => prompt.length + ids.length;

async function decode(run: Run, sequences: readonly Sequence[]): Promise<void> {
  const waiting = [...sequences];
  let places: (Sequence | undefined)[] = Array.from({
    length: Math.min(run.options.batchSize ?? DEFAULT_BATCH, sequences.length),
  });
  const longOver = run.model.decoder.longOver ?? Number.POSITIVE_INFINITY;
  while (!run.failed() && (waiting.length > 0 || places.some((sequence) => sequence !== undefined))) {
    places = places.map((sequence) => (outgrows(sequence, longOver) ? back(waiting, sequence) : sequence));
    const free = places.filter((sequence) => sequence === undefined).length;
    // A few at a time: a prefill costs about as much for one sequence as for several.
    if (waiting.length > 0 && free >= Math.min(waiting.length, places.length / 4)) {
      const joining = admit(waiting, free);
      places = await makeRoom(run, places, joining);
      await prefill(run, places, joining);
    } else {
      places = await makeRoom(run, places, []);
      await step(run, places);
    }
    places = places.map((sequence) => (sequence?.finish === undefined ? sequence : undefined));
  }
}

/** True for a sequence whose newest token takes it over a length at which positions turn otherwise, from the first token on. */
const outgrows = (sequence: Sequence | undefined, longOver: number): sequence is Sequence =>
  sequence?.stored === true && sequence.ids.length > 0 && lengthOf(sequence) === longOver + 1;

/** Makes a sequence wait, for its whole text to be computed anew. */
function back(waiting: Sequence[], sequence: Sequence): undefined {
  sequence.stored = false;
  waiting.unshift(sequence);
}

/** Takes the next prompts that fit the free places and the prefill's budget; at least one. */
function admit(waiting: Sequence[], free: number): Sequence[] {
  let [count, longest] = [0, 0];
  for (const sequence of waiting.slice(0, free)) {
    longest = Math.max(longest, lengthOf(sequence));
    if (count > 0 && (count + 1) * longest > PREFILL_TOKENS) break;
    count++;
  }
  return waiting.splice(0, count);
}

/** Seats those who join; gives the cache room for them, and fewer columns once most are empty for good. */
async function makeRoom(
  { cache }: Run,
  places: readonly (Sequence | undefined)[],
  joining: readonly Sequence[],
): Promise<(Sequence | undefined)[]> {
  const queue = [...joining];
  const seated = places.map((sequence) => sequence ?? queue.shift());
  const live = seated.flatMap((sequence, column) => (sequence === undefined ? [] : [column]));
  // Leaving places empty costs their share of every step, moving costs about one step.
  const crowded = live.length > seated.length / 2 || joining.length > 0;
  const columns = crowded ? [...seated.keys()] : live;
  const slots = Math.max(cache.used + 1, ...joining.map(lengthOf));
  if (columns.length === cache.columns && slots <= cache.room) return seated;
  const kept = columns.map((column) => seated[column]);
  const residents = columns.map((column) => (cached(seated[column]) ? column : undefined));
  await cache.resize(residents, Math.max(...live.map((column) => lengthOf(seated[column]!))));
  return kept;
}

/** True for a sequence whose prompt is in the cache. */
const cached = (sequence: Sequence | undefined): boolean => sequence?.stored === true;

async function prefill(
  run: Run,
  places: readonly (Sequence | undefined)[],
  joining: readonly Sequence[],
): Promise<void> {
  const rows = joining.flatMap((sequence) => run.cache.seat(places.indexOf(sequence), lengthOf(sequence)));
  const packed = packSequences(joining.map(({ prompt, ids }) => [...prompt, ...ids]));
  for (const sequence of joining) sequence.stored = true;
  await predict(run, "prefill", joining, { ...packed, cacheRows: ints(rows) }, run.cache.wholeBindings());
}

async function step(run: Run, places: readonly (Sequence | undefined)[]): Promise<void> {
  const positions = places.map((sequence) => (sequence === undefined ? undefined : lengthOf(sequence) - 1));
  const { slotPositions, bindings } = run.cache.advance(positions);
  // An empty place computes token 0 at position 0, which nobody reads.
  const ids = places.map((sequence) => sequence?.ids.at(-1) ?? 0);
  const feeds = {
    ids: ints(ids),
    positions: ints(positions.map((position) => position ?? 0)),
    slotPositions,
  };
  await predict(run, "step", places, feeds, bindings);
}

/** Runs a program and gives row i's token to sequence i. */
async function predict(
  run: Run,
  program: "prefill" | "step",
  sequences: readonly (Sequence | undefined)[],
  feeds: Readonly<Record<string, Value>>,
  arrays: Bindings,
): Promise<void> {
  const { model, programs, options } = run;
  const bent = options.temperature === 0 ? {} : { inverseTemperature: floats([1 / options.temperature], []) };
  const spare = run.spare === undefined ? [] : [run.spare];
  const outputs = await programs[program].run(
    { ...feeds, ...bent },
    { parameter: (name) => keyOf(model, name), spare, ...arrays },
  );
  sequences.forEach((sequence, row) => {
    if (sequence === undefined) return;
    if (!Number.isFinite(outputs["check"]!.data[row]))
      throw new NumericsError(
        `generate: prompt ${sequence.index}`,
        `the logits after ${lengthOf(sequence)} tokens are not finite. The model's weights are broken or have diverged.`,
      );
    append(sequence, nextToken(outputs, row, sequence, options), options);
  });
  run.spare = outputs["logits"]?.data as Float32Array | undefined;
}

function nextToken(
  outputs: Readonly<Record<string, Value>>,
  row: number,
  { rng }: Sequence,
  options: GenerateOptions,
): number {
  if (options.temperature === 0) return Number(outputs["token"]!.data[row]);
  const part = (name: string, size: number) =>
    (outputs[name]!.data as Float32Array).subarray(row * size, (row + 1) * size);
  const vocab = outputs["logits"]!.shape[1]!;
  const masses = part("masses", Math.ceil(vocab / MASS_CHUNK));
  return sampleToken({ logits: part("logits", vocab), max: part("max", 1)[0]!, masses }, options, rng.next());
}

function append(
  sequence: Sequence,
  id: number,
  { eosIds, stop, maxNewTokens, onToken }: GenerateOptions,
): void {
  if (eosIds.includes(id)) {
    sequence.finish = "eos";
    return;
  }
  sequence.ids.push(id);
  onToken?.(sequence.index, id);
  if (stop !== undefined && stopsHere(sequence.ids, stop)) sequence.finish = "stop";
  else if (sequence.ids.length === maxNewTokens) sequence.finish = "length";
}

/** True when the newest tokens complete a stop string. */
function stopsHere(
  ids: readonly number[],
  { strings, decode }: NonNullable<GenerateOptions["stop"]>,
): boolean {
  // A token may hold less than one byte's worth of text; at most four bytes make a character.
  const longest = Math.max(0, ...strings.map((text) => new TextEncoder().encode(text).length));
  const tail = decode(ids.slice(-longest - 8));
  return strings.some((text) => tail.includes(text));
}
