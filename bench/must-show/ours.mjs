/**
 * One measurement of this program in a process of its own; prints one JSON line. `node ours.mjs TASK --model FOLDER --rows FILE …`; called by `rows.mjs`.
 * Rows are token ids, `[{ prompt, responses }]`, which the other side reads, too.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { keepFirstLayers, trimVocabulary } from "../../dist/engine/checkpoint/derive.js";
import { loadModel } from "../../dist/engine/checkpoint/load-model.js";
import { writeProgram } from "../../dist/engine/graph/onnx/write.js";
import { input } from "../../dist/engine/graph/tensor.js";
import { describeModel } from "../../dist/engine/model/families/index.js";
import { adapterSpec, addAdapter, keyOf, parameterShapes } from "../../dist/engine/model/model.js";
import { openRuntime } from "../../dist/engine/runtime/runtime.js";
import { loadTokenizer } from "../../dist/engine/text/tokenizer.js";
import { readCandidates } from "../../dist/method/data/load.js";
import { parseLossSpec, resolveFlip } from "../../dist/method/objective/loss-spec.js";
import { openScorer } from "../../dist/method/objective/score.js";
import { encodePairs } from "../../dist/method/teacher/encode.js";
import { loadTeacherModel } from "../../dist/method/teacher/teacher-model.js";
import { accumulate } from "../../dist/method/train/global-batch.js";
import { openOptimizer } from "../../dist/method/train/optimizer.js";
import { preferenceData } from "../../dist/method/train/preference-data.js";
import { preferenceGraph } from "../../dist/method/train/preference-graph.js";
import { compileTraining } from "../../dist/method/train/programs.js";
import { trainSettings } from "../../dist/method/train/settings.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(
    "model,rows,out,data,pairs,max-length,threads,batch,lora,layers,precision"
      .split(",")
      .map((name) => [name, { type: "string" }]),
  ),
});
const number = (name) => Number(values[name]);
const runtime = openRuntime({ threads: number("threads") || 1 });
const given = () => JSON.parse(readFileSync(values.rows, "utf8"));
const tokensOf = (rows) =>
  rows.reduce((sum, { prompt, responses }) => sum + prompt.length + responses.flat().length, 0);
const seconds = async (work) => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

/** Token ids of preference pairs. */
async function writeRows() {
  const limits = { maxLength: number("max-length"), maxPromptLength: number("max-length") >> 1 };
  const { tokenizer } = await loadTeacherModel(runtime, values.model, {
    role: "policy",
    task: "language-model",
    limits,
  });
  const { pairs } = await readCandidates(values.data, { seed: 1 });
  const some = pairs.slice(0, number("pairs")).map(({ id, prompt, a, b }) => ({ id, prompt, a, b }));
  const rows = encodePairs(tokenizer, some, limits).map(({ prompt, a, b }) => ({
    prompt,
    responses: [a, b],
  }));
  writeFileSync(values.out, JSON.stringify(rows));
  return { rows: rows.length, tokens: tokensOf(rows) };
}

/** Random ids in lengths like a story's: prompts of 8 to 40, responses of 20 to 100. */
async function writeRandomRows() {
  const { vocab_size: vocab } = JSON.parse(readFileSync(`${values.model}/config.json`, "utf8"));
  let state = 7;
  const below = (limit) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
  const ids = (length) => Array.from({ length }, () => 3 + below(vocab - 3));
  const rows = Array.from({ length: number("pairs") }, () => ({
    prompt: ids(8 + below(33)),
    responses: [ids(20 + below(81)), ids(20 + below(81))],
  }));
  writeFileSync(values.out, JSON.stringify(rows));
  return { rows: rows.length, tokens: tokensOf(rows) };
}

/** About as many tokens as the demo's data leaves of stories15M's vocabulary (2,757). */
async function trim() {
  const ids = Array.from({ length: 2700 }, (_, i) => i);
  const { kept } = await trimVocabulary(values.model, values.out, { texts: [], ids });
  return { kept: kept.length };
}

async function keepLayers() {
  await keepFirstLayers(values.model, values.out, number("layers"));
  return { layers: number("layers") };
}

/** OPT-125M with random weights: what is timed does not depend on them. */
async function randomOpt() {
  const config = {
    ...{ model_type: "opt", architectures: ["OPTForCausalLM"], num_hidden_layers: 12, hidden_size: 768 },
    ...{ num_attention_heads: 12, ffn_dim: 3072, vocab_size: 50272, max_position_embeddings: 2048 },
  };
  const { family, decoder } = describeModel(config);
  const parameters = parameterShapes(decoder, "language-model");
  for (const [name, shape] of parameters) {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
      name.endsWith("norm.weight") ? 1 : (Math.random() - 0.5) * 0.04,
    );
    await runtime.store.set(keyOf({ id: "opt" }, name), shape, data);
  }
  return {
    id: "opt",
    family,
    decoder,
    task: "language-model",
    lora: undefined,
    parameters,
    config,
    folder: "",
  };
}

async function openModel() {
  const limits = { maxLength: 8192, maxPromptLength: 4096 };
  const load = { role: "policy", task: "language-model", limits, precision: values.precision };
  return values.model === "opt-125m"
    ? randomOpt()
    : (await loadTeacherModel(runtime, values.model, load)).model;
}

/** Likelihoods of all responses, after a few that are not counted. */
async function score() {
  const rows = given();
  const scorer = await openScorer(runtime, await openModel());
  await scorer.score(rows.slice(0, 4));
  let scores;
  const cpu = process.cpuUsage();
  const took = await seconds(async () => {
    scores = await scorer.score(rows);
  });
  const { user, system } = process.cpuUsage(cpu);
  return {
    pairs_per_s: rows.length / took,
    cpu_seconds: (user + system) / 1e6,
    logps: scores.flatMap(({ logps }) => logps),
  };
}

/** What an open scorer's weights take, after collections; ONNX Runtime and the tokenizer, which every precision has, are there before. */
async function hold() {
  const x = input("x", "float", ["N"]);
  await runtime.compile(writeProgram({ x }, runtime.dialect));
  if (values.model !== "opt-125m") await loadTokenizer(values.model);
  const before = await resident();
  const scorer = await openScorer(runtime, await openModel());
  const after = await resident();
  await scorer.close();
  return { weights_mib: after.held - before.held, mapped_mib: after.mapped - before.mapped };
}

/** Anonymous memory, and what is mapped from files, which the system may drop and read again, MiB. */
async function resident() {
  for (let i = 0; i < 8; i++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    globalThis.gc();
  }
  const status = readFileSync("/proc/self/status", "utf8");
  const mib = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024;
  return { held: mib("RssAnon"), mapped: mib("RssFile") };
}

async function openTraining() {
  const base = await loadModel(runtime, values.model, { id: "policy" });
  const spec =
    values.lora &&
    adapterSpec(base, { r: number("lora"), alpha: 16, dropout: 0.05, targetModules: ["q_proj", "v_proj"] });
  const model = spec ? await addAdapter(runtime, base, spec, 1) : base;
  // Like lengths together, as the other side has them.
  const rows = given().sort((a, b) => tokensOf([a]) - tokensOf([b]));
  const settings = trainSettings({ batchSize: number("batch"), learningRate: 1e-6 });
  const loss = resolveFlip(parseLossSpec({ type: "sigmoid" }));
  const data = preferenceData(runtime, model, loss, {
    rows,
    reference: rows.map(() => ({ logps: [-300, -300] })),
  });
  const programs = await compileTraining(runtime, model, preferenceGraph(loss), settings);
  const optimizer = await openOptimizer(runtime, model, settings, 100_000);
  const job = { model, settings, data, metrics: () => ({ loss: 0 }) };
  let done = 0;
  const step = async (batch) => {
    const first = batch * settings.batchSize;
    await accumulate(
      programs,
      job,
      Array.from({ length: settings.batchSize }, (_, k) => first + k),
      ++done,
    );
    await optimizer.step(done);
  };
  return { rows, step, batches: Math.floor(rows.length / settings.batchSize) };
}

/** Optimiser steps over all rows, after three that are not counted: the second lane's session is made during the first. */
async function step() {
  const { rows, step: take, batches } = await openTraining();
  for (let i = 0; i < 3; i++) await take(i % batches);
  const cpu = process.cpuUsage();
  const took = await seconds(async () => {
    for (let i = 0; i < batches; i++) await take(i);
  });
  const { user, system } = process.cpuUsage(cpu);
  const counted = rows.slice(0, batches * number("batch"));
  return {
    tokens_per_s: tokensOf(counted) / took,
    seconds_per_step: took / batches,
    cpu_seconds_per_step: (user + system) / 1e6 / batches,
  };
}

/** The training session and its first step. */
async function open() {
  const { step: take } = await openTraining();
  const cpu = process.cpuUsage();
  const took = await seconds(() => take(0));
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: took, cpu_seconds: (user + system) / 1e6 };
}

const TASKS = {
  rows: writeRows,
  "random-rows": writeRandomRows,
  trim,
  layers: keepLayers,
  score,
  hold,
  step,
  open,
};
console.log(JSON.stringify(await TASKS[positionals[0]]()));
await runtime.close();
