/**
 * The demo with its students trained by TRL and by this program, same data and settings: gold rewards side by side, and time and memory of the
 * whole command. Each is one process after the other, with the same number of threads.
 *
 *   npm run -s build && node scripts/trl-demo.mjs PYTHON [FOLDER] [THREADS] [FLAGS OF run]      default /tmp/trl-demo, 2
 *
 * The tables, for the docs, are printed and written to FOLDER/table.md. What is finished in FOLDER is kept; only what a command computed anew counts in its time, so give an empty one to measure.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatInterval, readReport } from "./run-figures.mjs";

const [python, folder = "/tmp/trl-demo", threads = "2", ...flags] = process.argv.slice(2);
if (python === undefined)
  throw new Error("usage: node scripts/trl-demo.mjs PYTHON [FOLDER] [THREADS] [FLAGS OF run]");

const MAIN = new URL("../dist/interfaces/cli/main.js", import.meta.url).pathname;
const LOOK_MS = 250;

/** Resident memory of a process and all below it, bytes. Pages that two share count twice. */
function residentBelow(root, rows) {
  const below = new Set([root]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const { pid, parent } of rows) if (below.has(parent) && !below.has(pid)) grew = !!below.add(pid);
  }
  return rows.reduce((sum, { pid, bytes }) => (below.has(pid) ? sum + bytes : sum), 0);
}

function processes() {
  return new Promise((resolve) => {
    const ps = spawn("ps", ["-eo", "pid=,ppid=,rss="]);
    let text = "";
    ps.stdout.on("data", (part) => (text += part));
    ps.on("close", () =>
      resolve(
        text.split("\n").map((line) => {
          const [pid, parent, kib] = line.trim().split(/\s+/).map(Number);
          return { pid, parent, bytes: (kib ?? 0) * 1024 };
        }),
      ),
    );
  });
}

async function run(name, more) {
  const begun = performance.now();
  const args = ["run", "demo", "--out", join(folder, name), "--threads", threads, ...flags, ...more];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  let [peak, ended] = [0, false];
  const end = new Promise((resolve) =>
    child.on("close", (code) => {
      ended = true;
      resolve(code);
    }),
  );
  while (!ended) {
    peak = Math.max(peak, residentBelow(child.pid, await processes()));
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, LOOK_MS))]);
  }
  if ((await end) !== 0) throw new Error(`${name}: ended with code ${await end}`);
  return { seconds: (performance.now() - begun) / 1000, peak, report: readReport(join(folder, name)) };
}

const here = await run("here", []);
const there = await run("trl", ["--set", `student.trainer={kind: trl, python: ${JSON.stringify(python)}}`]);

const two = (value) => value.toFixed(2);
const gold = ({ report }, arm) =>
  formatInterval(report.arms.find(({ name }) => name === arm).goldReward, two);
const stages = ({ report }) => report.times.stages.filter(({ name }) => /^student-(?!vocabulary)/.test(name));
const total = ({ seconds, peak }) => `${seconds.toFixed(0)} s, ${(peak / 2 ** 20).toFixed(0)} MB at most`;
const lines = [
  "| arm | trained here | trained by TRL |",
  "| --- | --- | --- |",
  ...here.report.arms.map(({ name }) => `| ${name} | ${gold(here, name)} | ${gold(there, name)} |`),
  "",
  "| training | here, s | by TRL, s | TRL alone |",
  "| --- | --- | --- | --- |",
  ...stages(here).map(({ name, seconds }) => {
    const theirs = stages(there).find((one) => one.name === name);
    return `| ${name} | ${seconds.toFixed(1)} | ${theirs.seconds.toFixed(1)} | ${theirs.tool} |`;
  }),
  "",
  `Whole command, ${threads} threads: here ${total(here)}; with TRL ${total(there)}.`,
  `Versions: ${readFileSync(join(folder, "trl", "report.md"), "utf8")
    .match(/TRL 1[^|]*/)?.[0]
    .trim()}`,
];
console.log(lines.join("\n"));
writeFileSync(join(folder, "table.md"), `${lines.join("\n")}\n`);
