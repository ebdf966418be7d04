/** Validation: what it measures, what it keeps, when it stops, and that a run cut off anywhere comes to the same. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { keyOf, type Model } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenRow } from "../data/packing.ts";
import { openScorer } from "../objective/score.ts";
import type { TrainResult } from "./job.ts";
import { trainReward } from "./reward.ts";
import { type TrainSettingsInput, trainSettings } from "./settings.ts";
import { trainSft } from "./sft.ts";
import { isOver, NOTHING_VALIDATED, type Validated, validated, validationSchema } from "./validation.ts";

let runtime: Runtime;
let scratch: string;
let runs = 0;

beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  scratch = await mkdtemp(join(tmpdir(), "validation-"));
});
afterAll(async () => {
  await runtime.close();
  await rm(scratch, { recursive: true });
});

const newFolder = () => join(scratch, `run-${runs++}`);
const rowsOf = (name: string, count: number): TokenRow[] =>
  Array.from({ length: count }, (_, i) => ({
    prompt: randomIds(`p${name}${i}`, 3),
    responses: [randomIds(`r${name}${i}`, 1 + (i % 6))],
  }));

const rows = rowsOf("train", 12);
/** Random continuations: after the first steps whoever learns the others by heart gets worse at them. */
const aside = rowsOf("aside", 7);

type Options = {
  validation?: TrainSettingsInput["validation"];
  settings?: TrainSettingsInput;
  folder?: string;
  log?: Log;
};

/** Twenty steps at a rate at which the loss of other rows falls and then rises. */
async function run({ validation, settings, folder = newFolder(), log = silentLog }: Options = {}) {
  const model = await tinyModel(runtime, "llama");
  const all = trainSettings({
    ...{ batchSize: 6, maxSteps: 20, learningRate: 5e-3, schedule: "constant", saveSteps: 3 },
    ...settings,
    ...(validation && { validation }),
  });
  const result = await trainSft(
    { runtime, log },
    { model, rows, settings: all, folder, ...(validation && { validation: aside }) },
  );
  return { result, model, folder };
}

const curveOf = ({ history }: TrainResult) =>
  history.flatMap((line) => ("eval_loss" in line ? [[line.global_step, line.eval_loss!] as const] : []));
const bestOf = (result: TrainResult) =>
  curveOf(result).reduce((best, point) => (point[1] < best[1] ? point : best));

async function weights(model: Model): Promise<Float32Array[]> {
  return Promise.all([...model.parameters.keys()].map((name) => runtime.store.get(keyOf(model, name))));
}

/** Nats per response token by the scorer, which shares no program with training. */
async function lossBy(model: Model, of: readonly TokenRow[]): Promise<number> {
  const scores = await (await openScorer(runtime, model)).score(of);
  const tokens = of.reduce((sum, row) => sum + row.responses[0]!.length, 0);
  return -scores.reduce((sum, { logps }) => sum + logps[0]!, 0) / tokens;
}

const rule = (given: object) => validationSchema.parse({ share: 0.1, ...given });

describe("the rule, by hand", () => {
  /** Steps after which a series was the best so far, and the measurement that ended it. */
  const follow = (given: object, values: readonly number[]) => {
    let state: Validated = NOTHING_VALIDATED;
    const best: number[] = [];
    for (const [i, value] of values.entries()) {
      const { now, better } = validated(rule(given), state, i + 1, value);
      if (better) best.push(i + 1);
      state = now;
      if (isOver(rule(given), state)) return { best, ended: i + 1, at: state.best!.step };
    }
    return { best, ended: undefined, at: state.best!.step };
  };

  test("a lower loss is better, the first of equals is kept, patience counts from the last better one", () => {
    const values = [3, 2, 2, 1, 4, 1, 1];
    expect(follow({}, values)).toEqual({ best: [1, 2, 4], ended: undefined, at: 4 });
    expect(follow({ patience: 3 }, values)).toEqual({ best: [1, 2, 4], ended: 7, at: 4 });
    expect(follow({ patience: 1 }, values)).toEqual({ best: [1, 2], ended: 3, at: 2 });
  });

  test("a higher accuracy is better", () => {
    const values = [0.5, 0.75, 0.25, 0.25];
    expect(follow({ metric: "accuracy", patience: 2 }, values)).toEqual({ best: [1, 2], ended: 4, at: 2 });
  });

  test("a gain of no more than min_delta is the best so far, but patience runs on, as in transformers", () => {
    const values = [4, 3.5, 3, 2.75];
    expect(follow({ patience: 2, minDelta: 0.5 }, values)).toEqual({ best: [1, 2, 3], ended: 3, at: 3 });
    expect(follow({ patience: 2, minDelta: 0.25 }, values)).toEqual({
      best: [1, 2, 3, 4],
      ended: undefined,
      at: 4,
    });
  });

  test("settings that would decide nothing are refused", () => {
    const problem = (given: object) => validationSchema.safeParse({ share: 0.1, ...given }).error?.message;
    expect(problem({ minDelta: 0.1 })).toContain("has no effect without patience");
    expect(problem({ keep: "last", metric: "accuracy" })).toContain("has no effect with keep: last");
    expect(problem({ keep: "last", metric: "accuracy", patience: 1 })).toBeUndefined();
  });
});

describe("a run", () => {
  test("that only looks gives the bits of one that does not, on the same rows", async () => {
    const plain = await run();
    const kept = await weights(plain.model);
    const looked = await run({ validation: { share: 0.1, steps: 1, keep: "last" } });
    expect(await weights(looked.model)).toEqual(kept);
    const training = (result: TrainResult) => result.history.filter((line) => "loss" in line);
    expect(training(looked.result)).toEqual(training(plain.result));
    expect(curveOf(looked.result)).toHaveLength(20);
  });

  test("measures once an epoch and at the end unless told otherwise", async () => {
    const steps = async (steps?: number) =>
      curveOf((await run({ validation: { share: 0.1, steps }, settings: { maxSteps: 5 } })).result).map(
        ([step]) => step,
      );
    expect(await steps()).toEqual([2, 4, 5]);
    expect(await steps(3)).toEqual([3, 5]);
  });

  test("keeps the weights of the best step: the loss it wrote down is theirs by another program", async () => {
    const { result, model } = await run({ validation: { share: 0.1, steps: 1 } });
    const [step, value] = bestOf(result);
    expect(step).toBeGreaterThan(1);
    expect(step).toBeLessThan(20);
    expect(result.validation).toMatchObject({
      ...{ rows: 7, metric: "loss", best: { step, value }, kept: step, planned: 20, ended: "steps" },
      last: { step: 20, value: curveOf(result).at(-1)![1] },
    });
    expect(await lossBy(model, aside)).toBeCloseTo(value, 5);
    // The same as a run that was told to take no more steps than these.
    const short = await run({ settings: { maxSteps: step } });
    expect(await weights(model)).toEqual(await weights(short.model));
    const last = await run({ validation: { share: 0.1, steps: 1, keep: "last" } });
    expect(last.result.validation!.kept).toBe(20);
    expect(await lossBy(last.model, aside)).toBeCloseTo(curveOf(result).at(-1)![1], 5);
  });

  test("ends when patience does, and says why", async () => {
    const whole = await run({ validation: { share: 0.1, steps: 1 } });
    const [step] = bestOf(whole.result);
    const said: string[] = [];
    const log = { ...silentLog, info: (text: string) => void said.push(text) };
    const { result } = await run({ validation: { share: 0.1, steps: 1, patience: 2 }, log });
    expect(result.steps).toBe(step + 2);
    expect(result.validation).toMatchObject({ kept: step, planned: 20, ended: "patience" });
    expect(curveOf(result)).toEqual(curveOf(whole.result).slice(0, step + 2));
    expect(said.at(-1)).toMatch(new RegExp(`kept step ${step}; ended early, of 20 steps$`));
  });

  test("goes by the accuracy of a reward head", async () => {
    const pairs = (name: string, count: number) =>
      rowsOf(name, count).map(({ prompt, responses }, i) => ({
        prompt,
        responses: [responses[0]!, randomIds(`${name}x${i}`, 4)],
      }));
    const model = await tinyModel(runtime, "llama", { id: "by-accuracy", reward: true });
    const settings = trainSettings({
      ...{ batchSize: 6, maxSteps: 8, learningRate: 2e-2, schedule: "constant" },
      validation: { share: 0.1, steps: 1, metric: "accuracy" },
    });
    const result = await trainReward(
      { runtime, log: silentLog },
      { model, rows: pairs("a", 12), validation: { rows: pairs("b", 9) }, settings, folder: newFolder() },
    );
    const measured = result.history.flatMap((line) =>
      "eval_loss" in line ? [[line.global_step, line.eval_accuracy!] as const] : [],
    );
    const [step, value] = measured.reduce((best, one) => (one[1] > best[1] ? one : best));
    expect(result.validation).toMatchObject({ metric: "accuracy", best: { step, value }, kept: step });
    expect(step).toBeLessThan(8);
    const scores = await (await openScorer(runtime, model)).score(pairs("b", 9));
    expect(scores.filter(({ rewards }) => rewards![0]! > rewards![1]!).length / 9).toBeCloseTo(value, 12);
  });

  test("without rows to measure on, or with a metric that SFT does not have, is refused", async () => {
    const model = await tinyModel(runtime, "llama", { id: "refused" });
    const settings = trainSettings({ validation: { share: 0.1, metric: "accuracy" } });
    const input = { model, rows, settings };
    const deps = { runtime, log: silentLog };
    await expect(trainSft(deps, { ...input, folder: newFolder() })).rejects.toThrow(
      "sft: validation: expected rows to measure on, got none.",
    );
    await expect(trainSft(deps, { ...input, folder: newFolder(), validation: aside })).rejects.toThrow(
      "validation.metric: accuracy is not measured here, expected loss.",
    );
  });
});

describe("a run that stopped", () => {
  const validation = { share: 0.1, steps: 1, patience: 3 };

  /** The same run cut off at a step, before its checkpoint. */
  async function cutAt(step: number): Promise<string> {
    const folder = newFolder();
    const update = (at: number) => {
      if (at === step) throw new Error("power cut");
    };
    const log = { ...silentLog, progress: () => ({ update, end() {} }) };
    await expect(run({ validation, folder, log })).rejects.toThrow("power cut");
    return folder;
  }

  test("at any step comes to the same: best weights, patience, curve", async () => {
    const whole = await run({ validation });
    const kept = await weights(whole.model);
    const metrics = await readFile(join(whole.folder, "metrics.jsonl"), "utf8");
    const { steps } = whole.result;
    expect(whole.result.validation!.ended).toBe("patience");
    for (let step = 1; step < steps; step++) {
      const folder = await cutAt(step);
      const again = await run({ validation, folder });
      expect(again.result, `cut at ${step}`).toEqual(whole.result);
      expect(await weights(again.model)).toEqual(kept);
      expect(await readFile(join(folder, "metrics.jsonl"), "utf8")).toBe(metrics);
    }
    // Finished, it is told again without a step.
    const told = await run({ validation, folder: whole.folder });
    expect(told.result).toEqual(whole.result);
    expect(await weights(told.model)).toEqual(kept);
  });

  test("keeps no more weights than its checkpoints need", async () => {
    const { folder, result } = await run({ validation, settings: { saveTotalLimit: 1 } });
    const best = (await readdir(folder)).filter((name) => name.startsWith("best-"));
    expect(best).toEqual([`best-${result.validation!.kept}`]);
  });

  test("does not believe best weights of which a bit has turned", async () => {
    const whole = await run({ validation });
    const kept = await weights(whole.model);
    const best = join(whole.folder, `best-${whole.result.validation!.kept}`, "parameters.safetensors");
    const bytes = await readFile(best);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(best, bytes);
    const said: string[] = [];
    const log = { ...silentLog, warn: (text: string) => void said.push(text) };
    const again = await run({ validation, folder: whole.folder, log });
    expect(said[0]).toMatch(/is damaged and removed: the best weights so far, best-\d+: /);
    expect(again.result).toEqual(whole.result);
    expect(await weights(again.model)).toEqual(kept);
  });
});
