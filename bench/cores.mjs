/**
 * One process that computes on all cores against as many single-threaded processes beside each other, the same work each, in turns on
 * warm processes. Prints one JSON line per task: rates of both and their ratio, medians of the rounds.
 * usage: node bench/cores.mjs [--tasks score,generate,prefer] [--model FOLDER] [--cores 2] [--rounds 5] [--pairs 192] [--batch 16]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    tasks: { type: "string", default: "score,generate,prefer" },
    model: { type: "string" },
    cores: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    pairs: { type: "string", default: "192" },
    batch: { type: "string", default: "16" },
    tokens: { type: "string" },
    "new-tokens": { type: "string", default: "64" },
    lora: { type: "boolean", default: false },
    child: { type: "string" },
    threads: { type: "string", default: "1" },
  },
});
const number = (name) => Number(values[name]);

/** Row `n` of a fixed stream of pairs: prompts of 8 to 40 tokens, responses of 20 to 100. */
function makeRows(count, vocab) {
  let state = 7;
  const below = (limit) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
  const ids = (length) => Array.from({ length }, () => 3 + below(vocab - 3));
  return Array.from({ length: count }, () => ({
    prompt: ids(8 + below(33)),
    responses: [ids(20 + below(81)), ids(20 + below(81))],
  }));
}

async function child() {
  const { openRuntime } = await import("../dist/engine/runtime/runtime.js");
  const { loadModel } = await import("../dist/engine/checkpoint/load-model.js");
  const runtime = openRuntime({ threads: number("threads") });
  const model = await loadModel(runtime, values.model, { id: "policy" });
  const rows = makeRows(number("pairs"), model.decoder.config.vocabSize);
  const work = await WORK[values.child](runtime, model, rows);
  await work(rows.slice(0, number("batch") * 2));
  process.on("message", async (word) => {
    if (word === "end") return process.exit(0);
    const start = performance.now();
    const done = await work(rows);
    process.send({ rate: (1000 * done) / (performance.now() - start), memory: await runtime.memory() });
  });
  process.send("ready");
}

const WORK = {
  async score(runtime, model) {
    const { openScorer } = await import("../dist/method/objective/score.js");
    const scorer = await openScorer(runtime, model);
    return async (rows) => {
      await scorer.score(rows);
      return rows.length;
    };
  },
  async generate(runtime, model) {
    const { generate } = await import("../dist/engine/model/generate.js");
    return async (rows) => {
      const texts = await generate(
        runtime,
        model,
        rows.map(({ prompt }) => prompt),
        { maxNewTokens: number("new-tokens"), eosIds: [2], seed: 1, temperature: 1, topP: 1 },
      );
      return texts.reduce((total, { ids }) => total + ids.length, 0);
    };
  },
  async prefer(runtime, given, all) {
    const { parseLossSpec, resolveFlip } = await import("../dist/method/objective/loss-spec.js");
    const { accumulate } = await import("../dist/method/train/global-batch.js");
    const { openOptimizer } = await import("../dist/method/train/optimizer.js");
    const { preferenceData } = await import("../dist/method/train/preference-data.js");
    const { preferenceGraph } = await import("../dist/method/train/preference-graph.js");
    const { compileTraining } = await import("../dist/method/train/programs.js");
    const { trainSettings } = await import("../dist/method/train/settings.js");
    const { addAdapter, adapterSpec } = await import("../dist/engine/model/model.js");
    const model = values.lora
      ? await addAdapter(runtime, given, adapterSpec(given, { r: 8, alpha: 16, dropout: 0 }), 1)
      : given;
    const settings = trainSettings({
      batchSize: number("batch"),
      learningRate: 1e-6,
      ...(values.tokens && { tokens: number("tokens") }),
    });
    const loss = resolveFlip(parseLossSpec({ type: "sigmoid" }));
    const data = preferenceData(runtime, model, loss, {
      rows: all,
      reference: all.map(() => ({ logps: [-300, -300] })),
    });
    const programs = await compileTraining(runtime, model, preferenceGraph(loss), settings);
    const optimizer = await openOptimizer(runtime, model, settings, 100_000);
    const job = { model, settings, data, metrics: () => ({ loss: 0 }) };
    let step = 0;
    return async (rows) => {
      for (let i = 0; i + settings.batchSize <= rows.length; i += settings.batchSize) {
        await accumulate(
          programs,
          job,
          Array.from({ length: settings.batchSize }, (_, k) => i + k),
          ++step,
        );
        await optimizer.step(step);
      }
      return Math.floor(rows.length / settings.batchSize);
    };
  },
};

async function start(task, threads, model) {
  const more = Object.entries(values)
    .flatMap(([name, value]) =>
      ["child", "threads", "model"].includes(name)
        ? []
        : value === true
          ? [`--${name}`]
          : [`--${name}=${value}`],
    )
    .filter((flag) => !flag.endsWith("=false"));
  const process = fork(fileURLToPath(import.meta.url), [
    `--child=${task}`,
    `--threads=${threads}`,
    `--model=${model}`,
    ...more,
  ]);
  await once(process, "message");
  return process;
}

async function ask(children) {
  const answers = children.map((process) => once(process, "message").then(([answer]) => answer));
  for (const process of children) process.send("go");
  return Promise.all(answers);
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "weak-teacher-cores-"));
  let model = values.model;
  if (model === undefined) {
    model = join(folder, "stories15M");
    const { spawnSync } = await import("node:child_process");
    const cli = join(import.meta.dirname, "../dist/interfaces/cli/main.js");
    const made = spawnSync(process.execPath, [cli, "import", "stories15M", "--out", model, "--quiet"]);
    if (made.status !== 0) throw new Error(String(made.stderr));
  }
  const cores = number("cores");
  for (const task of values.tasks.split(",")) {
    const one = await start(task, cores, model);
    const many = [];
    for (let i = 0; i < cores; i++) many.push(await start(task, 1, model));
    const rounds = [];
    for (let round = 0; round < number("rounds"); round++) {
      const [alone] = await ask([one]);
      const beside = await ask(many);
      const rate = beside.reduce((total, answer) => total + answer.rate, 0);
      rounds.push({
        one: alone.rate,
        many: rate,
        ratio: alone.rate / rate,
        memory: alone.memory,
        other: beside[0].memory,
      });
    }
    for (const process of [one, ...many]) process.send("end");
    const of = (name) => median(rounds.map((round) => round[name]));
    console.log(
      JSON.stringify({
        task,
        lora: values.lora,
        cores,
        rounds: rounds.length,
        one_process_per_s: Number(of("one").toFixed(2)),
        processes_per_s: Number(of("many").toFixed(2)),
        ratio: Number(of("ratio").toFixed(3)),
        ratios: rounds.map(({ ratio }) => Number(ratio.toFixed(2))),
        peak_gb: Number((Math.max(...rounds.map((r) => r.memory.peakRssBytes)) / 1e9).toFixed(2)),
        peak_gb_each_of_many: Number((Math.max(...rounds.map((r) => r.other.peakRssBytes)) / 1e9).toFixed(2)),
        load: loadavg().map((x) => Number(x.toFixed(1))),
      }),
    );
  }
  rmSync(folder, { recursive: true, force: true });
}

if (values.child) await child();
else await main();
