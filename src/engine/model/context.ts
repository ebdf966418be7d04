/** What a family's block is written with: parameters by name, linear layers (with LoRA), norms, activations, attention. */
import { ShapeError } from "../../base/core/errors.ts";
import { formatShape, sameShape } from "../graph/dims.ts";
import { add, mul, relu } from "../graph/ops/elementwise.ts";
import { linear } from "../graph/ops/matmul.ts";
import { gelu, geluTanh, layerNorm, rmsNorm, silu } from "../graph/ops/nn.ts";
import { parameter, type Tensor } from "../graph/tensor.ts";
import type { Attention } from "./attention.ts";
import type { Activation } from "./config.ts";
import type { LoraSpec } from "./lora.ts";

/** Options of a linear layer. */
export type LayerOptions = { readonly bias?: boolean; readonly weightIsInOut?: boolean };

/** The model under construction. */
export interface ModelContext {
  readonly ids: Tensor;
  readonly positions: Tensor;
  readonly attention: Attention;
  /** Above 0 for the tokens of rows that have a token at `position` or later, `[N, 1]`. */
  reaches(position: number): Tensor;
  /** The parameter of this name; every use of a name is the same tensor. */
  weight(name: string, shape: readonly number[]): Tensor;
  /** `${name}.weight` `[out, in]` (and `${name}.bias`), plus the adapter on it if there is one: x `[N, in]` → `[N, out]`. */
  linear(x: Tensor, name: string, out: number, options?: LayerOptions): Tensor;
  layerNorm(x: Tensor, name: string, epsilon: number): Tensor;
  /** `plusOne`: the stored weight is w in (1 + w), as in Gemma. */
  rmsNorm(x: Tensor, name: string, epsilon: number, plusOne?: boolean): Tensor;
  /** All parameters in the order of first use. */
  parameters(): ReadonlyMap<string, Tensor>;
}

/** Applies dropout to an adapter's input while training. */
export type Dropout = (x: Tensor, site: string) => Tensor;

/** What a context is made of. */
export type ContextSetup = {
  readonly ids: Tensor;
  readonly positions: Tensor;
  readonly attention: Attention;
  /** Where rows may be of several lengths; models of learned or plain positions do not ask. */
  readonly reaches?: ((position: number) => Tensor) | undefined;
  readonly lora?: LoraSpec | undefined;
  readonly dropout?: Dropout | undefined;
};

/** Opens a context; blocks fill it with parameters as they use them. */
export function createContext({
  ids,
  positions,
  attention,
  reaches,
  lora,
  dropout,
}: ContextSetup): ModelContext {
  const parameters = new Map<string, Tensor>();
  const weight = (name: string, shape: readonly number[]): Tensor => {
    const known = parameters.get(name);
    if (known === undefined) parameters.set(name, parameter(name, shape));
    else if (!sameShape(known.shape, shape))
      throw new ShapeError(name, `used as ${formatShape(shape)} and as ${formatShape(known.shape)}.`);
    return parameters.get(name)!;
  };
  const adapter = (x: Tensor, name: string, out: number): Tensor | undefined => {
    const part = lora?.on(name);
    if (part === undefined) return undefined;
    const down = weight(`${name}.lora_A.weight`, [part.rank, x.shape[1] as number]);
    const up = weight(`${name}.lora_B.weight`, [out, part.rank]);
    return mul(linear(linear(dropout?.(x, name) ?? x, down), up), part.scale);
  };
  return {
    ids,
    positions,
    attention,
    reaches: reaches ?? unknownLength,
    weight,
    linear(x, name, out, { bias = false, weightIsInOut = false } = {}) {
      const inner = x.shape[1] as number;
      const matrix = weight(`${name}.weight`, weightIsInOut ? [inner, out] : [out, inner]);
      const y = linear(x, matrix, { weightIsInOut, bias: bias ? weight(`${name}.bias`, [out]) : undefined });
      const delta = adapter(x, name, out);
      return delta === undefined ? y : add(y, delta);
    },
    layerNorm(x, name, epsilon) {
      const size = x.shape[1] as number;
      return layerNorm(x, weight(`${name}.weight`, [size]), weight(`${name}.bias`, [size]), epsilon);
    },
    rmsNorm(x, name, epsilon, plusOne = false) {
      const scale = weight(`${name}.weight`, [x.shape[1] as number]);
      return rmsNorm(x, plusOne ? add(scale, 1) : scale, epsilon);
    },
    parameters: () => parameters,
  };
}

function unknownLength(): never {
  throw new Error("internal: a model asks how long its rows are, which this program does not say");
}

/** Applies an activation by name. */
export function activate(x: Tensor, activation: Activation): Tensor {
  switch (activation) {
    case "relu":
      return relu(x);
    case "gelu":
      return gelu(x);
    case "gelu-tanh":
      return geluTanh(x);
    case "silu":
      return silu(x);
    default:
      return activation satisfies never;
  }
}
