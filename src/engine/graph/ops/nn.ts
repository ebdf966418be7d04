/** Ops of neural networks that deserve their own gradient: softmax, attention, norms, activations, token log-probabilities. */
import { ShapeError } from "../../../base/core/errors.ts";
import { formatShape, sameShape } from "../dims.ts";
import {
  apply,
  applyAll,
  attribute,
  type Emitter,
  expectDType,
  expectRank,
  type Node,
  type Op,
  type Tensor,
} from "../tensor.ts";
import { add, erf, exp, mul, neg, sigmoid, square, sub, tanh } from "./elementwise.ts";
import { reshape, sum } from "./layout.ts";
import { linear, matmul, rowDot } from "./matmul.ts";

const softmaxOp: Op = {
  name: "softmax",
  infer: ([x]) => [{ dtype: "float", shape: x!.shape }],
  gradient: (node, [dy]) => {
    const p = node.outputs[0]!;
    return [dy && mul(p, sub(dy, rowDot(dy, p)))];
  },
  emit: (node, emit) => {
    emit.add("Softmax", [emit.name(node.inputs[0]!)], {
      outputs: [emit.name(node.outputs[0]!)],
      attributes: { axis: -1 },
    });
  },
};

/** Probabilities over the last axis. */
export const softmax = (x: Tensor): Tensor => apply(softmaxOp, [x]);

const attendOp: Op = {
  name: "attend",
  infer: ([scores, values]) => [
    { dtype: "float", shape: [...scores!.shape.slice(0, -1), values!.shape.at(-1)!] },
    { dtype: "float", shape: scores!.shape },
  ],
  gradient: (node, [dOut]) => {
    if (dOut === undefined) return [];
    const values = node.inputs[1]!;
    const [out, p] = [node.outputs[0]!, node.outputs[1]!];
    const dP = matmul(dOut, values, { transB: true });
    // rowsum(dP ∘ P) equals rowsum(dOut ∘ out), which is smaller (FlashAttention, Dao et al. 2022, appendix B.2).
    return [mul(p, sub(dP, rowDot(dOut, out))), matmul(p, dOut, { transA: true })];
  },
  emit: (node, emit) => {
    const [out, p] = node.outputs.map((t) => emit.name(t)) as [string, string];
    emit.add("Softmax", [emit.name(node.inputs[0]!)], { outputs: [p], attributes: { axis: -1 } });
    emit.add("MatMul", [p, emit.name(node.inputs[1]!)], { outputs: [out] });
  },
};

/** softmax(scores) · values: scores `[…, Tq, Tk]`, values `[…, Tk, D]` → `[…, Tq, D]`. */
export function attend(scores: Tensor, values: Tensor): Tensor {
  const fits =
    sameShape(scores.shape.slice(0, -2), values.shape.slice(0, -2)) &&
    scores.shape.at(-1) === values.shape.at(-2);
  if (!fits)
    throw new ShapeError(
      "attend",
      `${formatShape(scores.shape)} by ${formatShape(values.shape)} do not fit.`,
    );
  return applyAll(attendOp, [scores, values])[0]!;
}

const layerNormOp: Op = {
  name: "layerNorm",
  infer: ([x]) => {
    const row = { dtype: "float", shape: [...x!.shape.slice(0, -1), 1] } as const;
    return [{ dtype: "float", shape: x!.shape }, row, row];
  },
  gradient: (node, [dy]) => {
    if (dy === undefined) return [];
    const [x, weight, bias] = node.inputs;
    const [, mean, deviation] = node.outputs;
    const normal = mul(sub(x!, mean!), deviation!); // [N, C]
    const dyNormal = mul(dy, normal);
    const { along, count } = rowMeans(weight!);
    // dx = (w∘dy - mean(w∘dy) - normal · mean(w∘dy∘normal)) / σ; the two means are products with w.
    const centred = sub(
      sub(mul(dy, weight!), mul(along(dy), 1 / count)),
      mul(normal, mul(along(dyNormal), 1 / count)),
    );
    const dWeight = sum(dyNormal, [0]);
    const dx = mul(centred, deviation!);
    return bias === undefined ? [dx, dWeight] : [dx, dWeight, sum(dy, [0])];
  },
  emit: (node, emit) => {
    const outputs = node.outputs.map((t) => emit.name(t));
    const epsilon = attribute<number>(node, "epsilon");
    if (emit.dialect.precision === "float32") {
      const attributes = { axis: -1, epsilon: { float: epsilon } };
      emit.add(
        "LayerNormalization",
        node.inputs.map((x) => emit.name(x)),
        { outputs, attributes },
      );
      return;
    }
    const [x, weight, bias] = node.inputs.map((t) => emit.name(t)) as [string, string, string | undefined];
    const mean = emit.add("ReduceMean", [x, emit.ints([-1])], { outputs: [outputs[1]!] });
    const centred = emit.add("Sub", [x, mean]);
    scaleRows(emit, { x: centred, epsilon, weight, bias, deviation: outputs[2]!, out: outputs[0]! });
  },
};

type ScaledRows = {
  x: string;
  epsilon: number;
  weight: string;
  bias?: string | undefined;
  deviation: string;
  out: string;
};

/** out = x / sqrt(mean(x²) + ε) ∘ weight + bias; `deviation` holds the factor. */
function scaleRows(emit: Emitter, { x, epsilon, weight, bias, deviation, out }: ScaledRows): void {
  const variance = emit.add("ReduceMean", [emit.add("Mul", [x, x]), emit.ints([-1])]);
  const root = emit.add("Sqrt", [emit.add("Add", [variance, emit.scalar(epsilon)])]);
  emit.add("Div", [emit.scalar(1), root], { outputs: [deviation] });
  const normal = emit.add("Mul", [x, deviation]);
  if (bias === undefined) emit.add("Mul", [normal, weight], { outputs: [out] });
  else emit.add("Add", [emit.add("Mul", [normal, weight]), bias], { outputs: [out] });
}

/** @throws ShapeError unless `vector` has one number per column of x `[N, C]` */
function expectVector(op: string, what: string, vector: Tensor, x: Tensor): void {
  const shape = [x.shape[1]!];
  if (!sameShape(vector.shape, shape))
    throw new ShapeError(op, `${what} is ${formatShape(vector.shape)}, expected ${formatShape(shape)}.`);
}

/** Row sums weighted by a norm's weight `[C]`, as a product: x `[N, C]` → `[N, 1]`. */
function rowMeans(weight: Tensor): { along: (x: Tensor) => Tensor; count: number } {
  const row = reshape(weight, [1, -1]);
  return { along: (x) => linear(x, row), count: weight.shape[0] as number };
}

/**
 * (x - mean) / sqrt(variance + ε) ∘ weight + bias over the last axis; x `[N, C]`, weight and bias `[C]`.
 * Ba et al. 2016, https://arxiv.org/abs/1607.06450.
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor | undefined, epsilon: number): Tensor {
  expectRank("layerNorm", x, 2);
  expectVector("layerNorm", "weight", weight, x);
  if (bias !== undefined) expectVector("layerNorm", "bias", bias, x);
  return applyAll(layerNormOp, bias === undefined ? [x, weight] : [x, weight, bias], { epsilon })[0]!;
}

const rmsNormOp: Op = {
  name: "rmsNorm",
  infer: ([x]) => [
    { dtype: "float", shape: x!.shape },
    { dtype: "float", shape: [...x!.shape.slice(0, -1), 1] },
  ],
  gradient: (node, [dy]) => {
    if (dy === undefined) return [];
    const [x, weight] = [node.inputs[0]!, node.inputs[1]!];
    const deviation = node.outputs[1]!;
    const normal = mul(x, deviation);
    const dyNormal = mul(dy, normal);
    const { along, count } = rowMeans(weight);
    // dx = (w∘dy - normal · mean(w∘dy∘normal)) / rms
    const dx = mul(sub(mul(dy, weight), mul(normal, mul(along(dyNormal), 1 / count))), deviation);
    return [dx, sum(dyNormal, [0])];
  },
  emit: (node, emit) => {
    const [x, weight] = node.inputs.map((t) => emit.name(t)) as [string, string];
    const [out, deviation] = node.outputs.map((t) => emit.name(t)) as [string, string];
    scaleRows(emit, { x, epsilon: attribute<number>(node, "epsilon"), weight, deviation, out });
  },
};

/**
 * x / sqrt(mean(x²) + ε) ∘ weight over the last axis; x `[N, C]`, weight `[C]`.
 * Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467.
 */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  expectRank("rmsNorm", x, 2);
  expectVector("rmsNorm", "weight", weight, x);
  return applyAll(rmsNormOp, [x, weight], { epsilon })[0]!;
}

/** x · Φ(x), exact. Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415. */
export const gelu = (x: Tensor): Tensor => mul(x, mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5));

const geluTanhOp: Op = {
  name: "geluTanh",
  infer: ([x]) => [{ dtype: "float", shape: x!.shape }],
  gradient: (node, [dy]) => {
    const x = node.inputs[0]!;
    if (dy === undefined) return [];
    const t = tanh(geluInner(x));
    // y = x(1 + t)/2:  dy/dx = (1 + t)/2 + x/2 (1 - t²) u',  u' = c(1 + 3·0.044715 x²)
    const slope = mul(add(mul(square(x), 3 * CUBIC), 1), GELU_C / 2);
    return [mul(dy, add(mul(add(t, 1), 0.5), mul(mul(x, slope), sub(1, square(t)))))];
  },
  emit: (node, emit) => {
    const [x, y] = [emit.name(node.inputs[0]!), emit.name(node.outputs[0]!)];
    if (emit.dialect.precision === "float32") {
      emit.add("Gelu", [x], { outputs: [y], attributes: { approximate: "tanh" } });
      return;
    }
    const cube = emit.add("Mul", [emit.add("Mul", [x, x]), x]);
    const inner = emit.add("Add", [x, emit.add("Mul", [cube, emit.scalar(CUBIC)])]);
    const t = emit.add("Tanh", [emit.add("Mul", [inner, emit.scalar(GELU_C)])]);
    const half = emit.add("Mul", [x, emit.scalar(0.5)]);
    emit.add("Mul", [half, emit.add("Add", [t, emit.scalar(1)])], { outputs: [y] });
  },
};

const GELU_C = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;
const geluInner = (x: Tensor): Tensor => mul(mul(x, add(mul(square(x), CUBIC), 1)), GELU_C);

/** The tanh approximation of GELU (gelu_new, gelu_fast, gelu_pytorch_tanh). */
export const geluTanh = (x: Tensor): Tensor => apply(geluTanhOp, [x]);

/** x σ(x), also called swish. */
export const silu = (x: Tensor): Tensor => mul(x, sigmoid(x));

const pickLogSoftmaxOp: Op = {
  name: "pickLogSoftmax",
  infer: ([logits, targets]) => [
    { dtype: "float", shape: targets!.shape },
    { dtype: "float", shape: logits!.shape },
  ],
  gradient: (node, [dy]) => {
    const [targets, logps] = [node.inputs[1]!, node.outputs[1]!];
    return [dy && apply(pickLogSoftmaxGradientOp, [logps, targets, dy]), undefined];
  },
  emit: (node, emit) => {
    const [logits, targets] = node.inputs.map((t) => emit.name(t)) as [string, string];
    const [picked, logps] = node.outputs.map((t) => emit.name(t)) as [string, string];
    emit.add("LogSoftmax", [logits], { outputs: [logps], attributes: { axis: -1 } });
    const at = emit.add("Unsqueeze", [targets, emit.ints([-1])]);
    const taken = emit.add("GatherElements", [logps, at], { attributes: { axis: -1 } });
    emit.add("Squeeze", [taken, emit.ints([-1])], { outputs: [picked] });
  },
};

/** dLogits = dy · (onehot(target) - softmax(logits)) */
const pickLogSoftmaxGradientOp: Op = {
  name: "pickLogSoftmaxGradient",
  infer: ([logps]) => [{ dtype: "float", shape: logps!.shape }],
  emit: (node, emit) => {
    const [logps, targets, dy] = node.inputs.map((t) => emit.name(t)) as [string, string, string];
    const column = emit.add("Unsqueeze", [dy, emit.ints([-1])]);
    const spread = emit.add("Mul", [emit.add("Exp", [logps]), emit.add("Neg", [column])]);
    const at = emit.add("Unsqueeze", [targets, emit.ints([-1])]);
    emit.add("ScatterElements", [spread, at, column], {
      outputs: [emit.name(node.outputs[0]!)],
      attributes: { axis: -1, reduction: "add" },
    });
  },
};

/** log softmax(logits) at one target per row: logits `[N, V]`, targets `[N]` → `[N]`, nats, at most 0. */
export function pickLogSoftmax(logits: Tensor, targets: Tensor): Tensor {
  expectRank("pickLogSoftmax", logits, 2);
  expectRank("pickLogSoftmax", targets, 1);
  expectDType("pickLogSoftmax", targets, "int");
  if (targets.shape[0] !== logits.shape[0])
    throw new ShapeError(
      "pickLogSoftmax",
      `targets are ${formatShape(targets.shape)} for logits ${formatShape(logits.shape)}.`,
    );
  return applyAll(pickLogSoftmaxOp, [logits, targets])[0]!;
}

/** Caps values smoothly at ±cap: cap · tanh(x / cap) (Gemma 2 report, section 2). */
export const softCap = (x: Tensor, cap: number): Tensor => mul(tanh(mul(x, 1 / cap)), cap);

/** log(1 - e^a) for a < 0, in nats; exact near 0, where 1 - e^a cancels (ORPO's odds near p = 1). */
export function log1mExp(a: Tensor): Tensor {
  return apply(log1mExpOp, [a]);
}

const log1mExpOp: Op = {
  name: "log1mExp",
  infer: ([a]) => [{ dtype: "float", shape: a!.shape }],
  // d log(1 - e^a) / da = -e^a / (1 - e^a)
  gradient: (node, [dy]) => [dy && neg(mul(dy, exp(sub(node.inputs[0]!, node.outputs[0]!))))],
  emit: (node: Node, emit) => {
    // -expm1(a) = tanh(-a/2) (1 + e^a): exact near 0, where 1 - e^a cancels.
    const a = emit.name(node.inputs[0]!);
    const half = emit.add("Tanh", [emit.add("Mul", [a, emit.scalar(-0.5)])]);
    const product = emit.add("Mul", [half, emit.add("Add", [emit.add("Exp", [a]), emit.scalar(1)])]);
    emit.add("Log", [product], { outputs: [emit.name(node.outputs[0]!)] });
  },
};
