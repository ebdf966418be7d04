/**
 * Runs a fixture's model through the engine, as training and scoring use it, and compares every number.
 * Length: the checks of every kind of fixture share their evaluation.
 */
import {
  encoderFeeds,
  loadEncoder,
  releaseEncoder,
  runEncoder,
  scoreSequences,
} from "../../engine/checkpoint/load-encoder.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { storedNames } from "../../engine/checkpoint/stored-names.ts";
import { gradients } from "../../engine/graph/gradients.ts";
import { writeProgram } from "../../engine/graph/onnx/write.ts";
import { div, logSigmoid, mul, neg, sub } from "../../engine/graph/ops/elementwise.ts";
import { reshape, slice, sum } from "../../engine/graph/ops/layout.ts";
import { input, type Tensor } from "../../engine/graph/tensor.ts";
import { ENCODERS } from "../../engine/model/encoders/index.ts";
import { generate } from "../../engine/model/generate.ts";
import { logits, rewardScores } from "../../engine/model/heads.ts";
import { keyOf, type Model, releaseModel } from "../../engine/model/model.ts";
import type { Value } from "../../engine/runtime/protocol.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { floats } from "../../engine/runtime/values.ts";
import { type PackedBatch, packOptions, packRows, type TokenRow } from "../data/packing.ts";
import { type PackedRun, responseLogps, runPacked } from "../objective/logps.ts";
import { feedsOf } from "../objective/score.ts";
import { Comparison, type Finding, LIMITS } from "./compare.ts";
import type { Expected, Fixture, Gradients, PairCase, SequenceCase } from "./fixture.ts";

/** Checks one fixture. @throws AlignError when its model cannot be loaded or run */
export async function checkFixture(runtime: Runtime, fixture: Fixture): Promise<Finding[]> {
  const comparison = new Comparison();
  if (
    ENCODERS.some(({ modelType }) => modelType === (fixture.expected.family as string).replaceAll("_", "-"))
  ) {
    await checkEncoder(runtime, fixture, comparison);
    return comparison.findings();
  }
  const model = await loadModel(runtime, fixture.folder);
  try {
    if (model.task === "reward") await checkReward(runtime, model, fixture.expected, comparison);
    else await checkLanguageModel(runtime, model, fixture.expected, comparison);
  } finally {
    await releaseModel(runtime, model);
  }
  return comparison.findings();
}

/** A sequence as a row: its first token stands as the prompt, so that every later token is predicted. */
const wholeRow = (ids: readonly number[]): TokenRow => ({
  prompt: ids.slice(0, 1),
  responses: [ids.slice(1)],
});

async function checkLanguageModel(
  runtime: Runtime,
  model: Model,
  expected: Expected,
  to: Comparison,
): Promise<void> {
  const { sequences } = expected.batch;
  const run = runPacked(model.decoder);
  const outputs = {
    logits: logits(run.context, model.decoder, run.hidden),
    logps: responseLogps(model.decoder, run).perToken,
  };
  const values = await evaluate(
    runtime,
    model,
    outputs,
    packRows(
      sequences.map((s) => wholeRow(s.input_ids)),
      packOptions(model),
    ),
  );
  compareSequences(sequences, values["logits"]!, values["logps"]!.data as Float32Array, to);
  if (expected.sft !== undefined) await checkSft(runtime, model, expected, to);
  if (expected.dpo !== undefined) await checkDpo(runtime, model, expected.dpo, to);
  if (expected.generate !== undefined) {
    const { prompt_ids: prompt, new_ids: wanted } = expected.generate;
    const greedy = { maxNewTokens: wanted.length, temperature: 0, eosIds: [], seed: 0 };
    const [result] = await generate(runtime, model, [prompt], greedy);
    to.add("greedy ids", result!.ids, wanted, LIMITS.exact);
  }
}

function compareSequences(
  sequences: readonly SequenceCase[],
  all: Value,
  logps: Float32Array,
  to: Comparison,
): void {
  const vocab = all.shape[1]!;
  const rows = all.data as Float32Array;
  let at = 0;
  let predicted = 0;
  for (const sequence of sequences) {
    const length = sequence.input_ids.length;
    const row = (t: number) => rows.subarray((at + t) * vocab, (at + t + 1) * vocab);
    for (const [k, t] of (sequence.positions ?? []).entries())
      to.add("logits", row(t), sequence.logits![k]!, LIMITS.logits);
    const argmax = Array.from({ length }, (_, t) => row(t).indexOf(Math.max(...row(t))));
    to.add("argmax", argmax, sequence.argmax!, LIMITS.exact);
    to.add(
      "token logps",
      logps.subarray(predicted, predicted + length - 1),
      sequence.token_logps!,
      LIMITS.logps,
    );
    at += length;
    predicted += length - 1;
  }
}

async function checkSft(runtime: Runtime, model: Model, expected: Expected, to: Comparison): Promise<void> {
  const { prompt_lens: lengths, loss, grads } = expected.sft!;
  const rows = expected.batch.sequences.map(({ input_ids: ids }, i) => ({
    prompt: ids.slice(0, lengths[i]),
    responses: [ids.slice(lengths[i])],
  }));
  const batch = packRows(rows, packOptions(model));
  const run = runPacked(model.decoder);
  const { perToken } = responseLogps(model.decoder, run);
  const outputs = { loss: div(neg(sum(perToken)), batch.targets) };
  await checkLoss(runtime, model, { run, outputs, batch, quantity: "sft", loss, grads }, to);
}

async function checkDpo(
  runtime: Runtime,
  model: Model,
  dpo: NonNullable<Expected["dpo"]>,
  to: Comparison,
): Promise<void> {
  const { pairs, beta, loss, grads } = dpo;
  const batch = packRows(
    pairs.map((pair) => ({ prompt: pair.prompt_ids, responses: [pair.chosen_ids, pair.rejected_ids] })),
    packOptions(model),
  );
  const run = runPacked(model.decoder);
  const { summed } = responseLogps(model.decoder, run, { sequences: "2*P", chunks: 1 });
  const { first: chosen, second: rejected } = splitPairs(summed);
  const reference = input("reference", "float", ["P"]);
  const losses = neg(logSigmoid(mul(sub(sub(chosen, rejected), reference), beta)));
  const outputs = { loss: div(sum(losses), pairs.length), summed };
  const feeds = { reference: floats(pairs.map((pair) => pair.ref_chosen_logp! - pair.ref_rejected_logp!)) };
  const values = await checkLoss(
    runtime,
    model,
    { run, outputs, batch, feeds, quantity: "dpo", loss, grads },
    to,
  );
  const wanted = pairs.flatMap((pair) => [pair.policy_chosen_logp!, pair.policy_rejected_logp!]);
  to.add("pair logps", values["summed"]!.data as Float32Array, wanted, LIMITS.summedLogps);
}

async function checkReward(
  runtime: Runtime,
  model: Model,
  expected: Expected,
  to: Comparison,
): Promise<void> {
  const { sequences } = expected.batch;
  const score = (run: PackedRun, count: "S" | "2*P") =>
    rewardScores(run.context, model.decoder, run.hidden, input("ends", "int", [count]));
  const run = runPacked(model.decoder);
  const rows = sequences.map((s) => wholeRow(s.input_ids));
  const values = await evaluate(
    runtime,
    model,
    { scores: score(run, "S") },
    packRows(rows, packOptions(model)),
  );
  to.add(
    "scores",
    values["scores"]!.data as Float32Array,
    sequences.map((s) => s.score!),
    LIMITS.score,
  );
  const { pairs, loss, grads } = expected.bt!;
  const pairRun = runPacked(model.decoder);
  const scores = score(pairRun, "2*P");
  const { first: chosen, second: rejected } = splitPairs(scores);
  const outputs = { loss: div(neg(sum(logSigmoid(sub(chosen, rejected)))), pairs.length), scores };
  const batch = packRows(
    pairs.flatMap((pair: PairCase) => [wholeRow(pair.chosen_ids), wholeRow(pair.rejected_ids)]),
    packOptions(model),
  );
  const found = await checkLoss(
    runtime,
    model,
    { run: pairRun, outputs, batch, quantity: "bt", loss, grads },
    to,
  );
  const wanted = pairs.flatMap((pair) => [pair.chosen_score!, pair.rejected_score!]);
  to.add("pair scores", found["scores"]!.data as Float32Array, wanted, LIMITS.score);
}

/** Encoders: whole sequences, chosen and rejected of each pair in turn. */
async function checkEncoder(runtime: Runtime, { folder, expected }: Fixture, to: Comparison): Promise<void> {
  const model = await loadEncoder(runtime, folder);
  const sequences = expected.batch.sequences.map((s) => ({ ids: s.input_ids }));
  to.add(
    "scores",
    await scoreSequences(runtime, model, sequences),
    expected.batch.sequences.map((s) => s.score!),
    LIMITS.score,
  );
  const { pairs, loss, grads } = expected.bt!;
  const { scores, context } = model.encoder.scores("2*P");
  const { first: chosen, second: rejected } = splitPairs(scores);
  const mean = div(neg(sum(logSigmoid(sub(chosen, rejected)))), pairs.length);
  const parameters = [...context.parameters()];
  const derivatives = gradients(
    mean,
    parameters.map(([, tensor]) => tensor),
  );
  const named = Object.fromEntries(parameters.map(([name], i) => [`grad:${name}`, derivatives[i]!]));
  const feeds = encoderFeeds(
    model.encoder,
    pairs.flatMap((pair) => [{ ids: pair.chosen_ids }, { ids: pair.rejected_ids }]),
  );
  const values = await runEncoder(runtime, model, { loss: mean, scores, ...named }, feeds);
  compareLoss(values, { quantity: "bt", loss, grads, parameters: parameters.length }, to);
  const wanted = pairs.flatMap((pair) => [pair.chosen_score!, pair.rejected_score!]);
  to.add("pair scores", values["scores"]!.data as Float32Array, wanted, LIMITS.score);
  await releaseEncoder(runtime, model);
}

type LossNumbers = {
  quantity: string;
  loss: number;
  grads: Gradients;
  parameters: number;
  /** The parameter that a name in the fixture means: transformers 5 calls some otherwise than files do. */
  named?: (name: string) => string;
};

function compareLoss(
  values: Record<string, Value>,
  { quantity, loss, grads, parameters, named = (name) => name }: LossNumbers,
  to: Comparison,
): void {
  to.one(`${quantity} loss`, values["loss"]!.data[0] as number, loss, LIMITS.loss);
  to.add(`${quantity} gradient names`, [parameters], [Object.keys(grads).length], LIMITS.exact);
  for (const [name, summary] of Object.entries(grads))
    to.gradient(
      `${quantity} gradient`,
      values[`grad:${named(name)}`]?.data as Float32Array | undefined,
      summary,
    );
}

/** `[2·P]` in pair order → first and second of each pair, `[P]` each. */
function splitPairs(values: Tensor): { first: Tensor; second: Tensor } {
  const pairs = reshape(values, ["P", 2]);
  const column = (i: number) => reshape(slice(pairs, 1, i, 1), ["P"]);
  return { first: column(0), second: column(1) };
}

type LossCase = {
  run: PackedRun;
  outputs: Readonly<Record<string, Tensor>> & { loss: Tensor };
  batch: PackedBatch;
  feeds?: Readonly<Record<string, Value>>;
  quantity: string;
  loss: number;
  grads: Gradients;
};

async function checkLoss(
  runtime: Runtime,
  model: Model,
  { run, outputs, batch, feeds, quantity, loss, grads }: LossCase,
  to: Comparison,
): Promise<Record<string, Value>> {
  const parameters = [...run.context.parameters()];
  const derivatives = gradients(
    outputs.loss,
    parameters.map(([, tensor]) => tensor),
  );
  const named = Object.fromEntries(parameters.map(([name], i) => [`grad:${name}`, derivatives[i]!]));
  const values = await evaluate(runtime, model, { ...outputs, ...named }, batch, feeds);
  const byStoredName = new Map(
    parameters.flatMap(([name]) => storedNames(name, model.family).map((stored) => [stored, name] as const)),
  );
  const own = Object.entries(grads).filter(([name]) => !(model.family.container?.rest.test(name) ?? false));
  const numbers = { quantity, loss, grads: Object.fromEntries(own), parameters: parameters.length };
  compareLoss(values, { ...numbers, named: (name) => byStoredName.get(name) ?? name }, to);
  return values;
}

async function evaluate(
  runtime: Runtime,
  model: Model,
  outputs: Readonly<Record<string, Tensor>>,
  batch: PackedBatch,
  extra: Readonly<Record<string, Value>> = {},
): Promise<Record<string, Value>> {
  const executable = await runtime.compile(writeProgram(outputs, runtime.dialect));
  return executable.run(
    { ...feedsOf(batch, executable), ...extra },
    { parameter: (name) => keyOf(model, name) },
  );
}
