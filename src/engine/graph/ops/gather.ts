/** Ops that pick rows or entries by integer index, and their adjoints, which add them back. */
import { ShapeError } from "../../../base/core/errors.ts";
import { type Dim, formatShape, type Shape, sameShape } from "../dims.ts";
import { ELEMENT } from "../onnx/schema.ts";
import {
  apply,
  attribute,
  type Emitter,
  expectDType,
  expectRank,
  type Node,
  type Op,
  type Tensor,
} from "../tensor.ts";
import { reshape } from "./layout.ts";

const iotaOp: Op = {
  name: "iota",
  infer: (_inputs, { size }) => [{ dtype: "int", shape: [size as Dim] }],
  emit: (node, emit) => {
    const count = emit.add("Cast", [emit.size(attribute<Dim>(node, "size"))], { attributes: { to: 6 } });
    const limit = emit.add("Squeeze", [count]);
    emit.add("Range", [emit.int(0), limit, emit.int(1)], { outputs: [emit.name(node.outputs[0]!)] });
  },
};

/** 0, 1, … size - 1, as ints `[size]`. */
export const iota = (size: Dim): Tensor => apply(iotaOp, [], { size });

const sizeOfOp: Op = {
  name: "sizeOf",
  infer: () => [{ dtype: "int", shape: [] }],
  emit: (node, emit) => {
    const count = emit.add("Cast", [emit.size(attribute<Dim>(node, "size"))], { attributes: { to: 6 } });
    emit.add("Squeeze", [count], { outputs: [emit.name(node.outputs[0]!)] });
  },
};

/** A size at run time, as an int of rank 0. */
export const sizeOf = (size: Dim): Tensor => apply(sizeOfOp, [], { size });

const gatherRowsOp: Op = {
  name: "gatherRows",
  packs: { place: 0, as: "table" },
  infer: ([table, index]) => [{ dtype: table!.dtype, shape: [...index!.shape, ...table!.shape.slice(1)] }],
  gradient: (node, [dy]) => {
    const [table, index] = [node.inputs[0]!, node.inputs[1]!];
    if (dy === undefined) return [];
    const rows = reshape(dy, [-1, ...table.shape.slice(1)]);
    return [scatterAddRows(rows, reshape(index, [-1]), table.shape), undefined];
  },
  emit: (node, emit) => {
    if (emitPackedRows(node, emit)) return;
    emit.add(
      "Gather",
      node.inputs.map((x) => emit.name(x)),
      {
        outputs: [emit.name(node.outputs[0]!)],
        attributes: { axis: 0 },
      },
    );
  },
};

/** Rows of a table in 8 bits, made floats again; false for any other table. */
function emitPackedRows(node: Node, emit: Emitter): boolean {
  const [table, index] = node.inputs as [Tensor, Tensor];
  const packed = emit.packed(table);
  if (packed === undefined) return false;
  if (packed.bits !== 8) throw new Error(`internal: rows of ${packed.bits} bits are not gathered`);
  const [numbers, scales] = packed.names.map((name) =>
    emit.add("Gather", [name, emit.name(index)], { attributes: { axis: 0 } }),
  ) as [string, string];
  const whole = emit.add("Cast", [numbers], { attributes: { to: ELEMENT.float32 } });
  const centred = emit.add("Sub", [whole, emit.scalar(128)]);
  const rows = emit.add("Mul", [centred, emit.add("Unsqueeze", [scales, emit.ints([-1])])]);
  // 0 keeps a size of the index; blocks become one row again.
  emit.add("Reshape", [rows, emit.ints([...index.shape.map(() => 0), -1])], {
    outputs: [emit.name(node.outputs[0]!)],
  });
  return true;
}

/** Rows of a table: table `[V, …]`, index `[…I]` of ints in [0, V) → `[…I, …]`. */
export function gatherRows(table: Tensor, index: Tensor): Tensor {
  expectDType("gatherRows", index, "int");
  return apply(gatherRowsOp, [table, index]);
}

const scatterAddRowsOp: Op = {
  name: "scatterAddRows",
  infer: ([updates], { shape }) => [{ dtype: updates!.dtype, shape: shape as Shape }],
  gradient: (node, [dy]) => {
    const adjoints = [dy && gatherRows(dy, node.inputs[1]!), undefined];
    return node.inputs.length === 2 ? adjoints : [...adjoints, dy];
  },
  emit: (node, emit) => {
    const [updates, index, base] = node.inputs;
    const zeros = () => emit.add("Expand", [emit.scalar(0), emit.shape(attribute<Shape>(node, "shape"))]);
    const start = base === undefined ? zeros() : emit.name(base);
    // Not ScatterND: ONNX Runtime's adds the rows in parallel and loses some where an index repeats.
    const column = index!.shape.concat(updates!.shape.slice(1).map(() => 1));
    const reshaped = emit.add("Reshape", [
      emit.name(index!),
      emit.ints(column.map((dim, i) => (i === 0 ? -1 : (dim as number)))),
    ]);
    const at = emit.add("Expand", [reshaped, emit.shape(updates!.shape)]);
    emit.add("ScatterElements", [start, at, emit.name(updates!)], {
      outputs: [emit.name(node.outputs[0]!)],
      attributes: { axis: 0, reduction: "add" },
    });
  },
};

/**
 * Adds rows into `base` (zeros of `shape` by default): the adjoint of `gatherRows`.
 * updates `[N, …]`, index `[N]`, of which numbers may repeat.
 */
export function scatterAddRows(updates: Tensor, index: Tensor, shape: Shape, base?: Tensor): Tensor {
  expectRank("scatterAddRows", index, 1);
  if (
    !sameShape(updates.shape, [index.shape[0]!, ...shape.slice(1)]) ||
    !sameShape(base?.shape ?? shape, shape)
  )
    throw new ShapeError(
      "scatterAddRows",
      `rows of ${formatShape(updates.shape)} do not fit ${formatShape(shape)}.`,
    );
  return apply(scatterAddRowsOp, base === undefined ? [updates, index] : [updates, index, base], { shape });
}

/** `existing + scattered` folded into the scatter itself, when `scattered` is a plain `scatterAddRows`. */
export function foldScatterAddRows(existing: Tensor, scattered: Tensor): Tensor | undefined {
  const [updates, index, base] = scattered.node.inputs;
  if (scattered.node.op !== scatterAddRowsOp || base !== undefined) return undefined;
  return scatterAddRows(updates!, index!, attribute<Shape>(scattered.node, "shape"), existing);
}

const permuteRowsOp: Op = {
  name: "permuteRows",
  infer: ([x, index]) => [{ dtype: x!.dtype, shape: [...index!.shape, ...x!.shape.slice(1)] }],
  gradient: (node, [dy]) => {
    const [, index, inverse] = node.inputs;
    return [dy && permuteRows(dy, inverse!, index!), undefined, undefined];
  },
  emit: (node, emit) => {
    const inputs = [emit.name(node.inputs[0]!), emit.name(node.inputs[1]!)];
    emit.add("Gather", inputs, { outputs: [emit.name(node.outputs[0]!)], attributes: { axis: 0 } });
  },
};

/**
 * Rows of x `[M, …]` at `index` `[K]`, where `inverse` `[M]` names for each row of x the one place in the
 * result that counts; the adjoint is a plain gather by `inverse` and needs no scatter. Other places (padding) hold
 * copies, whose adjoints are dropped; and where `inverse` goes back from a padded grid, padding gets copies of adjoints,
 * so what is computed there must stay among padding.
 */
export function permuteRows(x: Tensor, index: Tensor, inverse: Tensor): Tensor {
  expectRank("permuteRows", index, 1);
  expectRank("permuteRows", inverse, 1);
  if (inverse.shape[0] !== x.shape[0])
    throw new ShapeError(
      "permuteRows",
      `inverse is ${formatShape(inverse.shape)} for rows ${formatShape(x.shape)}.`,
    );
  return apply(permuteRowsOp, [x, index, inverse]);
}

const setRowsOp: Op = {
  name: "setRows",
  infer: ([base]) => [{ dtype: base!.dtype, shape: base!.shape }],
  emit: (node, emit) => {
    const [base, index, rows] = node.inputs.map((t) => emit.name(t)) as [string, string, string];
    const at = emit.add("Unsqueeze", [emit.add("Cast", [index], { attributes: { to: 7 } }), emit.ints([-1])]);
    emit.add("ScatterND", [base, at, rows], { outputs: [emit.name(node.outputs[0]!)] });
  },
};

/** `base` `[M, …]` with rows at `index` `[K]` (no number twice) replaced by `rows` `[K, …]`; no gradient. */
export function setRows(base: Tensor, index: Tensor, rows: Tensor): Tensor {
  expectRank("setRows", index, 1);
  return apply(setRowsOp, [base, index, rows]);
}

const takeLastOp: Op = {
  name: "takeLast",
  infer: ([x, index]) => [{ dtype: x!.dtype, shape: index!.shape }],
  gradient: (node, [dy]) => {
    const [x, index] = [node.inputs[0]!, node.inputs[1]!];
    return [dy && apply(putLastOp, [dy, index], { shape: x.shape }), undefined];
  },
  emit: (node, emit) => {
    const [x, index] = node.inputs.map((t) => emit.name(t)) as [string, string];
    const at = emit.add("Unsqueeze", [index, emit.ints([-1])]);
    const taken = emit.add("GatherElements", [x, at], { attributes: { axis: -1 } });
    emit.add("Squeeze", [taken, emit.ints([-1])], { outputs: [emit.name(node.outputs[0]!)] });
  },
};

/** One entry per row: x `[…, V]`, index `[…]` of ints in [0, V) → `[…]`. */
export function takeLast(x: Tensor, index: Tensor): Tensor {
  expectDType("takeLast", index, "int");
  expectRank("takeLast", index, x.shape.length - 1);
  const rows = x.shape.slice(0, -1);
  if (!sameShape(index.shape, rows))
    throw new ShapeError("takeLast", `index is ${formatShape(index.shape)}, expected ${formatShape(rows)}.`);
  return apply(takeLastOp, [x, index]);
}

const takeAlongOp: Op = {
  name: "takeAlong",
  infer: ([x, index]) => [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), index!.shape.at(-1)!] }],
  gradient: (node, [dy]) => {
    const [x, index] = [node.inputs[0]!, node.inputs[1]!];
    return [dy && apply(putAlongOp, [dy, index], { shape: x.shape }), undefined];
  },
  emit: (node, emit) => {
    const [x, index] = node.inputs.map((t) => emit.name(t)) as [string, string];
    const at = emit.add("Expand", [index, emit.shape(node.outputs[0]!.shape)]);
    emit.add("GatherElements", [x, at], { outputs: [emit.name(node.outputs[0]!)], attributes: { axis: -1 } });
  },
};

/** Several entries per row, the same in every matrix of a batch: x `[…, T, V]`, index `[T, K]` in [0, V) → `[…, T, K]`. */
export function takeAlong(x: Tensor, index: Tensor): Tensor {
  expectDType("takeAlong", index, "int");
  expectRank("takeAlong", index, 2);
  if (x.shape.at(-2) !== index.shape[0])
    throw new ShapeError(
      "takeAlong",
      `${formatShape(index.shape)} does not index rows of ${formatShape(x.shape)}.`,
    );
  return apply(takeAlongOp, [x, index]);
}

const putAlongOp: Op = {
  name: "putAlong",
  infer: ([values], { shape }) => [{ dtype: values!.dtype, shape: shape as Shape }],
  gradient: (node, [dy]) => [dy && takeAlong(dy, node.inputs[1]!), undefined],
  emit: (node, emit) => {
    const [values, index] = node.inputs;
    const at = emit.add("Expand", [emit.name(index!), emit.shape(values!.shape)]);
    const zeros = emit.add("Expand", [emit.scalar(0), emit.shape(attribute<Shape>(node, "shape"))]);
    emit.add("ScatterElements", [zeros, at, emit.name(values!)], {
      outputs: [emit.name(node.outputs[0]!)],
      attributes: { axis: -1, reduction: "add" },
    });
  },
};

const putLastOp: Op = {
  name: "putLast",
  infer: ([values], { shape }) => [{ dtype: values!.dtype, shape: shape as Shape }],
  gradient: (node, [dy]) => [dy && takeLast(dy, node.inputs[1]!), undefined],
  emit: (node, emit) => {
    const [values, index] = node.inputs.map((t) => emit.add("Unsqueeze", [emit.name(t), emit.ints([-1])]));
    const zeros = emit.add("Expand", [emit.scalar(0), emit.shape(attribute<Shape>(node, "shape"))]);
    emit.add("ScatterElements", [zeros, index!, values!], {
      outputs: [emit.name(node.outputs[0]!)],
      attributes: { axis: -1 },
    });
  },
};
