/**
 * Trains a teacher on labelled pairs and labels a pool with it: SFT, then preferences against that start, then labels calibrated on
 * pairs that the teacher has not seen. Called again it goes on from what is kept.
 * Node 22.18 and newer run it as it is; `npx tsx` does with Node 20.
 *
 *   node label.mts models/small labelled.jsonl held-out.jsonl pool.jsonl out
 */
import { join } from "node:path";
import { argv } from "node:process";
import { createLog, label, prefer, sft } from "weak-teacher";

const [, , model = "models/small", ...files] = argv;
const [labelled = "labelled.jsonl", heldOut = "held-out.jsonl", pool = "pool.jsonl", out = "out"] = files;
const log = createLog();
const start = join(out, "sft");
const taught = join(out, "dpo");
await sft({ file: labelled, model, out: start, settings: { learning_rate: 1e-3 }, log });
await prefer({
  file: labelled,
  model: join(start, "model"),
  out: taught,
  settings: { beta: 0.1, learning_rate: 1e-3 },
  log,
});
const { facts } = await label({
  pool,
  teacher: {
    kind: "implicit-reward",
    model: join(taught, "model"),
    reference: join(start, "model"),
    beta: 0.1,
  },
  calibrate: heldOut,
  rules: { calibration: "platt", weight: "tanh" },
  out: join(out, "labels"),
  log,
});
// Dry runs alone have no facts.
console.log(JSON.stringify(facts?.counts));
