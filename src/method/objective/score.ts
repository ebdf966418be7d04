/**
 * Scores responses: the one scoring function of trainer (reference log-probabilities), labeller and evaluator.
 * A score depends on the row alone, not on its batch, nor on the lane that computes it. Tokens are summed here in float64, as a remote teacher's are: a float32 sum of a long
 * response rounds by more than small margins are, and differently on each kind of processor.
 */
import { NumericsError } from "../../base/core/errors.ts";
import { writeProgram } from "../../engine/graph/onnx/write.ts";
import { input, type Tensor } from "../../engine/graph/tensor.ts";
import { rewardScores } from "../../engine/model/heads.ts";
import { keyOf, type Model, parameterCount } from "../../engine/model/model.ts";
import { laneCount, overLanes } from "../../engine/runtime/lanes.ts";
import type { Value } from "../../engine/runtime/protocol.ts";
import type { Executable, Runtime } from "../../engine/runtime/runtime.ts";
import { planMicroBatches } from "../data/batching.ts";
import { type PackedBatch, packOptions, packRows, type TokenRow } from "../data/packing.ts";
import { responseLogps, runPacked } from "./logps.ts";

/** Scores of one row, one entry per response. */
export type RowScore = {
  /** log π(response | prompt), summed over the response's tokens in float64, nats. Empty for reward models. */
  readonly logps: readonly number[];
  /** Tokens of each response. */
  readonly lengths: readonly number[];
  /** log π of each token, when asked for. */
  readonly perToken?: readonly Float32Array[];
  /** Scores of a reward model's head, read at each response's last token. */
  readonly rewards?: readonly number[];
};

/** Scores rows with one model. */
export interface Scorer {
  /** @throws NumericsError when a score is not finite */
  score(rows: readonly TokenRow[]): Promise<RowScore[]>;
  /** Frees the weights of a model in few bits, which are nowhere else. */
  close(): Promise<void>;
}

/** Options of `openScorer`. */
export type ScorerOptions = {
  /** Most tokens in one run, default 2048: more is hardly faster and takes more memory. */
  readonly tokens?: number | undefined;
  /** Also give back every token's log-probability. */
  readonly perToken?: boolean;
};

/** Compiles the scoring program of a model: log-probabilities of a language model, rewards of a reward model. */
export async function openScorer(
  runtime: Runtime,
  model: Model,
  options: ScorerOptions = {},
): Promise<Scorer> {
  const executables = await compiled(runtime, model);
  const { tokens = model.packed === undefined ? 2048 : PACKED_TOKENS, perToken = false } = options;
  return {
    async score(rows) {
      const scores: RowScore[] = new Array(rows.length);
      await overLanes(executables.length, planMicroBatches(rows, { tokens }), async (indices, lane) => {
        const batch = indices.map((i) => rows[i]!);
        const results = await scoreBatch(executables[lane]!, model, batch, perToken);
        indices.forEach((index, i) => {
          scores[index] = results[i]!;
        });
      });
      return scores;
    },
    async close() {
      await Promise.all(executables.map((executable) => executable.release()));
    },
  };
}

/** Most tokens in one run where the head is one product: each product has a copy of its weights, so logits are not made in parts. */
const PACKED_TOKENS = 1024;

/** The program in every lane. Weights in few bits are in the sessions then, and nowhere else. */
async function compiled(runtime: Runtime, model: Model): Promise<Executable[]> {
  const { packed, parameters } = model;
  const held = packed?.held;
  if (packed !== undefined && held === undefined)
    throw new Error("internal: a model in few bits is scored with by one scorer");
  const program = writeProgram(scoreOutputs(model), runtime.dialect, held);
  const read = program.parameters.map(({ name }) => name);
  const bytes = 4 * parameterCount(parameters, read) + (held?.bytes.byteLength ?? 0);
  const lanes = runtime.lanes(laneCount(runtime, bytes));
  const executables = await Promise.all(lanes.map((lane) => lane.compile(program)));
  if (packed !== undefined) packed.held = undefined;
  return executables;
}

function scoreOutputs(model: Model): Record<string, Tensor> {
  const run = runPacked(model.decoder, { lora: model.lora });
  if (model.task === "reward") {
    const ends = input("ends", "int", ["S"]);
    return { rewards: rewardScores(run.context, model.decoder, run.hidden, ends) };
  }
  const chunks = model.packed === undefined ? 4 : 1;
  return { perToken: responseLogps(model.decoder, run, { chunks }).perToken };
}

async function scoreBatch(
  executable: Executable,
  model: Model,
  rows: readonly TokenRow[],
  perToken: boolean,
): Promise<RowScore[]> {
  const packed = packRows(rows, packOptions(model));
  const bindings = { parameter: (name: string) => keyOf(model, name) };
  const values = await executable.run(feedsOf(packed, executable), bindings);
  return splitRows(rows, values, perToken);
}

/** The arrays of a packed batch that a program takes. */
export function feedsOf(
  { feeds }: PackedBatch,
  { program }: Pick<Executable, "program">,
): Record<string, Value> {
  const entries = program.inputs.flatMap(({ name }) =>
    name in feeds ? [[name, feeds[name as keyof typeof feeds]] as const] : [],
  );
  return Object.fromEntries(entries);
}

function splitRows(
  rows: readonly TokenRow[],
  values: Readonly<Record<string, Value>>,
  keep: boolean,
): RowScore[] {
  const [perToken, rewards] = ["perToken", "rewards"].map(
    (name) => values[name]?.data as Float32Array | undefined,
  );
  let response = 0;
  let token = 0;
  return rows.map(({ responses }) => {
    const [from, to] = [response, response + responses.length];
    response = to;
    const lengths = responses.map((ids) => ids.length);
    if (perToken === undefined)
      return { logps: [], lengths, rewards: finite(Array.from(rewards!.subarray(from, to))) };
    const tokens = lengths.map((length) => {
      token += length;
      return perToken.slice(token - length, token);
    });
    const logps = finite(tokens.map((of) => of.reduce((total, logp) => total + logp, 0)));
    return { logps, lengths, ...(keep ? { perToken: tokens } : {}) };
  });
}

function finite(values: number[]): number[] {
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad !== undefined)
    throw new NumericsError(
      "score",
      `a score is ${bad}, expected a finite number. The model's weights or its config are wrong.`,
    );
  return values;
}
