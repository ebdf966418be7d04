/**
 * Adapters in fine-tuning and below a reward head, beside TRL's own trainers under PEFT: three steps from the same start, and the adapters
 * that the commands write alone, computed by PEFT.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLog } from "../../src/base/core/log.ts";
import { loadAdapter } from "../../src/engine/checkpoint/adapter-model.ts";
import { loadModel } from "../../src/engine/checkpoint/load-model.ts";
import { keyOf, type Model, releaseModel, trainableParameters } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { openScorer } from "../../src/method/objective/score.ts";
import type { TrainResult } from "../../src/method/train/job.ts";
import { trainReward } from "../../src/method/train/reward.ts";
import { trainSettings } from "../../src/method/train/settings.ts";
import { trainSft } from "../../src/method/train/sft.ts";
import { weakTeacher } from "../cli/spawn.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { python, runPythonLong } from "./python.ts";

type Row = Record<"prompt" | "chosen" | "rejected", number[]>;
type Step = { loss: number; grad_norm: number };
type Expected = { rows: Row[] } & Record<"sft" | "reward", Step[]>;
type Kind = "sft" | "reward";

describe.skipIf(python === undefined)("adapters as TRL trains them (scripts/python-env.sh)", () => {
  let folder: string;
  let runtime: Runtime;
  let expected: Expected;
  const at = (...parts: string[]) => join(folder, ...parts);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lora-steps-"));
    runtime = openRuntime({ threads: 1 });
    await writeTinyModel(at("base"), { family: "llama", seed: 1, positions: 128, vocab: 264 });
    const pairs = Array.from({ length: 6 }, (_, i) => ({
      prompt: `p${i}`,
      chosen: " good",
      rejected: ` no ${i}`,
    }));
    await writeFile(at("pairs.jsonl"), pairs.map((row) => `${JSON.stringify(row)}\n`).join(""));
    await runPythonLong("lora_steps.py", [folder]);
    expected = JSON.parse(await readFile(at("expected.json"), "utf8"));
  }, 600_000);
  afterAll(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });

  const open = async (kind: Kind, adapter: string, id: string) => {
    const head = kind === "reward" ? { newRewardHead: { seed: 1 } } : {};
    return loadAdapter(runtime, await loadModel(runtime, at("base"), { id, ...head }), adapter);
  };

  function train(kind: Kind, model: Model): Promise<TrainResult> {
    const settings = trainSettings({
      ...{ batchSize: 6, maxSteps: 3, learningRate: 1e-2, schedule: "constant" },
    });
    const input = { model, settings, folder: at(`ours-${kind}`) };
    const deps = { runtime, log: silentLog };
    const { rows } = expected;
    return kind === "sft"
      ? trainSft(deps, {
          ...input,
          rows: rows.map(({ prompt, chosen }) => ({ prompt, responses: [chosen] })),
        })
      : trainReward(deps, {
          ...input,
          rows: rows.map(({ prompt, chosen, rejected }) => ({ prompt, responses: [chosen, rejected] })),
        });
  }

  const trained = async (model: Model) =>
    Promise.all(
      trainableParameters(model).map(
        async (name) => [name, await runtime.store.get(keyOf(model, name))] as const,
      ),
    );

  test.each(["sft", "reward"] as const)(
    "%s: losses, gradient norms and adapters of three steps",
    async (kind) => {
      const model = await open(kind, at(`start-${kind}`), kind);
      const { history } = await train(kind, model);
      const steps = history.filter((line) => "loss" in line);
      expect(steps).toHaveLength(3);
      for (const [i, { loss, grad_norm }] of expected[kind].entries()) {
        // Both compute in float32; seen: 4e-7 of the loss, 4e-7 of the norm, 2e-6 of a weight.
        expect(Math.abs(steps[i]!.loss! - loss)).toBeLessThan(5e-6);
        expect(Math.abs(steps[i]!.grad_norm! - grad_norm)).toBeLessThan(5e-6 * grad_norm);
      }
      const theirs = new Map(await trained(await open(kind, at(`end-${kind}`), `${kind}-end`)));
      const start = new Map(await trained(await open(kind, at(`start-${kind}`), `${kind}-start`)));
      const ours = await trained(model);
      expect(ours.length).toBe(2 * 2 * 3 + Number(kind === "reward")); // A and B on 3 projections of 2 layers, and the head
      for (const [name, values] of ours) {
        const far = Math.max(...values.map((value, i) => Math.abs(value - theirs.get(name)![i]!)));
        const moved = Math.max(...values.map((value, i) => Math.abs(value - start.get(name)![i]!)));
        expect(moved).toBeGreaterThan(1e-2);
        expect(far, name).toBeLessThan(2e-5);
      }
    },
  );

  test.each([
    ["sft", "CAUSAL_LM"],
    ["prefer", "CAUSAL_LM"],
    ["reward", "SEQ_CLS"],
  ] as const)(
    "%s --adapter-only: a folder that PEFT computes as this program does",
    async (verb, task) => {
      const out = at(`only-${verb}`);
      const set = [
        "lora={r: 4, alpha: 8, dropout: 0.1}",
        "batch_size=2",
        "learning_rate=0.05",
        "num_train_epochs=4",
      ];
      const done = await weakTeacher([
        ...[verb, at("pairs.jsonl"), "--model", at("base"), "--out", out, "--adapter-only", "--threads", "1"],
        ...["--max-length", "60", "--max-prompt-length", "40", ...set.flatMap((one) => ["--set", one])],
      ]);
      expect(done.code, done.stderr).toBe(0);
      expect((await readdir(out)).sort()).toEqual(["adapter", "log", "rows.json", "stage.json"]);
      const theirs = JSON.parse(
        await runPythonLong("lora_steps.py", [folder, join(out, "adapter"), task]),
      ) as number[][];
      const model = await open(verb === "reward" ? "reward" : "sft", join(out, "adapter"), verb);
      const rows = expected.rows.map(({ prompt, chosen }) => ({ prompt, responses: [chosen] }));
      const scores = await (await openScorer(runtime, model)).score(rows);
      for (const [i, outputs] of theirs.entries()) {
        if (verb === "reward") expect(Math.abs(outputs[0]! - scores[i]!.rewards![0]!)).toBeLessThan(1e-5);
        else {
          // PEFT's log-probability of the response, from the logits of all its positions.
          const { chosen } = expected.rows[i]!;
          const logp = chosen.reduce((sum, id, t) => {
            const logits = outputs.slice(264 * t, 264 * (t + 1));
            const most = Math.max(...logits);
            return (
              sum + logits[id]! - most - Math.log(logits.reduce((all, one) => all + Math.exp(one - most), 0))
            );
          }, 0);
          expect(Math.abs(logp - scores[i]!.logps[0]!)).toBeLessThan(1e-4);
        }
      }
      await releaseModel(runtime, model);
    },
    300_000,
  );
});
