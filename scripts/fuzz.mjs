/**
 * `npm run fuzz`: FUZZ_RUNS (10,000) damaged inputs for every kind of file, each kind in a process of its own with 768 MiB of heap, ended when
 * it stands still for half a minute. FUZZ_SEED (1), FUZZ_TARGETS (all, else names by comma). Exit code 1 when there is a bug.
 */
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const USAGE = `npm run fuzz: damaged inputs for every kind of file. It takes no arguments; by environment variables:
  FUZZ_RUNS     inputs for each kind, default 10000
  FUZZ_SEED     default 1
  FUZZ_TARGETS  kinds by comma, default all`;
const given = process.argv.slice(2);
if (given.length > 0) {
  const asked = given.some((word) => ["--help", "-h"].includes(word));
  console[asked ? "log" : "error"](asked ? USAGE : `${given.join(" ")}: unknown. ${USAGE}`);
  process.exit(asked ? 0 : 2);
}

const RUNS = Number(process.env.FUZZ_RUNS ?? 10_000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const STILL_MS = 30_000;
const MAIN = fileURLToPath(new URL("../test/fuzz/main.ts", import.meta.url));
const node = ["--max-old-space-size=768", "--import", "tsx", MAIN];

const all = spawnSync(process.execPath, node, { encoding: "utf8" }).stdout.trim().split("\n");
const names = process.env.FUZZ_TARGETS?.split(",") ?? all;

/** Runs one target; a process that hangs or dies is a bug at the input it had reached. */
function run(name) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...node, name, String(RUNS), String(SEED)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, reached, tail] = ["", 0, ""];
    let timer;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => child.kill("SIGKILL"), STILL_MS);
    };
    watch();
    child.stdout.on("data", (part) => {
      out += part;
    });
    child.stderr.on("data", (part) => {
      watch();
      tail = (tail + part).slice(-2000);
      reached = Number(/(\d+)\s*$/.exec(String(part))?.[1] ?? reached);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(JSON.parse(out));
      const problem =
        signal === "SIGKILL"
          ? `stood still for ${STILL_MS / 1000} s`
          : `ended with ${code ?? signal}: ${tail}`;
      const bugs = [
        {
          target: name,
          seed: SEED,
          index: reached,
          problem: `${problem} (between this input and the 20th after)`,
        },
      ];
      resolve({ target: name, runs: reached, accepted: 0, rejected: 0, slowestMs: 0, grownMiB: 0, bugs });
    });
  });
}

let bugs = 0;
console.log("| file | inputs | accepted | rejected | slowest, ms | growth, MiB | bugs |");
console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const name of names) {
  const report = await run(name);
  const { target, runs, accepted, rejected, slowestMs, grownMiB } = report;
  bugs += report.bugs.length;
  console.log(
    `| ${target} | ${runs} | ${accepted} | ${rejected} | ${slowestMs} | ${grownMiB} | ${report.bugs.length} |`,
  );
  for (const bug of report.bugs)
    console.error(`${bug.target}, seed ${bug.seed}, input ${bug.index}: ${bug.problem}`);
}
process.exitCode = bugs > 0 ? 1 : 0;
