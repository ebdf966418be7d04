import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { gradients } from "../gradients.ts";
import { exp, mul } from "../ops/elementwise.ts";
import { reshape, sum } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { input, parameter } from "../tensor.ts";
import { writeProgram } from "./write.ts";

/** What these tests read of a written model; field numbers as in `schema.ts`. */
const modelType = protobuf
  .parse(`
  syntax = "proto3";
  message Dim { int64 dim_value = 1; string dim_param = 2; }
  message Shape { repeated Dim dim = 1; }
  message Tensor { int32 elem_type = 1; Shape shape = 2; }
  message Type { Tensor tensor_type = 1; }
  message Value { string name = 1; Type type = 2; }
  message Node { repeated string input = 1; repeated string output = 2; string op_type = 4; }
  message Graph { repeated Node node = 1; repeated Value value_info = 13; }
  message Model { Graph graph = 7; }`)
  .root.lookupType("Model");

type Dim = { dimValue?: string; dimParam?: string };
type Read = {
  graph: {
    node: { input: string[]; output: string[]; opType: string }[];
    valueInfo: { name: string; type: { tensorType: { elemType: number; shape: { dim?: Dim[] } } } }[];
  };
};

/** Nodes of a program, and the sizes it states of values between them. */
function read(bytes: Uint8Array) {
  const { graph } = modelType.toObject(modelType.decode(bytes), { longs: String }) as Read;
  const sizes = graph.valueInfo.map(({ name, type: { tensorType } }) => {
    const shape = (tensorType.shape.dim ?? []).map(({ dimValue, dimParam }) => dimParam ?? Number(dimValue));
    return [name, { element: tensorType.elemType, shape }] as const;
  });
  return { nodes: graph.node, sizes: new Map(sizes) };
}

/** A product of rows that a reshape cut to sizes of run time, as an attention's heads are, and its gradient. */
function program(precision: "float32" | "float64" = "float32") {
  const [x, w] = [input("x", "float", ["B", "T", 4]), parameter("w", [2, 3])];
  const heads = reshape(x, ["B", "2*T", 2]);
  const y = exp(matmul(reshape(mul(heads, heads), ["2*B*T", 2]), w));
  const loss = sum(y, [0, 1]);
  return writeProgram({ loss, grad: gradients(loss, [w])[0]! }, { precision, fusedMatMul: true });
}

describe("sizes of values between nodes", () => {
  test("are stated for every value of an op, so that ONNX Runtime can tell which freed buffers fit", () => {
    const { nodes, sizes } = read(program().bytes);
    const made = nodes.flatMap(({ output }) => output).filter((name) => name.startsWith("%t"));
    expect(made.length).toBeGreaterThan(4);
    expect([...sizes.keys()].sort()).toEqual(made.sort());
  });

  test("are symbols that survive a reshape", () => {
    const { nodes, sizes } = read(program().bytes);
    const sizesAfter = (opType: string) =>
      nodes.flatMap((node) => (node.opType === opType ? (sizes.get(node.output[0]!)?.shape ?? []) : []));
    expect(sizesAfter("Reshape").join()).toContain("B,2*T,2,2*B*T,2");
    expect(sizesAfter("Exp")).toEqual(["2*B*T", 3]);
  });

  test.each([
    ["float32", 1],
    ["float64", 11],
  ] as const)("are those of elements of the program's precision, %s", (precision, element) => {
    const { sizes } = read(program(precision).bytes);
    expect(new Set([...sizes.values()].map((value) => value.element))).toEqual(new Set([element]));
  });

  test("leave the values alone that are inputs or outputs, which state theirs themselves", () => {
    const names = [...read(program().bytes).sizes.keys()];
    expect(names.filter((name) => !name.startsWith("%"))).toEqual([]);
  });
});
