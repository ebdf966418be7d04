/**
 * The table of what this program must show for speed, row by row: medians of so many rounds, ratios first.
 *
 *   npm run -s build && node bench/must-show/main.mjs --python PY --smollm2 FOLDER [--rows demo,cores,trl,lora,score,bits,opening,opt]
 *     [--rounds 5] [--threads 2] [--hh FILE] [--shared FOLDER] [--folder /tmp/must-show] [--small]
 *
 * PY is the interpreter of scripts/python-env.sh; SmolLM2 a folder of SmolLM2-135M (weak-teacher import); HH a file of HH-RLHF pairs; SHARED the folder
 * with the peers of bench/main.mjs. Run it alone on the machine: what else computes on it stands in the last line. --small tries every row once on few
 * pairs. A line for each row, as soon as it is measured, and a table at the end; numbers behind ratios go to FOLDER/must-show.jsonl.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bits, cores, demo, lora, opening, opt, score, trl } from "./rows.mjs";

const MEASURED = { demo, cores, trl, lora, score, bits, opening, opt };
const ROWS = Object.keys(MEASURED);
const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    smollm2: { type: "string" },
    hh: {
      type: "string",
      default: new URL("../../../shared/data/hh-rlhf-harmless-base-test.jsonl.gz", import.meta.url).pathname,
    },
    shared: { type: "string" },
    rows: { type: "string", default: ROWS.join(",") },
    rounds: { type: "string", default: "5" },
    "demo-rounds": { type: "string", default: "1" },
    threads: { type: "string", default: "2" },
    folder: { type: "string", default: "/tmp/must-show" },
    small: { type: "boolean", default: false },
  },
});
const wanted = values.rows.split(",");
const unknown = wanted.find((name) => !ROWS.includes(name));
if (unknown !== undefined) throw new Error(`--rows ${unknown}: expected ${ROWS.join(", ")}.`);
if (
  values.smollm2 === undefined &&
  wanted.some((name) => ["lora", "score", "bits", "opening"].includes(name))
)
  throw new Error(
    "--smollm2: expected the folder of SmolLM2-135M for the rows lora, score, bits and opening.",
  );
const { python, smollm2, hh, shared, folder } = values;
const [rounds, threads, demoRounds] = ["rounds", "threads", "demo-rounds"].map((name) =>
  Number(values[name]),
);
const setup = { python, smollm2, hh, shared, folder, threads, small: values.small };
Object.assign(setup, { rounds: values.small ? 1 : rounds, demoRounds: values.small ? 1 : demoRounds });
mkdirSync(folder, { recursive: true });

const started = loadavg();
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
  encoding: "utf8",
  cwd: import.meta.dirname,
}).trim();
const lines = [];
for (const row of wanted) {
  const begun = performance.now();
  const found = await (async () => MEASURED[row](setup))().catch((error) => [
    { what: row, failed: error.message },
  ]);
  for (const line of found) {
    const all = {
      row,
      ...line,
      rounds: setup.rounds,
      threads,
      commit,
      load: loadavg().map((x) => Number(x.toFixed(1))),
    };
    console.log(JSON.stringify(all));
    appendFileSync(join(folder, "must-show.jsonl"), `${JSON.stringify(all)}\n`);
    lines.push(all);
  }
  console.error(`${row}: ${((performance.now() - begun) / 1000).toFixed(0)} s`);
}
console.log("\n| what | ratio | goal |\n| --- | --- | --- |");
for (const { what, ratio, goal, failed } of lines)
  console.log(`| ${what} | ${failed === undefined ? ratio : "failed"} | ${goal ?? ""} |`);
console.log(
  `\n${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, commit ${commit}, load ${started.map((x) => x.toFixed(1)).join(" ")} before; medians of ${setup.rounds}`,
);
