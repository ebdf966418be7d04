/**
 * One task of the engine in a process of its own, so that its peak memory is its own. Prints one JSON line.
 * usage: node bench/ours.mjs dpo|score|lora --lengths FILE [--pairs N] [--batch N] [--threads N] [--model NAME] [--tokens N]
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { writeProgram } from "../dist/engine/graph/onnx/write.js";
import { matmul } from "../dist/engine/graph/ops/matmul.js";
import { input } from "../dist/engine/graph/tensor.js";
import { describeModel } from "../dist/engine/model/families/index.js";
import { loraSpec } from "../dist/engine/model/lora.js";
import {
  addAdapter,
  keyOf,
  parameterCount,
  parameterShapes,
  trainableParameters,
} from "../dist/engine/model/model.js";
import { openRuntime } from "../dist/engine/runtime/runtime.js";
import { parseLossSpec, resolveFlip } from "../dist/method/objective/loss-spec.js";
import { openScorer } from "../dist/method/objective/score.js";
import { accumulate } from "../dist/method/train/global-batch.js";
import { openOptimizer } from "../dist/method/train/optimizer.js";
import { preferenceData } from "../dist/method/train/preference-data.js";
import { preferenceGraph } from "../dist/method/train/preference-graph.js";
import { compileTraining } from "../dist/method/train/programs.js";
import { trainSettings } from "../dist/method/train/settings.js";
import { pythonShuffle } from "./python-random.mjs";

const SIZES = {
  "opt-125m": {
    num_hidden_layers: 12,
    hidden_size: 768,
    num_attention_heads: 12,
    ffn_dim: 3072,
    vocab_size: 50272,
  },
  "opt-350m": {
    num_hidden_layers: 24,
    hidden_size: 1024,
    num_attention_heads: 16,
    ffn_dim: 4096,
    vocab_size: 50272,
  },
  tiny: { num_hidden_layers: 4, hidden_size: 128, num_attention_heads: 4, ffn_dim: 512, vocab_size: 2048 },
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    lengths: { type: "string" },
    pairs: { type: "string", default: "64" },
    batch: { type: "string", default: "16" },
    threads: { type: "string", default: "2" },
    model: { type: "string", default: "opt-125m" },
    tokens: { type: "string" },
    "max-length": { type: "string", default: "512" },
  },
});
const task = positionals[0];
const number = (name) => Number(values[name]);
const size = SIZES[values.model];

/** The pairs that the PyTorch side draws with seed 0, cut as it cuts them; ids are random. */
function rows(count) {
  const lengths = pythonShuffle(JSON.parse(readFileSync(values.lengths, "utf8")), 0);
  const max = number("max-length");
  const ids = (n) => Array.from({ length: n }, () => Math.floor(Math.random() * size.vocab_size));
  return lengths.slice(0, count).map(([p, c, r]) => {
    const [chosen, rejected] = [Math.max(1, Math.min(c, max - 1)), Math.max(1, Math.min(r, max - 1))];
    const prompt = Math.max(1, Math.min(p, max - Math.max(chosen, rejected)));
    return { prompt: ids(prompt), responses: [ids(chosen), ids(rejected)] };
  });
}

/**
 * Useful floating-point operations of one forward pass over a row: 2 per weight of the linear layers and real token,
 * 2·C·V per predicted token, 4·C per layer and visible (query, key) pair. Padding, masked attention and recomputation do not count.
 */
function forwardFlops({ prompt, responses }) {
  const { num_hidden_layers: L, hidden_size: C, ffn_dim: F, vocab_size: V } = size;
  const predicted = responses.reduce((total, r) => total + r.length, 0);
  const tokens = prompt.length + predicted;
  const triangle = (n) => (n * (n + 1)) / 2;
  const seen =
    triangle(prompt.length) +
    responses.reduce((total, r) => total + r.length * prompt.length + triangle(r.length), 0);
  return L * (tokens * 2 * (4 * C * C + 2 * C * F) + 4 * C * seen) + 2 * C * V * predicted;
}

const runtime = openRuntime({ threads: number("threads") });

async function openGemm() {
  const n = 1024;
  const program = writeProgram(
    { c: matmul(input("a", "float", [n, n]), input("b", "float", [n, n])) },
    runtime.dialect,
  );
  const executable = await runtime.compile(program);
  for (const key of ["a", "b", "c"])
    await runtime.store.set(`gemm/${key}`, [n, n], Float32Array.from({ length: n * n }, Math.random));
  const bindings = { inputs: { a: "gemm/a", b: "gemm/b" }, outputs: { c: "gemm/c" } };
  return async () => {
    const seconds = [];
    for (let i = 0; i < 20; i++) {
      const start = performance.now();
      await executable.run({}, bindings);
      seconds.push((performance.now() - start) / 1000);
    }
    seconds.sort((a, b) => a - b);
    return (2 * n ** 3) / seconds[10] / 1e9;
  };
}

async function randomModel(id) {
  const config = {
    model_type: "opt",
    architectures: ["OPTForCausalLM"],
    max_position_embeddings: 2048,
    ...size,
  };
  const { family, decoder } = describeModel(config);
  const parameters = parameterShapes(decoder, "language-model");
  for (const [name, shape] of parameters) {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i++)
      data[i] = name.endsWith("norm.weight") ? 1 : (Math.random() - 0.5) * 0.04;
    await runtime.store.set(keyOf({ id }, name), shape, data);
  }
  return { id, family, decoder, task: "language-model", lora: undefined, parameters, config, folder: "" };
}

async function score(pairs) {
  const models = [await randomModel("policy"), await randomModel("reference")];
  const options = values.tokens ? { tokens: number("tokens") } : {};
  const scorers = await Promise.all(models.map((model) => openScorer(runtime, model, options)));
  const all = async (some) => {
    for (const scorer of scorers) await scorer.score(some);
  };
  await all(pairs.slice(0, 16));
  return { run: () => all(pairs), passes: 2, steps: 1 };
}

async function train(pairs, lora) {
  const base = await randomModel("policy");
  const adapter = { rank: 8, alpha: 16, dropout: 0, targets: ["q_proj", "v_proj"] };
  const model = lora ? await addAdapter(runtime, base, loraSpec(adapter), 1) : base;
  const settings = trainSettings({
    batchSize: number("batch"),
    learningRate: 1e-6,
    ...(values.tokens ? { tokens: number("tokens") } : {}),
  });
  const loss = resolveFlip(parseLossSpec({ type: "sigmoid" }));
  const reference = pairs.map(() => ({ logps: [-300, -300] }));
  const data = preferenceData(runtime, model, loss, { rows: pairs, reference });
  const programs = await compileTraining(runtime, model, preferenceGraph(loss), settings);
  const optimizer = await openOptimizer(runtime, model, settings, 1000);
  const job = { settings, data, metrics: () => ({ loss: 0 }) };
  let done = 0;
  const step = async (indices) => {
    await accumulate(programs, job, indices, ++done);
    await optimizer.step(done);
  };
  const batches = [];
  for (let i = 0; i < pairs.length; i += settings.batchSize)
    batches.push(pairs.slice(i, i + settings.batchSize).map((_, k) => i + k));
  await step(batches[0]);
  const optimiserState = 2 * parameterCount(model.parameters, trainableParameters(model));
  const run = async () => {
    for (const batch of batches) await step(batch);
  };
  return { run, passes: 3, steps: batches.length, optimiserState };
}

const pairs = rows(number("pairs"));
const gemm = await openGemm();
const { run, passes, steps, ...more } =
  task === "score" ? await score(pairs) : await train(pairs, task === "lora");
const before = await gemm();
const cpu = process.cpuUsage();
const start = performance.now();
await run();
const seconds = (performance.now() - start) / 1000;
const used = process.cpuUsage(cpu);
const gflops = (before + (await gemm())) / 2;
const useful = passes * pairs.reduce((total, row) => total + forwardFlops(row), 0);
const tokens = pairs.reduce(
  (total, { prompt, responses }) => total + prompt.length + responses.flat().length,
  0,
);
const { peakRssBytes } = await runtime.memory();
const round = (value, digits) => Number(value.toFixed(digits));
console.log(
  JSON.stringify({
    impl: "weak-teacher",
    task,
    model: values.model,
    pairs: pairs.length,
    steps,
    threads: number("threads"),
    seconds: round(seconds, 3),
    cpu_seconds: round((used.user + used.system) / 1e6, 3),
    pairs_per_s: round(pairs.length / seconds, 4),
    tokens_per_s_real: round(tokens / seconds, 1),
    useful_gflops: task === "lora" ? null : round(useful / seconds / 1e9, 1),
    gemm_gflops: round(gflops, 1),
    share_of_gemm: task === "lora" ? null : round(useful / seconds / 1e9 / gflops, 3),
    peak_rss_gb: round(peakRssBytes / 1e9, 2),
    ...more,
  }),
);
await runtime.close();
