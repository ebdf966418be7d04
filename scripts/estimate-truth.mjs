/**
 * What was promised of each stage of a finished run beside what it took: `node --import tsx scripts/estimate-truth.mjs RUN [--gflops N]`.
 *
 * A run made beside other work took longer than its arithmetic; the last column therefore divides each stage's ratio by that of the whole:
 * 1 everywhere means that only the machine's rate was mistaken. Stages without an estimate are listed with their time, for they are missing
 * in the promise. Not a test: it judges nothing, and times of one machine are none of another.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openRuntime } from "../src/engine/runtime/runtime.ts";
import { measureRate } from "../src/method/train/machine-rate.ts";
import { computeOf, jobOf } from "../src/pipeline/recipe/job.ts";
import { loadRecipe } from "../src/pipeline/recipe/parse.ts";
import { RESOLVED } from "../src/pipeline/recipe/resolved.ts";
import { estimateJob } from "../src/pipeline/run/estimate.ts";
import { folderStatus } from "../src/pipeline/run/status.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { gflops: { type: "string" } },
});
const [given] = positionals;
if (given === undefined) throw new Error("expected the folder of a finished run.");
const folder = resolve(given);
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

const recipe = await loadRecipe(join(folder, RESOLVED), { set: [`out=${JSON.stringify(folder)}`] });
const runtime = openRuntime(computeOf(recipe));
const rate =
  values.gflops === undefined ? await measureRate(runtime) : { gflops: Number(values.gflops), slowdown: 1 };
const promised = new Map(
  (await estimateJob(runtime, jobOf(recipe), { rate })).map(({ stage, estimate }) => [
    stage,
    estimate.seconds,
  ]),
);
await runtime.close();

const { stages } = await folderStatus(folder, version);
const rows = stages
  .filter(({ elapsedSeconds }) => elapsedSeconds !== null)
  .map(({ name, elapsedSeconds }) => ({ name, took: elapsedSeconds, promised: promised.get(name) }));
const known = rows.filter((row) => row.promised !== undefined);
const sum = (list, value) => list.reduce((total, row) => total + value(row), 0);
const whole = sum(rows, ({ took }) => took) / sum(known, (row) => row.promised);

const seconds = (value) => (value === undefined ? "-" : value.toFixed(1));
console.log(`at ${rate.gflops.toFixed(0)} GFLOP/s, ${rate.slowdown.toFixed(2)} times slower just now`);
console.log(["stage".padEnd(24), "promised", "took", "took/promised", "beside the whole"].join("\t"));
for (const { name, took, promised: says } of rows)
  console.log(
    [
      name.padEnd(24),
      seconds(says),
      seconds(took),
      ...(says === undefined ? [] : [(took / says).toFixed(2), (took / says / whole).toFixed(2)]),
    ].join("\t"),
  );
console.log(
  `${"in all".padEnd(24)}\t${seconds(sum(known, (row) => row.promised))}\t${seconds(sum(rows, ({ took }) => took))}\t${whole.toFixed(2)}`,
);
