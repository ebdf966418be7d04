/** Trains a tiny model in a process of its own, to be killed: `child.ts FOLDER`. Prints every step. */
import { silentLog } from "../../src/base/core/log.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { trainSettings } from "../../src/method/train/settings.ts";
import { trainSft } from "../../src/method/train/sft.ts";
import { randomIds, tinyModel } from "../helpers/tiny-decoders.ts";

/** Steps of the run: many, so that it is still under way when a busy machine comes to kill it. */
export const STEPS = 200;

/** The run, the same wherever it is made. */
export async function trainTiny(runtime: Runtime, folder: string, onStep: (step: number) => void) {
  const model = await tinyModel(runtime, "llama");
  const rows = Array.from({ length: 10 }, (_, i) => ({
    prompt: randomIds(`p${i}`, 3),
    responses: [randomIds(`r${i}`, 1 + i)],
  }));
  const settings = trainSettings({ batchSize: 4, maxSteps: STEPS, learningRate: 1e-2, saveSteps: 2 });
  const log = { ...silentLog, progress: () => ({ update: onStep, end() {} }) };
  const result = await trainSft({ runtime, log }, { model, rows, settings, folder });
  return { model, result };
}

const folder = process.argv[2];
if (import.meta.url === `file://${process.argv[1]}` && folder !== undefined) {
  const runtime = openRuntime({ threads: 1 });
  await trainTiny(runtime, folder, (step) => void process.stdout.write(`step ${step}\n`));
  await runtime.close();
}
