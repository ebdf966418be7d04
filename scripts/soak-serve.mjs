/**
 * The load test of `serve`: the real command in a process of its own, a real model (stories15M, or --model) with an adapter, 64 clients for
 * a minute. Every score is compared with the one computed here, in this process, beforehand; texts that the server wrote are scored here
 * afterwards. Prints a table and one JSON line last; exit code 1 when anything was wrong.
 * `npm run soak:serve [-- --seconds 60 --clients 64 --threads 2 --model FOLDER]`. Loopback only.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createRng } from "../dist/base/core/rng.js";
import { loadAdapter, saveAdapter } from "../dist/engine/checkpoint/adapter-model.js";
import { importLlama2c } from "../dist/engine/checkpoint/llama2c.js";
import { loadModel } from "../dist/engine/checkpoint/load-model.js";
import { extractStories15M } from "../dist/engine/checkpoint/stories15m.js";
import { loraSpec } from "../dist/engine/model/lora.js";
import { addAdapter, keyOf } from "../dist/engine/model/model.js";
import { openRuntime } from "../dist/engine/runtime/runtime.js";
import { loadTokenizer } from "../dist/engine/text/tokenizer.js";
import { openScorer } from "../dist/method/objective/score.js";
import { encodePairs, scoreCandidates } from "../dist/method/teacher/encode.js";
import { implicitRewards } from "../dist/method/teacher/logratio.js";
import { randomOf, soak, TOLERANCE } from "./soak-load.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    clients: { type: "string", default: "64" },
    threads: { type: "string", default: "2" },
    model: { type: "string" },
  },
});
const [seconds, clients, threads] = [values.seconds, values.clients, values.threads].map(Number);
const LIMITS = { maxLength: 160, maxPromptLength: 80 };
const MAX_BODY = 256 * 1024;
const BETA = 0.1;
/** Requests that may be in hand: all clients', and some of the crowd that comes each second. */
const maxRequests = clients + 8;

const root = await mkdtemp(join(tmpdir(), "soak-"));
const runtime = openRuntime({ threads });
let child;
try {
  const folder = values.model ?? (await storyModel());
  const cases = await localCases(folder);
  child = spawn(process.execPath, serveArguments(folder), { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  const { url } = JSON.parse(line);
  const load = {
    ...cases,
    url,
    model: "teacher",
    clients,
    maxBody: MAX_BODY + 1000,
    tooLong: 4000,
    crowd: 32,
    rss: () => rssOf(url),
  };
  // Programs are compiled and memory is taken at first use; what is measured comes after.
  await soak({ ...load, seconds: Math.min(15, seconds / 2) });
  const result = await soak({ ...load, seconds });
  const apart = await checkTexts(cases.teacher, result.texts);
  const code = once(child, "exit");
  child.kill("SIGTERM");
  report({ ...result, texts: result.texts.length, textDifference: apart, exit: (await code)[0] });
} finally {
  child?.kill("SIGKILL");
  await runtime.close();
  await rm(root, { recursive: true, force: true });
}

async function storyModel() {
  const out = join(root, "stories15M");
  await importLlama2c({ ...(await extractStories15M()), out, name: "stories15M" });
  return out;
}

function serveArguments(folder) {
  const main = fileURLToPath(new URL("../dist/interfaces/cli/main.js", import.meta.url));
  const limits = ["--max-length", LIMITS.maxLength, "--max-prompt-length", LIMITS.maxPromptLength];
  const bounds = ["--max-requests", maxRequests, "--max-body", MAX_BODY, "--beta", BETA];
  const what = [folder, "--name", "base", "--lora", `teacher=${join(root, "adapter")}`];
  return [main, "serve", ...what, ...limits, ...bounds, "--threads", threads, "--port", 0, "--json"].map(
    String,
  );
}

/** An adapter of random numbers: the scores mean nothing, but they are different ones. */
async function adapterOn(folder) {
  const path = join(root, "adapter");
  const base = await loadModel(runtime, folder, { id: "under adapter" });
  const lora = loraSpec({ r: 8, alpha: 16, dropout: 0, targetModules: ["q_proj", "v_proj"] });
  const adapted = await addAdapter(runtime, base, lora, 1);
  for (const [name, shape] of adapted.parameters) {
    if (!name.endsWith("lora_B.weight")) continue;
    const draw = createRng(2).fork(name);
    const data = Float32Array.from({ length: shape[0] * shape[1] }, () => 0.05 * draw.normal());
    await runtime.store.set(keyOf(adapted, name), shape, data);
  }
  await saveAdapter(runtime, adapted, path, { baseModel: folder });
  return path;
}

/** Pairs and prompts with their local scores. */
async function localCases(folder) {
  const teacher = await loadAdapter(
    runtime,
    await loadModel(runtime, folder, { id: "teacher" }),
    await adapterOn(folder),
  );
  const base = await loadModel(runtime, folder, { id: "base" });
  const tokenizer = await loadTokenizer(folder);
  const random = randomOf(9);
  const pairs = Array.from({ length: 200 }, (_, i) => {
    return { id: `p${i}`, prompt: words(random, 40), a: ` ${words(random, 30)}`, b: ` ${words(random, 30)}` };
  });
  const encoded = encodePairs(tokenizer, pairs, LIMITS);
  const logpsOf = async (model) =>
    scoreCandidates(await openScorer(runtime, model), encoded, ({ logps }) => logps);
  const [policy, reference] = [await logpsOf(teacher), await logpsOf(base)];
  const ids = pairs.map(({ id }) => id);
  const scores = implicitRewards(ids, encoded, { policy, reference, beta: BETA });
  const scorer = await openScorer(runtime, teacher, { perToken: true });
  const texts = pairs.map(({ prompt }) => [tokenizer.bosId, ...tokenizer.encode(prompt)]);
  const perToken = await scorer.score(
    texts.map((text) => ({ prompt: text.slice(0, 1), responses: [text.slice(1)] })),
  );
  return {
    teacher,
    pairs: pairs.map((pair, i) => ({ pair, scoreA: scores[i].scoreA, scoreB: scores[i].scoreB })),
    prompts: texts.map((text, i) => ({ ids: text, logps: [...perToken[i].perToken[0]] })),
  };
}

function words(random, most) {
  const known =
    "once upon a time there was little girl named Lily who loved to play with her dog in the big green park".split(
      " ",
    );
  const count = 4 + Math.floor(random() * (most - 3));
  return Array.from({ length: count }, () => known[Math.floor(random() * known.length)]).join(" ");
}

/** Largest distance of what the server said about its own texts from what is computed here. */
async function checkTexts(model, texts) {
  const scorer = await openScorer(runtime, model, { perToken: true });
  const scores = await scorer.score(texts.map(({ prompt, written }) => ({ prompt, responses: [written] })));
  const apart = texts.flatMap(({ logps }, i) =>
    logps.map((logp, t) => Math.abs(logp - scores[i].perToken[0][t])),
  );
  return Math.max(0, ...apart);
}

async function rssOf(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)[1]);
}

function report(result) {
  const { scores, wrong, largestDifference, statuses, latencyMs, refused, rss, textDifference } = result;
  const mb = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
  const ms = (value) => `${value.toFixed(0)} ms`;
  const rows = [
    ["clients", result.clients],
    ["seconds", result.seconds.toFixed(1)],
    ["requests answered", `${result.requests} (${result.requestsPerSecond.toFixed(1)}/s)`],
    ["by status", JSON.stringify(statuses)],
    ["scores compared", scores],
    ["wrong scores", wrong.length],
    ["largest difference", largestDifference.toExponential(2)],
    ["texts scored again", `${result.texts}, largest difference ${textDifference.toExponential(2)}`],
    ["latency p50, p95, p99", [latencyMs.p50, latencyMs.p95, latencyMs.p99].map(ms).join(", ")],
    ["refused 413, 400, 429", [413, 400, 429].map((status) => refused[status]).join(", ")],
    ["memory first, peak", `${mb(rss.first)}, ${mb(rss.peak)}`],
    ["memory 2nd, last quarter", `${mb(rss.early)}, ${mb(rss.late)}`],
    ["exit code at SIGTERM", result.exit],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(26)} ${value}`);
  const problems = problemsOf(result);
  for (const problem of [...problems, ...wrong, ...refused.unexpected]) console.error(`soak: ${problem}`);
  console.log(JSON.stringify({ ...result, problems, ok: problems.length === 0 }));
  if (problems.length > 0) process.exitCode = 1;
}

function problemsOf({ scores, wrong, refused, rss, textDifference, exit }) {
  const checks = [
    [scores > 0 && wrong.length === 0, "scores are wrong, or there are none"],
    [textDifference <= TOLERANCE, "log-probabilities of written texts are wrong"],
    [refused.unexpected.length === 0, "an over-limit request was not refused as it should be"],
    [refused[413] > 0 && refused[400] > 0 && refused[429] > 0, "a kind of refusal was never seen"],
    [rss.late <= 1.2 * rss.early + 64e6, "memory went on growing"],
    [exit === 0, "the server did not stop with 0"],
  ];
  return checks.filter(([holds]) => !holds).map(([, problem]) => problem);
}
