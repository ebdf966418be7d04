/**
 * The part of the ONNX protobuf schema that a program needs (onnx.proto3, ONNX IR version 10;
 * field numbers from https://github.com/onnx/onnx/blob/v1.16.0/onnx/onnx.proto3), encoded by protobufjs.
 */
import protobuf from "protobufjs";

/** Element types (onnx.TensorProto.DataType). */
export const ELEMENT = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 } as const;

/** Attribute types (onnx.AttributeProto.AttributeType). */
export const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const;

const one = (id: number, type: string) => ({ id, type });
const many = (id: number, type: string) => ({ id, type, rule: "repeated" });

const root = protobuf.Root.fromJSON({
  nested: {
    AttributeProto: {
      fields: {
        name: one(1, "string"),
        f: one(2, "float"),
        i: one(3, "int64"),
        s: one(4, "bytes"),
        ints: many(8, "int64"),
        type: one(20, "int32"),
      },
    },
    NodeProto: {
      fields: {
        input: many(1, "string"),
        output: many(2, "string"),
        name: one(3, "string"),
        opType: one(4, "string"),
        attribute: many(5, "AttributeProto"),
        domain: one(7, "string"),
      },
    },
    TensorProto: {
      fields: {
        dims: many(1, "int64"),
        dataType: one(2, "int32"),
        name: one(8, "string"),
        rawData: one(9, "bytes"),
        externalData: many(13, "StringStringEntryProto"),
        dataLocation: one(14, "int32"),
      },
    },
    StringStringEntryProto: { fields: { key: one(1, "string"), value: one(2, "string") } },
    Dimension: {
      fields: { dimValue: one(1, "int64"), dimParam: one(2, "string") },
      oneofs: { value: { oneof: ["dimValue", "dimParam"] } },
    },
    TensorShapeProto: { fields: { dim: many(1, "Dimension") } },
    TensorTypeProto: { fields: { elemType: one(1, "int32"), shape: one(2, "TensorShapeProto") } },
    SequenceTypeProto: { fields: { elemType: one(1, "TypeProto") } },
    TypeProto: {
      fields: { tensorType: one(1, "TensorTypeProto"), sequenceType: one(4, "SequenceTypeProto") },
    },
    ValueInfoProto: { fields: { name: one(1, "string"), type: one(2, "TypeProto") } },
    GraphProto: {
      fields: {
        node: many(1, "NodeProto"),
        name: one(2, "string"),
        initializer: many(5, "TensorProto"),
        input: many(11, "ValueInfoProto"),
        output: many(12, "ValueInfoProto"),
        valueInfo: many(13, "ValueInfoProto"),
      },
    },
    OperatorSetIdProto: { fields: { domain: one(1, "string"), version: one(2, "int64") } },
    ModelProto: {
      fields: {
        irVersion: one(1, "int64"),
        producerName: one(2, "string"),
        graph: one(7, "GraphProto"),
        opsetImport: many(8, "OperatorSetIdProto"),
      },
    },
  },
});

const modelType = root.lookupType("ModelProto");

/** One ONNX node as plain data. */
export type NodeProto = {
  opType: string;
  domain: string;
  name: string;
  input: string[];
  output: string[];
  attribute: object[];
};

/** One constant as plain data: its bytes, or where in a file beside the program they are. */
export type TensorProto = { name: string; dims: number[]; dataType: number } & (
  | { rawData: Uint8Array }
  | { dataLocation: typeof EXTERNAL; externalData: readonly { key: string; value: string }[] }
);

/** onnx.TensorProto.DataLocation. */
export const EXTERNAL = 1;

/** Name, element type and sizes of a graph input or output; without a shape it is a sequence of tensors. */
export type ValueInfo = { name: string; element: number; shape?: readonly (number | string)[] };

/**
 * Encodes a graph as an ONNX model: opset 21, plus com.microsoft 1.
 * @param graph.values - what is known of values between nodes
 */
export function encodeModel(graph: {
  nodes: readonly NodeProto[];
  constants: readonly TensorProto[];
  inputs: readonly ValueInfo[];
  outputs: readonly ValueInfo[];
  values: readonly ValueInfo[];
}): Uint8Array {
  const message = modelType.fromObject({
    irVersion: 10,
    producerName: "weak-teacher",
    opsetImport: [
      { domain: "", version: 21 },
      { domain: "com.microsoft", version: 1 },
    ],
    graph: {
      name: "program",
      node: graph.nodes,
      initializer: graph.constants,
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
      valueInfo: graph.values.map(valueInfo),
    },
  });
  return modelType.encode(message).finish();
}

function valueInfo({ name, element, shape }: ValueInfo): object {
  if (shape === undefined)
    return { name, type: { sequenceType: { elemType: { tensorType: { elemType: element } } } } };
  const dim = shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: element, shape: { dim } } } };
}
