/** Fewer labelled pairs, and the same number of optimiser steps. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTinyJobs, type TinyJobs } from "../../../test/helpers/tiny-labels.ts";

let jobs: TinyJobs;
beforeAll(async () => {
  jobs = await openTinyJobs();
});
afterAll(() => jobs.close());

const settings =
  "sft: { batch_size: 8, learning_rate: 0.01 }, prefer: { batch_size: 8, learning_rate: 0.01 }";
const single = `teacher: { ${settings} }\nlabel: { held_out: 0.3, calibration: platt }\n`;
const text = (path: string) => readFile(path, "utf8");

test("with labelled.same_steps a teacher of fewer pairs takes as many steps as one of all; without, fewer", async () => {
  const teachers = [
    single,
    single.replace("teacher: {", "teacher: { kind: reward-head,").replace("prefer:", "reward:"),
  ];
  for (const teacher of teachers) {
    const stepsOf = async (labelled: string) => {
      const { steps } = await jobs.label(`${teacher}${labelled}`, "same-steps");
      return Promise.all(
        ["teacher-sft", teacher === single ? "teacher-prefer" : "teacher-reward"].map(async (stage) => {
          const folder = steps.find(({ name }) => name === stage)!.folder!;
          const lines = (await text(`${folder}/log/metrics.jsonl`)).trim().split("\n");
          const { used } = JSON.parse(await text(`${folder}/rows.json`)) as { used: number };
          return {
            used,
            steps: lines
              .flatMap((line) =>
                JSON.parse(line).num_tokens === undefined ? [] : [JSON.parse(line).global_step as number],
              )
              .at(-1)!,
          };
        }),
      );
    };
    const [whole, same, fewer] = [
      await stepsOf(""),
      await stepsOf("labelled: { size: 0.25, same_steps: true }\n"),
      await stepsOf("labelled: { size: 0.25 }\n"),
    ];
    for (const [i, all] of whole.entries()) {
      // An epoch of batches of 8.
      expect(all.steps).toBe(Math.ceil(all.used / 8));
      expect(same[i]!.used).toBeLessThan(all.used / 3);
      expect(same[i]!.steps).toBe(all.steps);
      expect(fewer[i]!.steps).toBeLessThan(all.steps);
    }
  }
});

test("same_steps alone has no effect, which is said", async () => {
  await expect(jobs.label(`${single}labelled: { same_steps: true }\n`)).rejects.toThrow(
    "labelled.same_steps: has no effect without size or mix",
  );
});
