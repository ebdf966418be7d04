/** Adapters in fine-tuning and below a reward head: what moves, what dropout does and where it does not, and that a run cut off comes to the same. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { REWARD_HEAD } from "../../engine/model/heads.ts";
import { isAdapterParameter, loraSpec } from "../../engine/model/lora.ts";
import { addAdapter, keyOf, type Model } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenRow } from "../data/packing.ts";
import { openScorer } from "../objective/score.ts";
import { trainReward } from "./reward.ts";
import { trainSettings } from "./settings.ts";
import { trainSft } from "./sft.ts";

let runtime: Runtime;
let scratch: string;
let runs = 0;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  scratch = await mkdtemp(join(tmpdir(), "adapters-"));
});
afterAll(async () => {
  await runtime.close();
  await rm(scratch, { recursive: true });
});

const KINDS = ["sft", "reward"] as const;
type Kind = (typeof KINDS)[number];
const rowsOf = (kind: Kind, name: string, count: number): TokenRow[] =>
  Array.from({ length: count }, (_, i) => ({
    prompt: randomIds(`p${name}${i}`, 3),
    responses: [`c${name}${i}`, `r${name}${i}`]
      .slice(0, kind === "sft" ? 1 : 2)
      .map((seed) => randomIds(seed, 1 + (i % 5))),
  }));

type Options = { dropout?: number; folder?: string; log?: Log; seed?: number };

async function run(
  kind: Kind,
  { dropout = 0.3, folder = join(scratch, `run-${runs++}`), log = silentLog, seed = 1 }: Options = {},
) {
  const base = await tinyModel(runtime, "llama", { id: `${kind} ${runs++}`, reward: kind === "reward" });
  const spec = loraSpec({ r: 2, alpha: 4, dropout, targetModules: ["q_proj", "v_proj"] });
  const model = await addAdapter(runtime, base, spec, 1);
  const before = await weights(model);
  const settings = trainSettings({
    ...{ batchSize: 4, epochs: 3, learningRate: 5e-2, saveSteps: 2, seed },
    validation: { share: 0.1, steps: 3, keep: "last" },
  });
  const input = { model, settings, folder };
  const [rows, aside] = [rowsOf(kind, "a", 12), rowsOf(kind, "b", 5)];
  const result =
    kind === "sft"
      ? await trainSft({ runtime, log }, { ...input, rows, validation: aside })
      : await trainReward({ runtime, log }, { ...input, rows, validation: { rows: aside } });
  return { result, model, folder, before, aside };
}

const weights = async (model: Model): Promise<Map<string, Float32Array>> =>
  new Map(
    await Promise.all(
      [...model.parameters.keys()].map(
        async (name) => [name, await runtime.store.get(keyOf(model, name))] as const,
      ),
    ),
  );

describe.each(KINDS)("%s with adapters", (kind) => {
  test("moves the adapters, and a reward head, and nothing else", async () => {
    const { model, before, result } = await run(kind);
    const after = await weights(model);
    const moved = [...after].flatMap(([name, now]) =>
      now.some((x, i) => x !== before.get(name)![i]) ? [name] : [],
    );
    const wanted = [...before.keys()].filter((name) => isAdapterParameter(name) || name === REWARD_HEAD);
    expect(moved.sort()).toEqual(wanted.sort());
    expect(moved).toHaveLength(8 + Number(kind === "reward"));
    expect(result.steps).toBe(9);
  });

  test("dropout acts on training, by its seed, and not on what is measured", async () => {
    const lossesOf = async (options: Options) =>
      (await run(kind, options)).result.history.flatMap((line) => line.loss ?? []);
    const masked = await lossesOf({});
    expect(await lossesOf({})).toEqual(masked);
    const plain = await lossesOf({ dropout: 0 });
    // B is zero at first: masks show from the second step on.
    expect(masked[0]).toBe(plain[0]);
    for (const [i, loss] of masked.slice(1).entries()) expect(loss).not.toBe(plain[i + 1]);
    const { result, model, aside } = await run(kind);
    const scores = await (await openScorer(runtime, model)).score(aside);
    const tokens = aside.reduce((sum, { responses }) => sum + responses[0]!.length, 0);
    const loss =
      kind === "sft"
        ? -scores.reduce((sum, { logps }) => sum + logps[0]!, 0) / tokens
        : scores.reduce((sum, { rewards }) => sum + Math.log1p(Math.exp(rewards![1]! - rewards![0]!)), 0) /
          scores.length;
    expect(result.metrics.eval_loss).toBeCloseTo(loss, 5);
  });

  test("cut off at any step comes to the same bits", async () => {
    const whole = await run(kind);
    const kept = await weights(whole.model);
    for (let step = 1; step < 9; step++) {
      const folder = join(scratch, `cut-${kind}-${step}`);
      const update = (at: number) => {
        if (at === step) throw new Error("power cut");
      };
      const log = { ...silentLog, progress: () => ({ update, end() {} }) };
      await expect(run(kind, { folder, log })).rejects.toThrow("power cut");
      const again = await run(kind, { folder });
      expect(again.result).toEqual(whole.result);
      expect(await weights(again.model)).toEqual(kept);
    }
  });
});
