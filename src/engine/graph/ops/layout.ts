/**
 * Ops that move elements without arithmetic, and `sum`, which is the adjoint of `expand`:
 * reshape, transpose, expand, sum, slice, padTo, concat.
 */
import { ShapeError } from "../../../base/core/errors.ts";
import {
  type Dim,
  dimProduct,
  dimQuotient,
  formatShape,
  resolveAxis,
  type Shape,
  sameShape,
} from "../dims.ts";
import { apply, attribute, expectDType, type Op, type Tensor } from "../tensor.ts";

const reshapeOp: Op = {
  name: "reshape",
  infer: ([x], { shape }) => [{ dtype: x!.dtype, shape: shape as Shape }],
  gradient: (node, [dy]) => [dy && reshape(dy, node.inputs[0]!.shape)],
  emit: (node, emit) => {
    const shape = node.outputs[0]!.shape;
    const unknown = shape.filter((dim) => typeof dim === "string").length;
    // One unknown size can be left to the runtime (-1); more must be computed from the inputs' sizes.
    const target =
      unknown <= 1 ? emit.ints(shape.map((dim) => (typeof dim === "string" ? -1 : dim))) : emit.shape(shape);
    emit.add("Reshape", [emit.name(node.inputs[0]!), target], { outputs: [emit.name(node.outputs[0]!)] });
  },
};

/**
 * The same elements in another shape. One size may be -1: what is left over.
 * @throws ShapeError when the sizes do not multiply to the same product
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const total = dimProduct(x.shape);
  const known = dimProduct(shape.filter((dim) => dim !== -1));
  const rest = dimQuotient(total, known);
  const resolved = shape.map((dim) => (dim === -1 ? (rest ?? -1) : dim));
  if (rest === undefined || dimProduct(resolved) !== total)
    throw new ShapeError("reshape", `cannot make ${formatShape(shape)} of ${formatShape(x.shape)}.`);
  return sameShape(resolved, x.shape) ? x : apply(reshapeOp, [x], { shape: resolved });
}

const transposeOp: Op = {
  name: "transpose",
  infer: ([x], { order }) => [
    { dtype: x!.dtype, shape: (order as readonly number[]).map((axis) => x!.shape[axis]!) },
  ],
  gradient: (node, [dy]) => {
    const order = attribute<readonly number[]>(node, "order");
    return [
      dy &&
        transpose(
          dy,
          order.map((_, axis) => order.indexOf(axis)),
        ),
    ];
  },
  emit: (node, emit) => {
    emit.add("Transpose", [emit.name(node.inputs[0]!)], {
      outputs: [emit.name(node.outputs[0]!)],
      attributes: { perm: attribute<readonly number[]>(node, "order") },
    });
  },
};

/** Axes in another order: `order[i]` is the old axis at new place `i`. @throws ShapeError unless a permutation */
export function transpose(x: Tensor, order: readonly number[]): Tensor {
  if (
    order.length !== x.shape.length ||
    new Set(order).size !== order.length ||
    order.some((a) => !(a in x.shape))
  )
    throw new ShapeError(
      "transpose",
      `order [${order}] is not a permutation of the axes of ${formatShape(x.shape)}.`,
    );
  return apply(transposeOp, [x], { order });
}

const expandOp: Op = {
  name: "expand",
  infer: ([x], { shape }) => [{ dtype: x!.dtype, shape: shape as Shape }],
  gradient: (node, [dy]) => [dy && sumTo(dy, node.inputs[0]!.shape)],
  emit: (node, emit) => {
    const [x, y] = [node.inputs[0]!, node.outputs[0]!];
    emit.add("Expand", [emit.name(x), emit.shape(y.shape)], { outputs: [emit.name(y)] });
  },
};

/** Repeats along axes of size 1 (and new leading axes) until `shape` is filled. */
export function expand(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const offset = shape.length - x.shape.length;
  if (offset < 0 || x.shape.some((dim, axis) => dim !== 1 && dim !== shape[axis + offset]))
    throw new ShapeError("expand", `cannot expand ${formatShape(x.shape)} to ${formatShape(shape)}.`);
  return apply(expandOp, [x], { shape });
}

const sumOp: Op = {
  name: "sum",
  infer: ([x], { axes }) => [
    {
      dtype: x!.dtype,
      shape: x!.shape.map((dim, axis) => ((axes as readonly number[]).includes(axis) ? 1 : dim)),
    },
  ],
  gradient: (node, [dy]) => [dy && expand(dy, node.inputs[0]!.shape)],
  emit: (node, emit) => {
    emit.add(
      "ReduceSum",
      [emit.name(node.inputs[0]!), emit.ints(attribute<readonly number[]>(node, "axes"))],
      {
        outputs: [emit.name(node.outputs[0]!)],
        attributes: { keepdims: 1 },
      },
    );
  },
};

/** Sum over axes (all by default); they stay as size 1 unless `keep` is false. */
export function sum(x: Tensor, axes?: readonly number[], { keep = false } = {}): Tensor {
  const resolved = (axes ?? x.shape.map((_, axis) => axis)).map((axis) => resolveAxis("sum", axis, x.shape));
  const kept = resolved.length === 0 ? x : apply(sumOp, [x], { axes: resolved });
  return keep
    ? kept
    : reshape(
        kept,
        x.shape.filter((_, axis) => !resolved.includes(axis)),
      );
}

/** Sums a broadcast result back to the shape it was broadcast from. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  const offset = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dim, axis) =>
    axis < offset || (shape[axis - offset] === 1 && dim !== 1) ? [axis] : [],
  );
  return reshape(sum(x, axes, { keep: true }), shape);
}

const sliceOp: Op = {
  name: "slice",
  infer: ([x], { axis, size }) => [
    { dtype: x!.dtype, shape: x!.shape.map((dim, i) => (i === axis ? (size as Dim) : dim)) },
  ],
  gradient: (node, [dy]) => {
    const axis = attribute<number>(node, "axis");
    const full = node.inputs[0]!.shape[axis] as number;
    return [dy && padTo(dy, axis, attribute<number>(node, "start"), full)];
  },
  emit: (node, emit) => {
    const [axis, start, size] = ["axis", "start", "size"].map((name) => attribute<number>(node, name));
    const inputs = [
      emit.name(node.inputs[0]!),
      emit.ints([start!]),
      emit.ints([start! + size!]),
      emit.ints([axis!]),
    ];
    emit.add("Slice", inputs, { outputs: [emit.name(node.outputs[0]!)] });
  },
};

/** Elements `start … start + size - 1` of an axis whose size is a number. */
export function slice(x: Tensor, axis: number, start: number, size: number): Tensor {
  const resolved = resolveAxis("slice", axis, x.shape);
  const full = x.shape[resolved]!;
  if (typeof full !== "number" || start < 0 || size < 1 || start + size > full)
    throw new ShapeError(
      "slice",
      `cannot take ${size} from ${start} along axis ${axis} of ${formatShape(x.shape)}.`,
    );
  return size === full ? x : apply(sliceOp, [x], { axis: resolved, start, size });
}

const padOp: Op = {
  name: "padTo",
  infer: ([x], { axis, size }) => [
    { dtype: x!.dtype, shape: x!.shape.map((dim, i) => (i === axis ? (size as Dim) : dim)) },
  ],
  gradient: (node, [dy]) => {
    const axis = attribute<number>(node, "axis");
    const size = node.inputs[0]!.shape[axis] as number;
    return [dy && slice(dy, axis, attribute<number>(node, "start"), size)];
  },
  emit: (node, emit) => {
    const x = node.inputs[0]!;
    const [axis, start, size] = ["axis", "start", "size"].map((name) => attribute<number>(node, name));
    const before = x.shape.map((_, i) => (i === axis ? start! : 0));
    const after = x.shape.map((dim, i) => (i === axis ? size! - start! - (dim as number) : 0));
    emit.add("Pad", [emit.name(x), emit.ints([...before, ...after]), emit.scalar(0)], {
      outputs: [emit.name(node.outputs[0]!)],
    });
  },
};

/**
 * Puts `x` at `start` of an axis of `size`, zeros elsewhere: the adjoint of `slice`.
 * @throws ShapeError when it does not fit, or the axis has no fixed size
 */
export function padTo(x: Tensor, axis: number, start: number, size: number): Tensor {
  const resolved = resolveAxis("padTo", axis, x.shape);
  const inner = x.shape[resolved]!;
  if (typeof inner !== "number" || start < 0 || start + inner > size)
    throw new ShapeError(
      "padTo",
      `cannot put ${formatShape(x.shape)} at ${start} of ${size} along axis ${axis}.`,
    );
  return apply(padOp, [x], { axis: resolved, start, size });
}

const concatOp: Op = {
  name: "concat",
  infer: (inputs, { axis }) => {
    const size = inputs.reduce((total, x) => total + (x.shape[axis as number] as number), 0);
    return [{ dtype: inputs[0]!.dtype, shape: inputs[0]!.shape.map((dim, i) => (i === axis ? size : dim)) }];
  },
  gradient: (node, [dy]) => {
    const axis = attribute<number>(node, "axis");
    let start = 0;
    return node.inputs.map((x) => {
      const size = x.shape[axis] as number;
      start += size;
      return dy && slice(dy, axis, start - size, size);
    });
  },
  emit: (node, emit) => {
    emit.add(
      "Concat",
      node.inputs.map((x) => emit.name(x)),
      {
        outputs: [emit.name(node.outputs[0]!)],
        attributes: { axis: attribute<number>(node, "axis") },
      },
    );
  },
};

/** Joins tensors along an axis whose sizes are numbers; all other sizes agree. */
export function concat(inputs: readonly Tensor[], axis: number): Tensor {
  const first = inputs[0]!;
  const resolved = resolveAxis("concat", axis, first.shape);
  for (const x of inputs) {
    expectDType("concat", x, first.dtype);
    const agrees = x.shape.every((dim, i) =>
      i === resolved ? typeof dim === "number" : dim === first.shape[i],
    );
    if (!agrees || x.shape.length !== first.shape.length)
      throw new ShapeError(
        "concat",
        `cannot join ${inputs.map((t) => formatShape(t.shape)).join(", ")} on axis ${axis}.`,
      );
  }
  return inputs.length === 1 ? first : apply(concatOp, inputs, { axis: resolved });
}
