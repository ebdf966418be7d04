/** Largest entries along the last axis, for decoding; neither has a gradient. */
import { apply, type Op, type Tensor } from "../tensor.ts";

const argmaxOp: Op = {
  name: "argmax",
  infer: ([x]) => [{ dtype: "int", shape: x!.shape.slice(0, -1) }],
  emit: (node, emit) => {
    const attributes = { axis: -1, keepdims: 0 };
    const at = emit.add("ArgMax", [emit.name(node.inputs[0]!)], { attributes });
    emit.add("Cast", [at], { outputs: [emit.name(node.outputs[0]!)], attributes: { to: 6 } });
  },
};

/** Place of the largest entry of each row, the first where several are equal: x `[…, V]` → ints `[…]`. */
export const argmax = (x: Tensor): Tensor => apply(argmaxOp, [x]);

const maxLastOp: Op = {
  name: "maxLast",
  infer: ([x]) => [{ dtype: "float", shape: [...x!.shape.slice(0, -1), 1] }],
  emit: (node, emit) => {
    const inputs = [emit.name(node.inputs[0]!), emit.ints([-1])];
    emit.add("ReduceMax", inputs, { outputs: [emit.name(node.outputs[0]!)], attributes: { keepdims: 1 } });
  },
};

/** The largest entry of each row: x `[…, V]` → `[…, 1]`. */
export const maxLast = (x: Tensor): Tensor => apply(maxLastOp, [x]);
