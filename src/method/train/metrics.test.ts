import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { evaluationNames, openMetrics, rewardMetrics } from "./metrics.ts";

test("reward metrics of three pairs, by hand", () => {
  // Right, tied (no correct answer), wrong. Margins 2, 0, -1; all six scores sum to 8.
  expect(rewardMetrics([3, 1, 0.5], [1, 1, 1.5])).toEqual({
    accuracy: 1 / 3,
    min_reward: 0.5,
    mean_reward: 8 / 6,
    max_reward: 3,
    margin: 1 / 3,
  });
});

test("evaluation names stand behind eval_", () => {
  expect(evaluationNames({ loss: 1, "rewards/chosen": 2 })).toEqual({
    eval_loss: 1,
    "eval_rewards/chosen": 2,
  });
});

test("metrics.jsonl begins with the lines known and grows a line at a time", async () => {
  const folder = await mkdtemp(join(tmpdir(), "metrics-"));
  await (await openMetrics(folder, [])).append({ global_step: 9, epoch: 9 });
  const file = await openMetrics(folder, [{ global_step: 1, epoch: 0.5, loss: 2 }]);
  await file.append({ global_step: 2, epoch: 1, loss: 1.5 });
  expect(await readFile(join(folder, "metrics.jsonl"), "utf8")).toBe(
    '{"global_step":1,"epoch":0.5,"loss":2}\n{"global_step":2,"epoch":1,"loss":1.5}\n',
  );
  await rm(folder, { recursive: true });
});
