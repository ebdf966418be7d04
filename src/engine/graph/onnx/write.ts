/** Writes a graph of symbolic tensors as one ONNX model. */
import { ShapeError } from "../../../base/core/errors.ts";
import { type Dim, dimParts, type Shape } from "../dims.ts";
import { constantValue } from "../ops/elementwise.ts";
import type { PackedWeights } from "../packed.ts";
import {
  type Dialect,
  type DType,
  type EmitOptions,
  type Emitter,
  isInput,
  isParameter,
  leafName,
  type Node,
  type Op,
  type Tensor,
  type TensorType,
} from "../tensor.ts";
import { type ConstantsFile, constantsFile } from "./constants-file.ts";
import { ATTRIBUTE, ELEMENT, encodeModel, type NodeProto, type TensorProto } from "./schema.ts";

/** What a program takes or gives under a name. */
export type Port = { readonly name: string; readonly dtype: DType; readonly shape: Shape };

/** A written program: the ONNX bytes and what must be bound to run them. */
export type Program = {
  readonly bytes: Uint8Array;
  /** Constants too large for the bytes: a file that lies beside them while they are compiled. */
  readonly file?: ConstantsFile | undefined;
  readonly precision: Dialect["precision"];
  /** Fed at every run. */
  readonly inputs: readonly Port[];
  /** Bound to a parameter store. */
  readonly parameters: readonly Port[];
  readonly outputs: readonly Port[];
};

/**
 * Writes the program that computes `outputs`.
 * @param packed - weights in few bits: constants of the program, of which only layers and tables are made
 * @throws ShapeError when two inputs share a name, or a size cannot be known from what is fed
 */
export function writeProgram(
  outputs: Readonly<Record<string, Tensor>>,
  dialect: Dialect,
  packed?: PackedWeights,
): Program {
  const nodes = topologicalOrder(Object.values(outputs));
  const isConstant = (leaf: Tensor) => isParameter(leaf) && packed?.weights.has(leafName(leaf)) === true;
  const leaves = nodes
    .map((node) => node.outputs[0]!)
    .filter((tensor) => isInput(tensor) || (isParameter(tensor) && !isConstant(tensor)));
  const ports = leaves.map((tensor) => ({
    name: leafName(tensor),
    dtype: tensor.dtype,
    shape: tensor.shape,
  }));
  const twice = ports.find((port, i) => ports.findIndex((other) => other.name === port.name) !== i);
  if (twice !== undefined) throw new ShapeError("program", `two inputs are called "${twice.name}".`);

  const file = packed && constantsFile(packed);
  const writer = new GraphWriter(dialect, ports, nodes, file);
  for (const node of nodes) node.op.emit(node, writer);
  const results = Object.entries(outputs).map(([name, tensor]) => {
    writer.add("Identity", [writer.name(tensor)], { outputs: [outputName(name)] });
    return { name, dtype: tensor.dtype, shape: tensor.shape };
  });
  writer.add("SequenceEmpty", [], { outputs: [SENTINEL] });
  const info = ({ dtype, shape }: TensorType, name: string) => ({
    name,
    element: elementType(dtype, dialect),
    shape,
  });
  const written = forwardOutputs(writer.nodes, new Set(results.map((port) => outputName(port.name))));
  return {
    bytes: encodeModel({
      nodes: written,
      constants: [...writer.constants.values()],
      inputs: ports.map((port) => info(port, port.name)),
      outputs: [
        { name: SENTINEL, element: ELEMENT.float32 },
        ...results.map((port) => info(port, outputName(port.name))),
      ],
      // Sizes as symbols, which ONNX Runtime loses at the first reshape to sizes of run time: docs/decisions/0022.
      values: written.flatMap(({ output }) =>
        output.flatMap((name) => {
          const tensor = writer.tensors.get(name);
          return tensor === undefined ? [] : [info(tensor, name)];
        }),
      ),
    }),
    file,
    precision: dialect.precision,
    inputs: ports.filter((_, i) => isInput(leaves[i]!)),
    parameters: ports.filter((_, i) => isParameter(leaves[i]!)),
    outputs: results,
  };
}

/**
 * The first output of every program: an empty sequence, which onnxruntime-node cannot hand to JavaScript; see
 * `engine/runtime/worker.ts` and docs/decisions/0007.
 */
export const SENTINEL = "sentinel";

/** ONNX wants inputs and outputs to differ in name; ours may not. */
export const outputName = (name: string): string => `out:${name}`;

function topologicalOrder(outputs: readonly Tensor[]): Node[] {
  const seen = new Set<Node>();
  const stack = outputs.map((tensor) => tensor.node);
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const x of node.inputs) stack.push(x.node);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** Replaces `x → Identity → output` by writing `output` directly where `x` is made by a node and used nowhere else. */
function forwardOutputs(nodes: readonly NodeProto[], outputs: ReadonlySet<string>): NodeProto[] {
  const uses = new Map<string, number>();
  for (const node of nodes) for (const name of node.input) uses.set(name, (uses.get(name) ?? 0) + 1);
  const makers = new Map(nodes.flatMap((node) => node.output.map((name) => [name, node] as const)));
  return nodes.filter((node) => {
    const [source, target] = [node.input[0]!, node.output[0]!];
    const maker = makers.get(source);
    if (node.opType !== "Identity" || !outputs.has(target) || maker === undefined || uses.get(source) !== 1)
      return true;
    if (maker.output.some((name) => outputs.has(name))) return true;
    maker.output = maker.output.map((name) => (name === source ? target : name));
    return false;
  });
}

function elementType(dtype: DType, dialect: Dialect): number {
  return dtype === "float" ? ELEMENT[dialect.precision] : dtype === "int" ? ELEMENT.int32 : ELEMENT.bool;
}

class GraphWriter implements Emitter {
  readonly dialect: Dialect;
  readonly nodes: NodeProto[] = [];
  readonly constants = new Map<string, TensorProto>();
  /** What the values of ops are, by name. */
  readonly tensors = new Map<string, TensorType>();
  readonly #ports: readonly Port[];
  readonly #program: readonly Node[];
  readonly #file: ConstantsFile | undefined;
  readonly #shared = new Map<string, string>();
  readonly #numbers = new Map<Node, number>();
  #fresh = 0;

  constructor(
    dialect: Dialect,
    ports: readonly Port[],
    program: readonly Node[],
    file: ConstantsFile | undefined,
  ) {
    this.dialect = dialect;
    this.#ports = ports;
    this.#program = program;
    this.#file = file;
  }

  name(tensor: Tensor): string {
    if (isInput(tensor) || isParameter(tensor)) return leafName(tensor);
    const value = constantValue(tensor);
    if (value !== undefined) return tensor.dtype === "int" ? this.int(value) : this.scalar(value);
    // % keeps it apart from names given to inputs; numbers count from 0 in every program, so that the same
    // graph built again is the same bytes and is not compiled again.
    if (!this.#numbers.has(tensor.node)) this.#numbers.set(tensor.node, this.#numbers.size);
    const name = `%t${this.#numbers.get(tensor.node)}.${tensor.index}`;
    this.tensors.set(name, tensor);
    return name;
  }

  add(
    opType: string,
    inputs: readonly string[],
    { outputs, attributes = {}, domain = "" }: EmitOptions = {},
  ): string {
    const output = outputs === undefined ? [`%v${this.#fresh++}`] : [...outputs];
    const attribute = Object.entries(attributes).map(([name, value]) => ({
      name,
      ...encodeAttribute(value),
    }));
    this.nodes.push({ opType, domain, name: output[0]!, input: [...inputs], output, attribute });
    return output[0]!;
  }

  nodesOf(op: Op): readonly Node[] {
    return this.#program.filter((node) => node.op === op);
  }

  once(key: string, make: () => string): string {
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const name = make();
    this.#shared.set(key, name);
    return name;
  }

  scalar(value: number): string {
    const data = this.dialect.precision === "float32" ? new Float32Array([value]) : new Float64Array([value]);
    return this.#constant(`f:${value}`, [], ELEMENT[this.dialect.precision], data);
  }

  doubles(values: readonly number[]): string {
    return this.#constant(`d:${values}`, [values.length], ELEMENT.float64, Float64Array.from(values));
  }

  floats(values: readonly number[]): string {
    const data = this.dialect.precision === "float32" ? Float32Array.from(values) : Float64Array.from(values);
    return this.#constant(`v:${values}`, [values.length], ELEMENT[this.dialect.precision], data);
  }

  int(value: number): string {
    return this.#constant(`i:${value}`, [], ELEMENT.int32, new Int32Array([value]));
  }

  ints(values: readonly number[]): string {
    return this.#constant(
      `l:${values}`,
      [values.length],
      ELEMENT.int64,
      BigInt64Array.from(values.map(BigInt)),
    );
  }

  shape(shape: Shape): string {
    if (shape.every((dim) => typeof dim === "number")) return this.ints(shape as readonly number[]);
    return this.once(`shape:${shape.join(",")}`, () => {
      const parts = shape.map((dim) => this.size(dim));
      return parts.length === 1 ? parts[0]! : this.add("Concat", parts, { attributes: { axis: 0 } });
    });
  }

  size(dim: Dim): string {
    return this.once(`dim:${dim}`, () => {
      const { factor, symbols } = dimParts(dim);
      let name = factor === 1 && symbols.length > 0 ? undefined : this.ints([factor]);
      for (const symbol of symbols) {
        const value = this.#symbol(symbol);
        name = name === undefined ? value : this.add("Mul", [name, value]);
      }
      return name!;
    });
  }

  packed(weight: Tensor) {
    const found = isParameter(weight) ? this.#file?.packed.get(leafName(weight)) : undefined;
    if (found === undefined) return undefined;
    const names = found.constants.map((constant) => {
      const key = `file:${leafName(weight)}:${constant.dims}`;
      if (!this.constants.has(key))
        this.constants.set(key, { name: `%c${this.constants.size}`, ...constant });
      return this.constants.get(key)!.name;
    });
    return { ...found.weight, names: names as [string, string] };
  }

  #symbol(symbol: string): string {
    return this.once(`symbol:${symbol}`, () => {
      for (const port of this.#ports) {
        for (const [axis, dim] of port.shape.entries()) {
          const { factor, symbols } = dimParts(dim);
          if (symbols.length !== 1 || symbols[0] !== symbol) continue;
          const size = this.add("Shape", [port.name], { attributes: { start: axis, end: axis + 1 } });
          return factor === 1 ? size : this.add("Div", [size, this.ints([factor])]);
        }
      }
      throw new ShapeError("program", `size ${symbol} is not the size of any input.`);
    });
  }

  #constant(key: string, dims: number[], dataType: number, data: ArrayBufferView): string {
    const known = this.constants.get(key);
    if (known !== undefined) return known.name;
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.constants.set(key, { name: `%c${this.constants.size}`, dims, dataType, rawData });
    return this.constants.get(key)!.name;
  }
}

function encodeAttribute(value: number | string | readonly number[] | { readonly float: number }): object {
  if (typeof value === "number") return { i: value, type: ATTRIBUTE.int };
  if (typeof value === "string") return { s: Buffer.from(value), type: ATTRIBUTE.string };
  if ("float" in value) return { f: value.float, type: ATTRIBUTE.float };
  return { ints: value, type: ATTRIBUTE.ints };
}
