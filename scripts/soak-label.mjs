/**
 * Labels short pairs with several processes of which one is killed every few seconds, and compares with one process alone.
 * `npm run soak [-- --pairs 20000 --workers 4 --every 4 --seed 1]`. Prints one JSON line last; exit code 1 when a row is lost, there
 * twice or another.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { labelUnderKills } from "../test/helpers/kill-label.ts";
import { writeShortPairs } from "../test/helpers/short-pairs.ts";
import { writeTinyModel } from "../test/helpers/tiny-model.ts";

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "20000" },
    workers: { type: "string", default: "4" },
    every: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
  },
});
const number = (name) => Number(values[name]);
const folder = await mkdtemp(join(tmpdir(), "soak-"));
const main = fileURLToPath(new URL("../dist/interfaces/cli/main.js", import.meta.url));
try {
  await writeTinyModel(join(folder, "model"), { family: "llama", seed: 1, layers: 4, hidden: 64 });
  await writeShortPairs(join(folder, "pool.jsonl"), number("pairs"));
  const limits = ["--max-length", "200", "--max-prompt-length", "100"];
  const model = ["--teacher", "likelihood", "--model", join(folder, "model"), "--threads", "1"];
  const outcome = await labelUnderKills({
    command: [main, "label", join(folder, "pool.jsonl"), ...model, ...limits],
    folder,
    workers: number("workers"),
    killEveryMs: 1000 * number("every"),
    seed: number("seed"),
    onKill: (kills) => console.error(`killed ${kills}`),
  });
  const { rows, ids, different, left } = outcome;
  const whole = rows === number("pairs") && ids === rows && different.length === 0 && left.length === 0;
  console.log(JSON.stringify({ pairs: number("pairs"), workers: number("workers"), whole, ...outcome }));
  process.exitCode = whole ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
