import { afterAll, describe, expect, test } from "vitest";
import { ConfigError, NumericsError } from "../../base/core/errors.ts";
import { gradients } from "../graph/gradients.ts";
import { writeProgram } from "../graph/onnx/write.ts";
import { mul, square, sub } from "../graph/ops/elementwise.ts";
import { sum } from "../graph/ops/layout.ts";
import { linear } from "../graph/ops/matmul.ts";
import { input, parameter } from "../graph/tensor.ts";
import { openRuntime } from "../runtime/runtime.ts";
import { floats } from "../runtime/values.ts";
import { type AdamWOptions, type AdamWStep, createAdamW, decaysByDefault } from "./adamw.ts";

const runtime = openRuntime({ threads: 2 });
afterAll(() => runtime.close());

type Arrays = Record<string, readonly number[]>;
const SHAPES = { "h.weight": [2, 2], "h.bias": [2] };
const START: Arrays = { "h.weight": [0.5, -1, 2, 0.25], "h.bias": [0.1, -0.2] };
const GRADS: Arrays[] = [
  { "h.weight": [0.3, -0.6, 1.2, 0], "h.bias": [0.5, -2] },
  { "h.weight": [-0.1, 0.4, 0.2, 3], "h.bias": [0, 1] },
  { "h.weight": [0.05, 0, -0.7, 0.1], "h.bias": [0.25, 0.125] },
];

const keys = {
  keyOf: (name: string) => name,
  gradKeyOf: (name: string) => `grad:${name}`,
  stateKeyOf: (name: string, moment: string) => `${moment}:${name}`,
};

async function put(arrays: Arrays, keyOf: (name: string) => string): Promise<void> {
  for (const [name, data] of Object.entries(arrays))
    await runtime.store.set(keyOf(name), [data.length], Float32Array.from(data));
}

async function train(steps: Omit<AdamWStep, "step">, options: Partial<AdamWOptions> = {}) {
  await put(START, keys.keyOf);
  const optimiser = createAdamW(runtime, { parameters: SHAPES, ...keys, ...options });
  await optimiser.init();
  const norms: number[] = [];
  for (const [i, grads] of GRADS.entries()) {
    await put(grads, keys.gradKeyOf);
    norms.push((await optimiser.step({ ...steps, step: i + 1 })).gradNorm);
  }
  return { norms, weight: await runtime.store.get("h.weight"), bias: await runtime.store.get("h.bias") };
}

/** AdamW as in the header of adamw.ts, in float64, a number at a time. */
function oracle(
  name: string,
  decay: number,
  {
    lr,
    beta1 = 0.9,
    beta2 = 0.999,
    epsilon = 1e-8,
    scale = 1,
  }: { lr: number; beta1?: number; beta2?: number; epsilon?: number; scale?: number },
): number[] {
  return START[name]!.map((start, i) => {
    let [p, m, v] = [start, 0, 0];
    for (const [t, grads] of GRADS.entries()) {
      const g = grads[name]![i]! * scale;
      p -= lr * decay * p;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      p -= (lr * (m / (1 - beta1 ** (t + 1)))) / (Math.sqrt(v / (1 - beta2 ** (t + 1))) + epsilon);
    }
    return p;
  });
}

function close(actual: ArrayLike<number>, expected: readonly number[], digits = 6): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i]!).toBeCloseTo(value, digits);
}

describe("three steps", () => {
  test("equal torch.optim.AdamW 2.13 with clip_grad_norm_(1.5), decay 0.1 on the weight and 0 on the bias", async () => {
    // torch.optim.AdamW([{w, weight_decay=0.1}, {b, weight_decay=0}], lr=0.01), same gradients, float32
    const { norms, weight, bias } = await train(
      { learningRate: 0.01, maxGradNorm: 1.5 },
      { weightDecay: 0.1 },
    );
    close(norms, [2.477902412414551, 3.1953091621398926, 0.7619875073432922]);
    close(weight, [0.47880181670188904, -0.9825349450111389, 1.9766050577163696, 0.23562641441822052]);
    close(bias, [0.07523700594902039, -0.18432117998600006]);
  });

  test("equal the equations in float64, with every constant changed", async () => {
    const constants = { beta1: 0.8, beta2: 0.95, epsilon: 0.01 };
    const { weight, bias } = await train(
      { learningRate: 0.05, gradScale: 0.5 },
      { ...constants, weightDecay: 0.3 },
    );
    close(weight, oracle("h.weight", 0.3, { lr: 0.05, scale: 0.5, ...constants }));
    close(bias, oracle("h.bias", 0, { lr: 0.05, scale: 0.5, ...constants }));
  });

  test("`decays` says by name what decays", async () => {
    const { weight, bias } = await train(
      { learningRate: 0.05 },
      { weightDecay: 0.5, decays: (name) => name === "h.bias" },
    );
    close(weight, oracle("h.weight", 0, { lr: 0.05 }));
    close(bias, oracle("h.bias", 0.5, { lr: 0.05 }));
  });
});

test("the first step has size η whatever the gradient's scale: bias correction", async () => {
  await put({ a: [1, 1, 1] }, keys.keyOf);
  await put({ a: [1e-3, -1, 1e3] }, keys.gradKeyOf);
  const optimiser = createAdamW(runtime, { parameters: { a: [3] }, ...keys });
  await optimiser.init();
  await optimiser.step({ learningRate: 0.1, step: 1 });
  close(await runtime.store.get("a"), [0.9, 1.1, 0.9], 5); // m̂/√v̂ = ±1
  expect(Array.from(await runtime.store.get("grad:a"))).toEqual([0, 0, 0]); // ready for the next accumulation
  close(await runtime.store.get("m:a"), [1e-4, -0.1, 100], 4);
});

test("a gradient that is not finite updates nothing", async () => {
  await put({ a: [1, 2] }, keys.keyOf);
  await put({ a: [Number.NaN, 1] }, keys.gradKeyOf);
  const optimiser = createAdamW(runtime, { parameters: { a: [2] }, ...keys });
  await optimiser.init();
  await expect(optimiser.step({ learningRate: 0.1, step: 1 })).rejects.toThrow(NumericsError);
  expect(Array.from(await runtime.store.get("a"))).toEqual([1, 2]);
  expect(Array.from(await runtime.store.get("m:a"))).toEqual([0, 0]);
});

test("a parameter of several spans is updated to its last number", async () => {
  const size = (1 << 15) * 37 + 7; // more spans than slots, and a rest
  await runtime.store.set("big", [size], new Float32Array(size).fill(1));
  await runtime.store.set("grad:big", [size], new Float32Array(size).fill(0.5));
  const optimiser = createAdamW(runtime, { parameters: { big: [size] }, ...keys });
  await optimiser.init();
  const { gradNorm } = await optimiser.step({ learningRate: 0.25, step: 1 });
  expect(gradNorm).toBeCloseTo(0.5 * Math.sqrt(size), 2);
  const found = await runtime.store.get("big");
  expect(found.every((value) => Math.abs(value - 0.75) < 1e-6)).toBe(true);
});

test("two runs of half the batch, accumulated, update like the whole batch to 1e-6", async () => {
  const x = Array.from({ length: 24 }, (_, i) => Math.sin(i + 1));
  const y = Array.from({ length: 8 }, (_, i) => Math.cos(3 * i));
  const [xs, ys, w] = [input("x", "float", ["N", 3]), input("y", "float", ["N", 1]), parameter("w", [1, 3])];
  const loss = mul(sum(square(sub(linear(xs, w), ys))), 1 / 8);
  const [dw] = gradients(loss, [w], { bases: [input("base", "float", [1, 3])] });
  const executable = await runtime.compile(writeProgram({ dw: dw! }, runtime.dialect));
  const after = async (parts: number) => {
    await runtime.store.set("w", [1, 3], Float32Array.from([0.3, -0.2, 0.1]));
    await runtime.store.zeros({ "grad:w": [1, 3] });
    const rows = 8 / parts;
    for (let i = 0; i < parts; i++) {
      const feeds = {
        x: floats(x.slice(i * rows * 3, (i + 1) * rows * 3), [rows, 3]),
        y: floats(y.slice(i * rows, (i + 1) * rows), [rows, 1]),
      };
      await executable.run(feeds, { inputs: { base: "grad:w" }, outputs: { dw: "grad:w" } });
    }
    const optimiser = createAdamW(runtime, { parameters: { w: [1, 3] }, ...keys, epsilon: 0.1 });
    await optimiser.init();
    const { gradNorm } = await optimiser.step({ learningRate: 0.1, step: 1, maxGradNorm: 0.1 });
    return [gradNorm, ...(await runtime.store.get("w"))];
  };
  const whole = await after(1);
  close(await after(2), whole);
  close(await after(4), whole);
  expect(whole[0]).toBeGreaterThan(0.1); // clipping took part
});

test("norms, biases and vectors do not decay by default, matrices do", () => {
  const matrix = [4, 4];
  for (const name of ["model.layers.0.self_attn.q_proj.weight", "lm_head.weight", "transformer.wte.weight"])
    expect(decaysByDefault(name, matrix)).toBe(true);
  for (const name of ["h.0.ln_1.weight", "model.norm.weight", "final_layer_norm.weight", "q_proj.bias"])
    expect(decaysByDefault(name, matrix)).toBe(false);
  expect(decaysByDefault("anything", [4])).toBe(false);
});

test("constants out of range are refused all at once; a step from 0 too", async () => {
  const make = (options: Partial<AdamWOptions>) => () =>
    createAdamW(runtime, { parameters: SHAPES, ...keys, ...options });
  expect(make({ beta1: 1, epsilon: 0 })).toThrow(ConfigError);
  expect(make({ beta1: 1, epsilon: 0 })).toThrow(/beta1: expected a number in \[0, 1\), got 1\.\nepsilon/);
  expect(make({ weightDecay: -1 })).toThrow("weightDecay: expected a number from 0 on, got -1.");
  await expect(make({})().step({ learningRate: 1, step: 0 })).rejects.toThrow(
    "step: expected an integer from 1 on, got 0.",
  );
  expect(make({})().stateKeys()).toEqual(["m:h.weight", "v:h.weight", "m:h.bias", "v:h.bias"]);
});
