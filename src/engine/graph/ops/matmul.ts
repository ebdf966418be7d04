/** Matrix products: `matmul` over batches of matrices, `linear` for layers, and its weight gradient. */
import { ShapeError } from "../../../base/core/errors.ts";
import { broadcastShapes, formatShape, type Shape, sameShape } from "../dims.ts";
import { apply, attribute, type Emitter, expectRank, type Node, type Op, type Tensor } from "../tensor.ts";
import { mul } from "./elementwise.ts";
import { sum, sumTo } from "./layout.ts";

const lastTwo = (x: Tensor, transposed: boolean): readonly [Shape[number], Shape[number]] => {
  const [rows, columns] = x.shape.slice(-2) as [Shape[number], Shape[number]];
  return transposed ? [columns, rows] : [rows, columns];
};

const matmulOp: Op = {
  name: "matmul",
  infer: ([a, b], { transA, transB }) => {
    if (a!.shape.length < 2 || b!.shape.length < 2)
      throw new ShapeError(
        "matmul",
        `expected matrices, got ${formatShape(a!.shape)} by ${formatShape(b!.shape)}.`,
      );
    const [m, k] = lastTwo(a!, transA as boolean);
    const [k2, n] = lastTwo(b!, transB as boolean);
    if (k !== k2)
      throw new ShapeError(
        "matmul",
        `inner sizes differ, ${formatShape(a!.shape)} by ${formatShape(b!.shape)}.`,
      );
    const batch = broadcastShapes("matmul", a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    return [{ dtype: "float", shape: [...batch, m, n] }];
  },
  gradient: (node, [dy]) => {
    if (dy === undefined) return [];
    const [a, b] = [node.inputs[0]!, node.inputs[1]!];
    const [transA, transB, alpha] = [
      flag(node, "transA"),
      flag(node, "transB"),
      attribute<number>(node, "alpha"),
    ];
    // y = α op(a) op(b):  d op(a) = α dy op(b)ᵀ,  d op(b) = α op(a)ᵀ dy; transposed operands swap the factors.
    const da = transA
      ? matmul(b, dy, { transA: transB, transB: true, alpha })
      : matmul(dy, b, { transB: !transB, alpha });
    const db = transB
      ? matmul(dy, a, { transA: true, transB: transA, alpha })
      : matmul(a, dy, { transA: !transA, alpha });
    return [sumTo(da, a.shape), sumTo(db, b.shape)];
  },
  emit: (node, emit) => {
    const [a, b] = node.inputs.map((x) => emit.name(x)) as [string, string];
    const [transA, transB, alpha] = [
      flag(node, "transA"),
      flag(node, "transB"),
      attribute<number>(node, "alpha"),
    ];
    const outputs = [emit.name(node.outputs[0]!)];
    if (!transA && !transB && alpha === 1) {
      emit.add("MatMul", [a, b], { outputs });
    } else if (emit.dialect.fusedMatMul && emit.dialect.precision === "float32") {
      emit.add("FusedMatMul", [a, b], {
        outputs,
        domain: "com.microsoft",
        attributes: { transA: Number(transA), transB: Number(transB), alpha: { float: alpha } },
      });
    } else {
      const [x, y] = [swapped(emit, node.inputs[0]!, transA), swapped(emit, node.inputs[1]!, transB)];
      if (alpha === 1) emit.add("MatMul", [x, y], { outputs });
      else emit.add("Mul", [emit.add("MatMul", [x, y]), emit.scalar(alpha)], { outputs });
    }
  },
};

const flag = (node: Node, name: string): boolean => attribute<boolean>(node, name);

function swapped(emit: Emitter, x: Tensor, transposed: boolean): string {
  if (!transposed) return emit.name(x);
  const axes = x.shape.map((_, axis) => axis);
  const perm = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
  return emit.add("Transpose", [emit.name(x)], { attributes: { perm } });
}

/** Options of `matmul`. */
export type MatmulOptions = { transA?: boolean; transB?: boolean; alpha?: number };

/** α · op(a) op(b) over the last two axes, leading axes broadcast: `[…, M, K] · […, K, N] → […, M, N]`. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transA = false, transB = false, alpha = 1 } = options;
  return apply(matmulOp, [a, b], { transA, transB, alpha });
}

/** y = x Wᵀ + c with W `[out, in]` (or y = x W + c with W `[in, out]`, `weightIsInOut`); c is `[out]` or absent. */
const linearOp: Op = {
  name: "linear",
  packs: { place: 1, as: "layer" },
  infer: ([x, weight, bias], { weightIsInOut }) => {
    expectRank("linear", x!, 2);
    const [out, inner] = lastTwo(weight!, weightIsInOut as boolean);
    const biasFits = bias === undefined || sameShape(bias.shape, [out]);
    if (x!.shape[1] !== inner || !biasFits) {
      const shapes = [x!, weight!, ...(bias ? [bias] : [])].map((t) => formatShape(t.shape)).join(", ");
      throw new ShapeError("linear", `input, weight and bias do not fit: ${shapes}.`);
    }
    return [{ dtype: "float", shape: [x!.shape[0]!, out] }];
  },
  gradient: (node, [dy]) => {
    if (dy === undefined) return [];
    const [x, weight, bias] = node.inputs;
    const weightIsInOut = flag(node, "weightIsInOut");
    const dx = linear(dy, weight!, { weightIsInOut: !weightIsInOut });
    const dWeight = weightIsInOut ? outerProducts(x!, dy) : outerProducts(dy, x!);
    return bias === undefined ? [dx, dWeight] : [dx, dWeight, sum(dy, [0])];
  },
  emit: (node, emit) => {
    if (emitPacked(node, emit)) return;
    emit.add(
      "Gemm",
      node.inputs.map((x) => emit.name(x)),
      {
        outputs: [emit.name(node.outputs[0]!)],
        attributes: { transB: flag(node, "weightIsInOut") ? 0 : 1 },
      },
    );
  },
};

/** A layer whose weight is in few bits; false for any other. */
function emitPacked(node: Node, emit: Emitter): boolean {
  const [x, weight, bias] = node.inputs as [Tensor, Tensor, Tensor | undefined];
  const packed = emit.packed(weight);
  if (packed === undefined) return false;
  const { names, inner: K, out: N, bits, block } = packed;
  // No zero points and no order of groups stand between the scales and the bias.
  const more = bias === undefined ? [] : ["", "", emit.name(bias)];
  emit.add("MatMulNBits", [emit.name(x), ...names, ...more], {
    outputs: [emit.name(node.outputs[0]!)],
    domain: "com.microsoft",
    // Level 4: inputs in 8 bits.
    attributes: { K, N, bits, block_size: block, accuracy_level: 4 },
  });
  return true;
}

/** Options of `linear`. */
export type LinearOptions = { bias?: Tensor | undefined; weightIsInOut?: boolean };

/**
 * A linear layer on rows: x `[N, in]`, weight `[out, in]` (Hugging Face's Linear; `weightIsInOut` for
 * GPT-2's Conv1D `[in, out]`), bias `[out]` → `[N, out]`.
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  { bias, weightIsInOut = false }: LinearOptions = {},
): Tensor {
  return apply(linearOp, bias === undefined ? [x, weight] : [x, weight, bias], { weightIsInOut });
}

/** base + aᵀ b: the gradient of a layer's weight, summed onto what is there. */
const outerProductsOp: Op = {
  name: "outerProducts",
  infer: ([a, b, base]) => {
    for (const x of [a!, b!]) expectRank("outerProducts", x, 2);
    if (a!.shape[0] !== b!.shape[0])
      throw new ShapeError(
        "outerProducts",
        `${formatShape(a!.shape)} and ${formatShape(b!.shape)} do not fit.`,
      );
    const shape = [a!.shape[1]!, b!.shape[1]!];
    if (base !== undefined && !sameShape(base.shape, shape))
      throw new ShapeError(
        "outerProducts",
        `base is ${formatShape(base.shape)}, expected ${formatShape(shape)}.`,
      );
    return [{ dtype: "float", shape }];
  },
  gradient: (node, [dy]) => {
    if (dy === undefined) return [];
    const [a, b, base] = node.inputs;
    const adjoints = [linear(b!, dy), linear(a!, dy, { weightIsInOut: true })];
    return base === undefined ? adjoints : [...adjoints, dy];
  },
  emit: (node, emit) => {
    emit.add(
      "Gemm",
      node.inputs.map((x) => emit.name(x)),
      {
        outputs: [emit.name(node.outputs[0]!)],
        attributes: { transA: 1 },
      },
    );
  },
};

/** Sum over rows of outer products: a `[N, P]`, b `[N, Q]` → `[P, Q]`, added to `base` `[P, Q]` when given. */
export function outerProducts(a: Tensor, b: Tensor, base?: Tensor): Tensor {
  return apply(outerProductsOp, base === undefined ? [a, b] : [a, b, base]);
}

/** `existing + product` folded into the product itself, when `product` is a plain `outerProducts`. */
export function foldOuterProducts(existing: Tensor, product: Tensor): Tensor | undefined {
  const [a, b, base] = product.node.inputs;
  return product.node.op === outerProductsOp && base === undefined
    ? outerProducts(a!, b!, existing)
    : undefined;
}

/** Row-wise inner product: a, b `[…, D]` → `[…, 1]`. */
export function rowDot(a: Tensor, b: Tensor): Tensor {
  return sum(mul(a, b), [-1], { keep: true });
}
