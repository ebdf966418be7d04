/**
 * The measurements behind `main.mjs`, one function for each row of its table. Each gives lines of the table: what was compared, a ratio (ours by
 * theirs; above 1 we are faster), the goal, and the seconds behind it.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const here = (name) => new URL(name, import.meta.url).pathname;
const CLI = here("../../dist/interfaces/cli/main.js");

/** The middle of the numbers. */
export const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const round = (value, digits = 2) => Number(value.toFixed(digits));

function lastJson(command, args, env = {}) {
  const result = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    env: { ...process.env, HF_HUB_OFFLINE: "1", ...env },
  });
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(" ")}: exit ${result.status}\n${result.stderr}`);
  return JSON.parse(result.stdout.trim().split("\n").at(-1));
}

const flags = (options) => Object.entries(options).map(([name, value]) => `--${name}=${value}`);
const ours = (task, options) =>
  lastJson(process.execPath, ["--expose-gc", here("ours.mjs"), task, ...flags(options)]);
const theirs = ({ python }, script, options) => lastJson(python, [here(script), ...flags(options)]);

/** Rounds of two sides in turns, so that what else runs meets both. */
function inTurns(rounds, one, other) {
  const [a, b] = [[], []];
  for (let i = 0; i < rounds; i++) {
    a.push(one());
    b.push(other());
  }
  return [a, b];
}

const line = (what, ratio, goal, behind) => ({ what, ratio, goal, behind });

/** Token ids of HH pairs, which both sides read. */
function hhRows({ folder, hh, smollm2 }, pairs, maxLength) {
  const file = join(folder, `hh-${pairs}-${maxLength}.json`);
  if (!existsSync(file))
    ours("rows", { model: smollm2, data: hh, pairs, "max-length": maxLength, out: file });
  return file;
}

/** The model that the demo trains, as far as speed goes: stories15M with a vocabulary cut to about the demo's. */
function demoModel({ folder }) {
  const [whole, trimmed] = [join(folder, "stories15M"), join(folder, "trimmed")];
  if (!existsSync(whole)) {
    const made = spawnSync(process.execPath, [CLI, "import", "stories15M", "--out", whole, "--quiet"]);
    if (made.status !== 0) throw new Error(String(made.stderr));
  }
  if (!existsSync(trimmed)) ours("trim", { model: whole, out: trimmed });
  return { whole, trimmed };
}

/** The demo, whole. */
export function demo({ folder, threads, demoRounds }) {
  const seconds = Array.from({ length: demoRounds }, (_, i) => {
    const out = join(folder, `demo-${i}`);
    rmSync(out, { recursive: true, force: true });
    const start = performance.now();
    const args = [CLI, "run", "demo", "--out", out, "--threads", String(threads), "--quiet"];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`demo: exit ${status}\n${stderr}`);
    return (performance.now() - start) / 1000;
  });
  const took = median(seconds);
  return [
    line("demo, whole: 200 s by what it took", round(200 / took), 1, {
      seconds: seconds.map((s) => round(s, 0)),
    }),
  ];
}

/** One process on all cores against as many single-threaded ones. */
export function cores(setup) {
  const { rounds, threads, small } = setup;
  const { whole } = demoModel(setup);
  return ["prefer", "generate", "score"].map((task) => {
    const args = { tasks: task, model: whole, cores: threads, rounds, pairs: small ? 32 : 192 };
    const result = lastJson(process.execPath, [here("../cores.mjs"), ...flags(args)]);
    return line(
      `${task}, stories15M, one process by ${threads} beside each other`,
      round(result.ratio),
      0.95,
      {
        ratios: result.ratios,
      },
    );
  });
}

/** Our training step against TRL's, on the demo's model. */
export function trl(setup) {
  const { trimmed } = demoModel(setup);
  const rows = join(setup.folder, "stories.json");
  ours("random-rows", { model: trimmed, pairs: setup.small ? 48 : 192, out: rows });
  return steps(setup, { what: "step, demo's model, all weights", model: trimmed, rows, goal: 2, batch: 16 });
}

/** A LoRA DPO step of SmolLM2 against TRL's. */
export function lora(setup) {
  const rows = hhRows(setup, setup.small ? 24 : 64, 320);
  return steps(setup, {
    what: "LoRA step, SmolLM2, HH",
    model: setup.smollm2,
    rows,
    goal: 4,
    batch: 8,
    lora: 8,
  });
}

/** TRL at the quickest of its micro-batches, rows sorted by length, the reference computed before; rates are tokens, each prompt counted once. */
function steps(setup, { what, model, rows, goal, batch, lora }) {
  const common = { model, rows, batch, threads: setup.threads, ...(lora ? { lora } : {}) };
  const candidates = [batch, batch / 2, batch / 4];
  const tried = candidates.map((micro) => ({ micro, ...theirs(setup, "trl_step.py", { ...common, micro }) }));
  const best = tried.reduce((a, b) => (b.tokens_per_s > a.tokens_per_s ? b : a));
  const [mine, other] = inTurns(
    setup.rounds,
    () => ours("step", common),
    () => theirs(setup, "trl_step.py", { ...common, micro: best.micro }),
  );
  const ratios = mine.map((one, i) => one.tokens_per_s / other[i].tokens_per_s);
  return [
    line(
      `${what}, ${setup.threads} threads, against TRL ${best.versions.trl} at its best`,
      round(median(ratios)),
      goal,
      {
        ratios: ratios.map((ratio) => round(ratio)),
        tokens_per_s: [median(mine.map((x) => x.tokens_per_s)), median(other.map((x) => x.tokens_per_s))].map(
          (x) => round(x, 0),
        ),
        micro_batches: Object.fromEntries(tried.map((one) => [one.micro, round(one.tokens_per_s, 0)])),
      },
    ),
  ];
}

/** Scoring against PyTorch: sorted, batched, head on responses; with the products it is installed with and with oneDNN's. */
export function score(setup) {
  const rows = hhRows(setup, setup.small ? 16 : 96, 512);
  return [setup.smollm2, "opt-125m"].flatMap((model) => {
    const common = { model, rows, threads: setup.threads };
    return ["installed", "onednn"].map((kernels) => {
      const [mine, other] = inTurns(
        setup.rounds,
        () => ours("score", common),
        () => theirs(setup, "torch_score.py", { ...common, kernels }),
      );
      const ratios = mine.map((one, i) => one.pairs_per_s / other[i].pairs_per_s);
      const name = model === "opt-125m" ? "OPT-125M's shape" : "SmolLM2";
      return line(`scoring, ${name}, against PyTorch, ${kernels} products`, round(median(ratios)), 3, {
        ratios: ratios.map((ratio) => round(ratio)),
        pairs_per_s: [median(mine.map((x) => x.pairs_per_s)), median(other.map((x) => x.pairs_per_s))].map(
          (x) => round(x),
        ),
        logps_differ_by: model === "opt-125m" ? undefined : round(largest(mine[0].logps, other[0].logps), 5),
      });
    });
  });
}

const largest = (a, b) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

/** Eight bits against float32. */
export function bits(setup) {
  const rows = hhRows(setup, setup.small ? 16 : 96, 512);
  const common = { model: setup.smollm2, rows, threads: setup.threads };
  const [few, full] = inTurns(
    setup.rounds,
    () => ours("score", { ...common, precision: "int8" }),
    () => ours("score", common),
  );
  const ratios = few.map((one, i) => one.pairs_per_s / full[i].pairs_per_s);
  const side = (margins) => margins.map((margin) => Math.sign(margin));
  const [a, b] = [side(marginsOf(few[0].logps)), side(marginsOf(full[0].logps))];
  const turned = a.filter((sign, i) => sign !== b[i]).length;
  const held = (precision) => ours("hold", { ...common, threads: 1, precision }).weights_mib;
  const memory = held("int8") / held("float32");
  return [
    line("scoring, SmolLM2, 8 bits by float32", round(median(ratios)), 1.5, {
      ratios: ratios.map((r) => round(r)),
    }),
    line("memory of float32 by that of 8 bits", round(1 / memory), 3, { share: round(memory) }),
    line("labels turned by 8 bits (a share, below is better)", round(turned / a.length, 4), 0.005, {
      turned,
      of: a.length,
    }),
  ];
}

const marginsOf = (logps) =>
  Array.from({ length: logps.length / 2 }, (_, i) => logps[2 * i] - logps[2 * i + 1]);

/** Opening a training session of 10, 20 and 30 layers, and from the command to its first step. */
export async function opening(setup) {
  const rows = hhRows(setup, 8, 320);
  const session = [10, 20, 30].map((layers) => {
    const model = layers === 30 ? setup.smollm2 : join(setup.folder, `smollm2-${layers}`);
    if (!existsSync(model)) ours("layers", { model: setup.smollm2, layers, out: model });
    const times = Array.from({ length: setup.rounds }, () =>
      ours("open", { model, rows, batch: 8, lora: 8, threads: setup.threads }),
    );
    const middle = (name) => median(times.map((time) => time[name]));
    return { layers, seconds: middle("seconds"), cpu: middle("cpu_seconds") };
  });
  const [ten, , thirty] = session.map(({ seconds }) => seconds);
  const firsts = [];
  for (let i = 0; i < setup.rounds; i++) firsts.push(await firstStep(setup));
  const took = median(firsts);
  return [
    line("SmolLM2 LoRA, 8 s by command to first step, the reference's 24 pairs counted", round(8 / took), 1, {
      seconds: firsts.map((s) => round(s)),
    }),
    line(
      "session and first step, three times 10 layers by 30 (1: linear)",
      round((3 * ten) / thirty),
      1,
      Object.fromEntries(session.map(({ layers, seconds, cpu }) => [layers, [round(seconds), round(cpu)]])),
    ),
  ];
}

/** Seconds from the command to the first line of the training's curve, which is written after the first step; that step counts. */
async function firstStep({ folder, smollm2, hh, threads }) {
  const out = join(folder, "first-step");
  for (const path of [out, `${out}.work`]) rmSync(path, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const start = performance.now();
  const settings = ["lora.r=8", "batch_size=8", "max_steps=3"].flatMap((setting) => ["--set", setting]);
  const args = [
    CLI,
    "prefer",
    hh,
    "--limit",
    "24",
    "--model",
    smollm2,
    "--out",
    out,
    "--max-length",
    "320",
    "--threads",
    String(threads),
  ];
  const child = spawn(process.execPath, [...args, ...settings, "--quiet"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  let code;
  ended.then((value) => {
    code = value;
  });
  let first;
  while (code === undefined) {
    first ??= hasLine(`${out}.work`) ? (performance.now() - start) / 1000 : undefined;
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
  if (code !== 0 || first === undefined) throw new Error(`prefer: exit ${code}, first step ${first}`);
  return first;
}

/** True once a file of metrics below a folder holds a line. */
function hasLine(folder) {
  if (!existsSync(folder)) return false;
  const files = readdirSync(folder, { recursive: true }).filter((name) => /metrics.*\.jsonl$/.test(name));
  return files.some((name) => {
    try {
      return readFileSync(join(folder, name), "utf8").includes("\n");
    } catch {
      return false; // moved meanwhile
    }
  });
}

/** OPT-125M's shape on HH lengths against TRL's way in PyTorch, by `bench/main.mjs`'s peers. */
export function opt(setup) {
  const { ratios } = lastJson(process.execPath, [
    here("../main.mjs"),
    ...(setup.small ? ["--quick"] : []),
    `--threads=${setup.threads}`,
    ...(setup.shared ? [`--shared=${setup.shared}`] : []),
  ]);
  return [
    line("step, OPT-125M's shape, against PyTorch's best", ratios["training step, peer's best"], 2, {}),
    line("the same, against its defaults", ratios["training step, peer's default"], 8, {}),
  ];
}
