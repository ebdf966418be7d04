/**
 * AdamW over the parameter store. With g the scaled and clipped gradient, η the learning rate, λ the decay
 * and t the step from 1 (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101, algorithm 2; PyTorch's order):
 *
 *     p ← p - η λ p
 *     m ← β₁ m + (1 - β₁) g
 *     v ← β₂ v + (1 - β₂) g²
 *     p ← p - η · m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + ε)
 *
 * An update is written over p, m and v and leaves zeros where the gradient was, so the next accumulation can
 * start. Every result is elementwise, which makes writing onto what is read safe. Arrays are updated in spans,
 * so that intermediate results stay in cache.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { type Program, writeProgram } from "../graph/onnx/write.ts";
import { add, div, mul, sqrt, square, sub } from "../graph/ops/elementwise.ts";
import { sum } from "../graph/ops/layout.ts";
import { type Dialect, input, type Tensor } from "../graph/tensor.ts";
import type { StoreView } from "../runtime/protocol.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { floats } from "../runtime/values.ts";
import { clipFactor } from "./clip.ts";
import { groupsOf, type Span, spansOf } from "./spans.ts";

/** Which of the two moments: "m" the mean of gradients, "v" of their squares. */
export type Moment = "m" | "v";

/** What to optimise, where it lives and how. */
export type AdamWOptions = {
  /** Name → sizes of every tensor that is trained. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  /** Store key of a parameter. */
  readonly keyOf: (name: string) => string;
  /** Store key of its gradient, which the caller makes (zeros) and accumulates into. */
  readonly gradKeyOf: (name: string) => string;
  /** Store key of a moment. */
  readonly stateKeyOf: (name: string, moment: Moment) => string;
  /** In [0, 1); default 0.9. */
  readonly beta1?: number;
  /** In [0, 1); default 0.999. */
  readonly beta2?: number;
  /** Above 0; default 1e-8. */
  readonly epsilon?: number;
  /** λ, at least 0; default 0.01 as in PyTorch. */
  readonly weightDecay?: number;
  /** Whether a parameter decays; default `decaysByDefault`. */
  readonly decays?: (name: string) => boolean;
};

/** One update. */
export type AdamWStep = {
  /** η of this step, at least 0. */
  readonly learningRate: number;
  /** Count of updates, this one included: 1 for the first. */
  readonly step: number;
  /** Gradients are clipped to this global norm; not clipped without. */
  readonly maxGradNorm?: number;
  /** Multiplies the accumulated gradients first, such as 1 / micro-batches; default 1. */
  readonly gradScale?: number;
};

/** An optimiser whose state lives in the parameter store. */
export interface AdamW {
  /** Makes the moments, zero. Not called on resume, where they are loaded. */
  init(): Promise<void>;
  /**
   * Updates every parameter and zeroes the gradients.
   * @returns the global L2 norm of the gradients after `gradScale`, before clipping
   * @throws NumericsError when that norm is not finite; nothing is updated then
   */
  step(options: AdamWStep): Promise<{ gradNorm: number }>;
  /** Store keys of all moments, to save and load. */
  stateKeys(): string[];
}

/** Everything decays but norms, biases and whatever else has one dimension. */
export function decaysByDefault(name: string, shape: readonly number[]): boolean {
  return shape.length > 1 && !/(^|[._])(bias|norm|layernorm|ln(_\w+)?)\d*(\.|$)/i.test(name);
}

/**
 * Numbers per span. For a model of 125M on two cores a step took 0.87 s in spans of 32 Ki (too small to be shared by
 * cores), 0.82 at 64 Ki, 0.68 at 128 Ki, 0.67 at 256 Ki, 0.75 at 512 Ki (no longer in the cache); whole arrays would
 * also need intermediates as large as an embedding, 150 MB each.
 */
const SPAN = 1 << 18;

/** Spans per run: enough that starting a run costs nothing beside them. */
const SLOTS = 4;

/**
 * An AdamW optimiser.
 * @throws ConfigError when a constant is out of range
 */
export function createAdamW(runtime: Runtime, options: AdamWOptions): AdamW {
  checkConstants(options);
  const { parameters, gradKeyOf, keyOf, stateKeyOf, weightDecay = 0.01 } = options;
  const decays = options.decays ?? ((name) => decaysByDefault(name, parameters[name]!));
  const spans = spansOf(parameters, SPAN);
  const viewOf = (key: string, { offset, length }: Span): StoreView => ({ key, offset, length });

  const squares = perCount((slots) => runtime.compile(squaresProgram(slots, runtime.dialect)));
  const updates = perCount((slots) => runtime.compile(updateProgram(slots, runtime.dialect)));

  const norm = async (): Promise<number> => {
    const sums = groupsOf(spans, SLOTS).map(async (group) => {
      const executable = await squares(group.length);
      const inputs = Object.fromEntries(
        group.map((span, i) => [`g${i}`, viewOf(gradKeyOf(span.name), span)]),
      );
      const result = await executable.run({}, { inputs });
      return Object.values(result).reduce((total, { data }) => total + Number(data[0]), 0);
    });
    // Each span's sum is float32, their sum float64: as exact as a norm needs to be.
    return Math.sqrt((await Promise.all(sums)).reduce((total, part) => total + part, 0));
  };

  const update = async (group: readonly Span[], scalars: UpdateScalars): Promise<void> => {
    const executable = await updates(group.length);
    const views = group.flatMap((span, i) => [
      [`p${i}`, viewOf(keyOf(span.name), span)] as const,
      [`m${i}`, viewOf(stateKeyOf(span.name, "m"), span)] as const,
      [`v${i}`, viewOf(stateKeyOf(span.name, "v"), span)] as const,
      [`g${i}`, viewOf(gradKeyOf(span.name), span)] as const,
    ]);
    const feeds = Object.entries(scalars).map(([name, value]) => [name, floats([value], [])] as const);
    await executable.run(Object.fromEntries(feeds), {
      inputs: Object.fromEntries(views),
      outputs: Object.fromEntries(views),
    });
  };

  return {
    async init() {
      const states = Object.entries(parameters).flatMap(([name, shape]) =>
        (["m", "v"] as const).map((moment) => [stateKeyOf(name, moment), shape] as const),
      );
      await runtime.store.zeros(Object.fromEntries(states));
    },
    async step({ learningRate, step, maxGradNorm, gradScale = 1 }) {
      if (!Number.isInteger(step) || step < 1)
        throw new ConfigError(`step: expected an integer from 1 on, got ${step}.`);
      const gradNorm = Math.abs(gradScale) * (await norm());
      const scale = gradScale * clipFactor(gradNorm, maxGradNorm);
      const scalars = (lambda: number) => updateScalars(options, { learningRate, step, scale, lambda });
      const runs = [true, false].flatMap((decaying) => {
        const some = spans.filter(({ name }) => decays(name) === decaying);
        return groupsOf(some, SLOTS).map((group) => update(group, scalars(decaying ? weightDecay : 0)));
      });
      await Promise.all(runs);
      return { gradNorm };
    },
    stateKeys: () =>
      Object.keys(parameters).flatMap((name) => [stateKeyOf(name, "m"), stateKeyOf(name, "v")]),
  };
}

/** Remembers what was made for each count. */
function perCount<T>(make: (count: number) => T): (count: number) => T {
  const made = new Map<number, T>();
  return (count) => {
    if (!made.has(count)) made.set(count, make(count));
    return made.get(count)!;
  };
}

function checkConstants({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 }: AdamWOptions): void {
  const issues = [
    ...(beta1 >= 0 && beta1 < 1 ? [] : [`beta1: expected a number in [0, 1), got ${beta1}.`]),
    ...(beta2 >= 0 && beta2 < 1 ? [] : [`beta2: expected a number in [0, 1), got ${beta2}.`]),
    ...(epsilon > 0 ? [] : [`epsilon: expected a number above 0, got ${epsilon}.`]),
    ...(weightDecay >= 0 ? [] : [`weightDecay: expected a number from 0 on, got ${weightDecay}.`]),
  ];
  if (issues.length > 0) throw new ConfigError(issues);
}

/** What an update depends on besides its arrays; computed in float64, used in float32. */
type UpdateScalars = Record<"keep" | "beta1" | "gain1" | "beta2" | "gain2" | "rate" | "epsilon", number>;

function updateScalars(
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions,
  {
    learningRate,
    step,
    scale,
    lambda,
  }: { learningRate: number; step: number; scale: number; lambda: number },
): UpdateScalars {
  const root2 = Math.sqrt(1 - beta2 ** step);
  return {
    keep: 1 - learningRate * lambda,
    beta1,
    gain1: (1 - beta1) * scale,
    beta2,
    gain2: (1 - beta2) * scale * scale,
    // η/(1 - β₁ᵗ) · m / (√v/√(1 - β₂ᵗ) + ε), numerator and denominator times √(1 - β₂ᵗ)
    rate: (learningRate * root2) / (1 - beta1 ** step),
    epsilon: epsilon * root2,
  };
}

function updateProgram(slots: number, dialect: Dialect): Program {
  const scalar = (name: keyof UpdateScalars): Tensor => input(name, "float", []);
  const [keep, beta1, gain1, beta2, gain2, rate, epsilon] = (
    ["keep", "beta1", "gain1", "beta2", "gain2", "rate", "epsilon"] as const
  ).map(scalar) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const outputs: Record<string, Tensor> = {};
  for (let i = 0; i < slots; i++) {
    const [p, m, v, g] = ["p", "m", "v", "g"].map((name) => input(`${name}${i}`, "float", [`N${i}`])) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const mean = add(mul(m, beta1), mul(g, gain1));
    const squares = add(mul(v, beta2), mul(square(g), gain2));
    const change = mul(div(mean, add(sqrt(squares), epsilon)), rate);
    outputs[`m${i}`] = mean;
    outputs[`v${i}`] = squares;
    outputs[`p${i}`] = sub(mul(p, keep), change);
    outputs[`g${i}`] = sub(g, g);
  }
  return writeProgram(outputs, dialect);
}

function squaresProgram(slots: number, dialect: Dialect): Program {
  const sums = Array.from({ length: slots }, (_, i) => [
    `s${i}`,
    sum(square(input(`g${i}`, "float", [`N${i}`]))),
  ]);
  return writeProgram(Object.fromEntries(sums) as Record<string, Tensor>, dialect);
}
