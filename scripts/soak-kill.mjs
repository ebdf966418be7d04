/**
 * Kills whole runs of a tiny recipe at operations on files, again and again, and compares the reports with that of a run that nobody
 * disturbed. `npm run soak:kill [-- --kills 500 --seed 1 --span 400 --minutes 60]`. Prints one JSON line last; exit code 1 when a report
 * differs, something is left, or a process waits longer than 5 s without a word.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { killRuns } from "../test/helpers/kill-run.ts";
import { writeTinyRecipe } from "../test/helpers/tiny-recipe.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
    span: { type: "string", default: "400" },
    pairs: { type: "string", default: "0.25" },
    minutes: { type: "string", default: "600" },
  },
});
const number = (name) => Number(values[name]);
const folder = await mkdtemp(join(tmpdir(), "soak-kill-"));
const main = fileURLToPath(new URL("../dist/interfaces/cli/main.js", import.meta.url));
const startedMs = Date.now();
const outcome = await killRuns({
  command: [main, "run", await writeTinyRecipe(folder)],
  folder,
  kills: number("kills"),
  seed: number("seed"),
  span: number("span"),
  pairs: number("pairs"),
  untilMs: startedMs + 60_000 * number("minutes"),
  onKill: (kills) => kills % 20 === 0 && console.error(`${kills} kills of this run`),
  onRun: ({ runs, kills, problems }) =>
    console.error(`${runs} runs, ${kills} kills, ${problems.length} problems ${problems.at(-1) ?? ""}`),
});
console.log(JSON.stringify({ ...outcome, minutes: (Date.now() - startedMs) / 60_000 }));
process.exitCode = outcome.problems.length > 0 ? 1 : 0;
// What a run with a problem left stays, to be looked at.
if (outcome.problems.length === 0) await rm(folder, { recursive: true, force: true });
else console.error(folder);
