/** One target in a process of its own: `main.ts TARGET RUNS SEED`. Says where it is on stderr, and the report as JSON on stdout. */
import { fuzz } from "./harness.ts";
import { TARGETS } from "./targets.ts";

const [name, runs, seed] = process.argv.slice(2);
const target = TARGETS.find((one) => one.name === name);
if (target === undefined) {
  process.stdout.write(`${TARGETS.map((one) => one.name).join("\n")}\n`);
} else {
  let saidMs = 0;
  const report = await fuzz(target, {
    runs: Number(runs),
    seed: Number(seed),
    onRun: (index) => {
      // Slow inputs are said one by one: whoever waits must not take twenty of them for one that stands still.
      if (index % 20 !== 0 && performance.now() - saidMs < 1000) return;
      saidMs = performance.now();
      process.stderr.write(`${index}\n`);
    },
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
