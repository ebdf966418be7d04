import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { keyOf, type Model } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { checkpointsOf } from "../../src/method/train/run-folder.ts";
import { trainTiny } from "./child.ts";

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));

/** Runs the child until it has done `step`, waits a little more and kills it. Returns the steps it did. */
async function killAfter(folder: string, step: number, delayMs: number): Promise<number[]> {
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const steps: number[] = [];
  const ended = new Promise((resolve) => child.on("exit", (_code, signal) => resolve(signal)));
  // A listener, not a loop: leaving a loop closes the pipe, and the child would die of that.
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (text) => {
      for (const match of String(text).matchAll(/step (\d+)/g)) steps.push(Number(match[1]));
      if (steps.at(-1)! >= step) resolve();
    });
  });
  await wait(delayMs);
  child.kill("SIGKILL");
  expect(await ended).toBe("SIGKILL");
  return steps;
}

async function weightsOf(runtime: Runtime, model: Model): Promise<Float32Array[]> {
  const names = [...model.parameters.keys()];
  return Promise.all(names.map((name) => runtime.store.get(keyOf(model, name))));
}

test("killed again and again, a run ends in the same bits and does not repeat what it saved", async () => {
  const scratch = await mkdtemp(join(tmpdir(), "kill-"));
  const runtime = openRuntime({ threads: 1 });
  try {
    const whole = await trainTiny(runtime, join(scratch, "whole"), () => {});
    const expected = await weightsOf(runtime, whole.model);

    const folder = join(scratch, "killed");
    // At once after a step; a moment later, while a checkpoint may be half-written; and late.
    expect((await killAfter(folder, 3, 0))[0]).toBe(1);
    const second = await killAfter(folder, 6, 3);
    expect(second[0]).toBeGreaterThanOrEqual(3); // checkpoint-2 was whole
    expect(second[0]! % 2).toBe(1); // a checkpoint every 2 steps
    const third = await killAfter(folder, 9, 10);
    expect(third[0]).toBeGreaterThanOrEqual(5);

    const steps: number[] = [];
    const resumed = await trainTiny(runtime, folder, (step) => void steps.push(step));
    expect(steps[0]).toBeGreaterThanOrEqual(9);
    expect(await weightsOf(runtime, resumed.model)).toEqual(expected);
    expect(resumed.result).toEqual(whole.result);
    const lines = (name: string) => readFile(join(scratch, name, "metrics.jsonl"), "utf8");
    expect(await lines("killed")).toBe(await lines("whole"));
    expect(await checkpointsOf(folder)).toHaveLength(2);
  } finally {
    await runtime.close();
    await rm(scratch, { recursive: true });
  }
});
