/**
 * Symbolic tensors: a program is a graph of these, built by calling ops, then differentiated (`gradients`)
 * and written as ONNX (`writeProgram`). Nothing is computed here and no device is named.
 */
import { ShapeError } from "../../base/core/errors.ts";
import { formatShape, type Shape } from "./dims.ts";
import type { PackedConstant } from "./onnx/constants-file.ts";

/**
 * What an element is. "float" becomes float32 or float64 when the program is written,
 * so that the same graph is trained in one and checked in the other; "int" is int32.
 */
export type DType = "float" | "int" | "bool";

/** What can stand in an op's attributes. */
export type Attribute = number | boolean | string | readonly number[] | Shape;

/** One application of an op. Ids grow with creation, so sorting by id is a topological order. */
export interface Node {
  readonly id: number;
  readonly op: Op;
  readonly inputs: readonly Tensor[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly outputs: readonly Tensor[];
}

/** A value in the graph: output `index` of `node`. */
export interface Tensor {
  readonly node: Node;
  readonly index: number;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** The type of an op's result. */
export type TensorType = { readonly dtype: DType; readonly shape: Shape };

/** A weight in few bits, and the names of the constants that hold its numbers `[out, blocks, bytes]` and its scales `[out, blocks]`. */
export type PackedNames = PackedConstant["weight"] & {
  readonly names: readonly [data: string, scales: string];
};

/** Writes ONNX nodes for one op; see `onnx/emit.ts`. */
export interface Emitter {
  /** What the runtime behind this program has beyond standard ONNX. */
  readonly dialect: Dialect;
  /** The ONNX value that holds a tensor. */
  name(tensor: Tensor): string;
  /** Adds an ONNX node whose outputs are the given names (or fresh ones, one by default); returns the first. */
  add(opType: string, inputs: readonly string[], options?: EmitOptions): string;
  /** A float constant of rank 0 in the program's precision. */
  scalar(value: number): string;
  /** A float64 vector constant, whatever the program's precision. */
  doubles(values: readonly number[]): string;
  /** A float vector constant in the program's precision. */
  floats(values: readonly number[]): string;
  /** An int64 vector constant, as ONNX wants for axes and shapes. */
  ints(values: readonly number[]): string;
  /** An int32 constant of rank 0. */
  int(value: number): string;
  /** An int64 vector with the values of a shape at run time. */
  shape(shape: Shape): string;
  /** A weight in few bits; undefined for one in the program's precision. */
  packed(weight: Tensor): PackedNames | undefined;
  /** An int64 vector of one element: the size at run time. */
  size(dim: Shape[number]): string;
  /** The program's nodes of an op, in the order they are written: what they have in common can be written once. */
  nodesOf(op: Op): readonly Node[];
  /** The value that `make` gave when it was first asked for under this key in this program. */
  once(key: string, make: () => string): string;
}

/** Options of `Emitter.add`. */
export type EmitOptions = {
  readonly outputs?: readonly string[];
  readonly attributes?: Readonly<
    Record<string, number | string | readonly number[] | { readonly float: number }>
  >;
  readonly domain?: string;
};

/** Which non-standard forms a program may use. */
export type Dialect = {
  /** Precision of "float". */
  readonly precision: "float32" | "float64";
  /** com.microsoft FusedMatMul (transposes and a factor inside the product): CPU and CUDA, not WebGPU. */
  readonly fusedMatMul: boolean;
};

/** An op: its shape rule, its gradient rule and its ONNX form, side by side. */
export interface Op {
  readonly name: string;
  /** The input that may be a weight in few bits (`packed.ts`), and what it is then. */
  readonly packs?: { readonly place: number; readonly as: "layer" | "table" };
  /** Types of the outputs. @throws ShapeError when the inputs do not fit */
  infer(inputs: readonly Tensor[], attributes: Node["attributes"]): readonly TensorType[];
  /**
   * Adjoints of the inputs from those of the outputs (`undefined`: none came).
   * An input that carries no gradient (ints, masks) gets `undefined`.
   */
  gradient?(node: Node, adjoints: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[];
  /** Emits ONNX nodes that define `emit.name(output)` of every output. */
  emit(node: Node, emit: Emitter): void;
}

let nextId = 0;

/** Applies an op; returns all outputs. */
export function applyAll(
  op: Op,
  inputs: readonly Tensor[],
  attributes: Node["attributes"] = {},
): readonly Tensor[] {
  const outputs: Tensor[] = [];
  const node: Node = { id: nextId++, op, inputs, attributes, outputs };
  for (const [index, type] of op.infer(inputs, attributes).entries()) outputs.push({ node, index, ...type });
  return outputs;
}

/** Applies an op with one output. */
export function apply(op: Op, inputs: readonly Tensor[], attributes: Node["attributes"] = {}): Tensor {
  return applyAll(op, inputs, attributes)[0]!;
}

/** Attribute `name` of a node, which its op put there. */
export function attribute<T extends Attribute>(node: Pick<Node, "attributes">, name: string): T {
  return node.attributes[name] as T;
}

const leaf = (name: string): Op => ({
  name,
  infer: (_inputs, attributes) => [
    { dtype: attributes["dtype"] as DType, shape: attributes["shape"] as Shape },
  ],
  emit() {}, // leaves are graph inputs; the writer declares them
});

const inputOp = leaf("input");
const parameterOp = leaf("parameter");

/** A value fed at every run. */
export function input(name: string, dtype: DType, shape: Shape): Tensor {
  return apply(inputOp, [], { name, dtype, shape });
}

/** A weight that lives in a parameter store under `name`; its sizes are numbers. */
export function parameter(name: string, shape: readonly number[]): Tensor {
  return apply(parameterOp, [], { name, dtype: "float", shape });
}

/** True for `input(...)`. */
export const isInput = (tensor: Tensor): boolean => tensor.node.op === inputOp;

/** True for `parameter(...)`. */
export const isParameter = (tensor: Tensor): boolean => tensor.node.op === parameterOp;

/** The name given to an input or parameter. */
export const leafName = (tensor: Tensor): string => attribute<string>(tensor.node, "name");

/** @throws ShapeError unless `tensor` has this rank */
export function expectRank(op: string, tensor: Tensor, rank: number): void {
  if (tensor.shape.length !== rank)
    throw new ShapeError(op, `expected a tensor of rank ${rank}, got ${formatShape(tensor.shape)}.`);
}

/** @throws ShapeError unless `tensor` has this element type */
export function expectDType(op: string, tensor: Tensor, dtype: DType): void {
  if (tensor.dtype !== dtype) throw new ShapeError(op, `expected ${dtype} elements, got ${tensor.dtype}.`);
}
