/**
 * The whole `label` command against the bare scorer on the same rows, and its cost as the pool grows. `npm run bench -- --label`
 * [--sizes 10000,100000,1000000] [--rows 20000] [--story-rows 6000] [--threads 2]:
 *
 *   1. for a tiny model and stories15M: rows a second of the scorer alone, on rows that are tokenised already, and of `weak-teacher
 *      label` (reading, tokenising, scoring, writing); the time of the command on one row (start, loading) is told apart, and the
 *      scorer runs before and after the command, for machines drift;
 *   2. peak memory and rows a second of the whole command for pools of short pairs, with a tiny model.
 *
 * The command's scores are compared with the scorer's before anything is reported. One JSON line last, also in bench/results/label.jsonl.
 */
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openRuntime } from "../dist/engine/runtime/runtime.js";
import { openScorer } from "../dist/method/objective/score.js";
import { encodePairs } from "../dist/method/teacher/encode.js";
import { loadTeacherModel } from "../dist/method/teacher/teacher-model.js";
import { shortPairs, writeShortPairs } from "../test/helpers/short-pairs.ts";
import { writeTinyModel } from "../test/helpers/tiny-model.ts";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "10000,100000,1000000" },
    rows: { type: "string", default: "20000" },
    "story-rows": { type: "string", default: "6000" },
    threads: { type: "string", default: "2" },
  },
});
const main = fileURLToPath(new URL("../dist/interfaces/cli/main.js", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "bench-label-"));
const at = (...parts) => join(folder, ...parts);
const limits = { maxLength: 200, maxPromptLength: 100 };
const round = (value, digits = 1) => Number(value.toFixed(digits));

/** Runs the command; seconds, and peak resident memory where the system tells it. */
async function label(model, pool, out) {
  rmSync(out, { recursive: true, force: true });
  const args = [main, "label", pool, "--teacher", "likelihood", "--model", model, "--out", out, "--quiet"];
  const more = ["--max-length", "200", "--max-prompt-length", "100", "--threads", values.threads];
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...args, ...more], { stdio: ["ignore", "ignore", "inherit"] });
  let peakBytes;
  const timer = setInterval(() => {
    try {
      const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
      if (kib !== undefined) peakBytes = 1024 * Number(kib);
    } catch {
      // No /proc here, or the process has just ended.
    }
  }, 100);
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`label ${pool}: exit ${code}`);
  return { seconds: (performance.now() - startedMs) / 1000, peakBytes };
}

/** Scores of one model alone, as the command scores: 512 pairs at a time. */
async function bare(model, count) {
  const runtime = openRuntime({ threads: Number(values.threads) });
  const loaded = await loadTeacherModel(runtime, model, { role: "policy", task: "language-model", limits });
  const scorer = await openScorer(runtime, loaded.model);
  const pairs = [...shortPairs(count)].map(({ id, prompt, response_a: a, response_b: b }) => ({
    id,
    prompt,
    a,
    b,
  }));
  const rows = encodePairs(loaded.tokenizer, pairs, limits).map(({ prompt, a, b }) => ({
    prompt,
    responses: [a, b],
  }));
  await scorer.score(rows.slice(0, 512));
  const scores = [];
  const startedMs = performance.now();
  for (let i = 0; i < rows.length; i += 512) scores.push(...(await scorer.score(rows.slice(i, i + 512))));
  const seconds = (performance.now() - startedMs) / 1000;
  await runtime.close();
  return { seconds, logps: new Map(pairs.map(({ id }, i) => [id, scores[i].logps])) };
}

/** Largest difference of the command's scores from the scorer's, nats. */
function differenceFrom(logps, out) {
  let largest = 0;
  for (const line of readFileSync(join(out, "labels.jsonl"), "utf8").trimEnd().split("\n")) {
    const { id, score_a, score_b, flags } = JSON.parse(line);
    if (flags.includes("identical")) continue;
    const [a, b] = logps.get(id);
    largest = Math.max(largest, Math.abs(a - score_a), Math.abs(b - score_b));
  }
  return largest;
}

async function compare(name, model, count) {
  await writeShortPairs(at("pool.jsonl"), count);
  await writeShortPairs(at("one.jsonl"), 1);
  const alone = await bare(model, count);
  const start = await label(model, at("one.jsonl"), at("one"));
  const whole = await label(model, at("pool.jsonl"), at("out"));
  const again = await bare(model, count);
  const difference = differenceFrom(alone.logps, at("out"));
  if (!(difference < 1e-3)) throw new Error(`${name}: the command's scores differ by ${difference} nats`);
  const seconds = whole.seconds - start.seconds;
  const bareSeconds = (alone.seconds + again.seconds) / 2;
  return {
    name,
    rows: count,
    bare_rows_per_s: round(count / bareSeconds),
    bare_spread_percent: round((100 * Math.abs(alone.seconds - again.seconds)) / bareSeconds),
    label_rows_per_s: round(count / seconds),
    start_seconds: round(start.seconds, 2),
    overhead_percent: round(100 * (seconds / bareSeconds - 1)),
    largest_difference_nats: difference,
  };
}

async function cost(count) {
  await writeShortPairs(at("pool.jsonl"), count);
  const { seconds, peakBytes } = await label(at("cost-model"), at("pool.jsonl"), at("out"));
  console.error(`${count} pairs: ${round(seconds)} s`);
  return {
    pairs: count,
    seconds: round(seconds),
    rows_per_s: round(count / seconds),
    peak_rss_mb: peakBytes === undefined ? null : Math.round(peakBytes / 1e6),
  };
}

try {
  await writeTinyModel(at("tiny"), { family: "llama", seed: 1, layers: 4, hidden: 64 });
  await writeTinyModel(at("cost-model"), { family: "llama", seed: 1, layers: 1, hidden: 16 });
  execFileSync(process.execPath, [main, "import", "stories15M", "--out", at("stories")], { stdio: "ignore" });
  const overhead = [
    await compare("tiny", at("tiny"), Number(values.rows)),
    await compare("stories15M", at("stories"), Number(values["story-rows"])),
  ];
  const costs = [];
  for (const size of values.sizes.split(",")) costs.push(await cost(Number(size)));
  console.table(overhead);
  console.table(costs);
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", cwd }).trim();
  const line = JSON.stringify({
    ...{ commit, date: new Date().toISOString().slice(0, 10), cpu: cpus()[0]?.model.trim() },
    ...{ node: process.version, threads: Number(values.threads), overhead, costs },
  });
  const results = fileURLToPath(new URL("results", import.meta.url));
  mkdirSync(results, { recursive: true });
  appendFileSync(join(results, "label.jsonl"), `${line}\n`);
  console.log(line);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
