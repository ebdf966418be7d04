/**
 * The benchmark: preference training and preference scoring with the OPT-125M shape on real pair lengths, side by side with
 * PyTorch in one run, one after the other, on the same pairs. `npm run bench [-- --quick]`; `-- --label` times labelling (`label.mjs`).
 * Prints a table for people, one JSON line last, and appends that line to bench/results/.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

// `--label` is a benchmark of its own, with options of its own.
if (process.argv.includes("--label")) {
  const script = fileURLToPath(new URL("label.mjs", import.meta.url));
  const rest = process.argv.slice(2).filter((argument) => argument !== "--label");
  const { status } = spawnSync(process.execPath, ["--import", "tsx", script, ...rest], { stdio: "inherit" });
  process.exit(status ?? 1);
}

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    threads: { type: "string", default: "2" },
    shared: { type: "string", default: fileURLToPath(new URL("../../shared/bench", import.meta.url)) },
  },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const lengths = `${values.shared}/hh_lengths.json`;
if (!existsSync(lengths)) {
  console.error(`bench: ${lengths} is not there; give the folder that holds hh_lengths.json with --shared.`);
  process.exit(2);
}
const model = values.quick ? "tiny" : "opt-125m";

function lastJson(command, args) {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: exit ${status}\n${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

function ours(task, pairs) {
  console.error(`weak-teacher ${task} …`);
  return lastJson(process.execPath, [
    here("ours.mjs"),
    task,
    "--lengths",
    lengths,
    "--pairs",
    String(pairs),
    "--threads",
    values.threads,
    "--model",
    model,
  ]);
}

function findPython() {
  const { stdout, stderr, status } = spawnSync("bash", [`${values.shared}/torch_env.sh`], {
    encoding: "utf8",
  });
  if (status === 0) return stdout.trim();
  console.error(`bench: the PyTorch side is skipped: ${stderr.trim()}`);
  return undefined;
}

/** `batch × steps` timed pairs after one warm-up batch; --sort-by-length and --precomputed give PyTorch its best. */
function peer(python, task, steps, flags = []) {
  console.error(`PyTorch ${task} ${flags.join(" ")} …`);
  const args = [
    "--model",
    model,
    "--batch",
    "8",
    "--steps",
    String(steps),
    "--threads",
    values.threads,
    "--lengths",
    lengths,
  ];
  return lastJson(python, [`${values.shared}/torch_peer.py`, task, ...args, ...flags]);
}

const python = findPython();
const rows = [];
const compare = (name, own, other, goal) => {
  const ratio = own && other ? own.tokens_per_s_real / other.tokens_per_s_real : undefined;
  rows.push({ name, own, other, ratio, goal });
};
const trained = ours("dpo", values.quick ? 32 : 64);
const slow = python && peer(python, "dpo", values.quick ? 4 : 3);
const best = python && peer(python, "dpo", values.quick ? 4 : 3, ["--precomputed", "--sort-by-length"]);
const scored = ours("score", values.quick ? 64 : 96);
const scoredSlow = python && peer(python, "score", values.quick ? 8 : 5);
const scoredBest = python && peer(python, "score", values.quick ? 8 : 5, ["--sort-by-length"]);
const lora = ours("lora", values.quick ? 32 : 64);
compare("training step, peer's default", trained, slow, 8);
compare("training step, peer's best", trained, best, 4);
compare("scoring, peer's default", scored, scoredSlow, 8);
compare("scoring, peer's best", scored, scoredBest, 4);

const pad = (text, width) => String(text).padEnd(width);
const right = (text, width) => String(text).padStart(width);
console.log(`\n${model}, ${values.threads} threads, ${cpus()[0]?.model.trim()}\n`);
console.log(
  `${pad("", 34)}${right("pairs/s", 9)}${right("tokens/s", 10)}${right("peer pairs/s", 14)}${right("peer tokens/s", 15)}${right("ratio", 8)}${right("goal", 6)}`,
);
for (const { name, own, other, ratio, goal } of rows)
  console.log(
    `${pad(name, 34)}${right(own.pairs_per_s.toFixed(2), 9)}${right(own.tokens_per_s_real.toFixed(0), 10)}` +
      `${right(other?.pairs_per_s.toFixed(3) ?? "-", 14)}${right(other?.tokens_per_s_real.toFixed(0) ?? "-", 15)}${right(ratio ? `${ratio.toFixed(1)} x` : "-", 8)}${right(`${goal} x`, 6)}`,
  );
console.log(
  "\nratio: real tokens per second (each prompt and response counted once), so that other pairs are the same work\n",
);
for (const [name, run, goal, limit] of [
  ["training", trained, 0.7, 5],
  ["scoring", scored, 0.75, 2.5],
])
  console.log(
    `${pad(name, 10)} ${run.useful_gflops} useful GFLOP/s of ${run.gemm_gflops} (MatMul 1024³): ${(100 * run.share_of_gemm).toFixed(0)} % (goal ${100 * goal} %); ` +
      `peak ${run.peak_rss_gb} GB (limit ${limit} GB)`,
  );
const speedup = trained.seconds / trained.pairs / (lora.seconds / lora.pairs);
console.log(
  `LoRA       ${speedup.toFixed(2)} x full training per step (goal 1.5 x); optimiser state ${lora.optimiserState} numbers, full ${trained.optimiserState}\n`,
);

const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
  encoding: "utf8",
  cwd: here(".."),
}).trim();
const line = JSON.stringify({
  commit,
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model.trim(),
  node: process.version,
  model,
  threads: Number(values.threads),
  train: trained,
  score: scored,
  lora: { ...lora, speedup: Number(speedup.toFixed(2)) },
  peer: {
    train: slow ?? null,
    train_best: best ?? null,
    score: scoredSlow ?? null,
    score_best: scoredBest ?? null,
  },
  ratios: Object.fromEntries(rows.map(({ name, ratio }) => [name, ratio ? Number(ratio.toFixed(2)) : null])),
});
if (!values.quick) {
  mkdirSync(here("results"), { recursive: true });
  appendFileSync(here("results/cpu.jsonl"), `${line}\n`);
}
console.log(line);
