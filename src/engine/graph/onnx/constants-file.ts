/**
 * Large constants of a program in a file beside it (ONNX's external data): protobuf ends at 2 GB, and ONNX Runtime maps such a file into memory
 * instead of copying it, so that what a kernel has repacked for itself is not held twice.
 */
import { sha256 } from "../../../base/core/digest.ts";
import type { PackedWeight, PackedWeights } from "../packed.ts";
import { ELEMENT, EXTERNAL, type TensorProto } from "./schema.ts";

type Unnamed = Omit<Extract<TensorProto, { dataLocation: unknown }>, "name">;

/** A file of constants. Its name is the digest of what it holds, so that programs over other weights are other bytes. */
export type ConstantsFile = {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** By parameter: the weight without its numbers, and the constants that say where they are. */
  readonly packed: ReadonlyMap<string, PackedConstant>;
};

/** A weight in few bits as constants: data `[out, blocks, bytes]` and scales `[out, blocks]`. */
export type PackedConstant = {
  readonly weight: Omit<PackedWeight, "data" | "scales">;
  readonly constants: readonly [data: Unnamed, scales: Unnamed];
};

/** The file of weights in few bits. */
export function constantsFile({ bytes, weights }: PackedWeights): ConstantsFile {
  const name = `${sha256(bytes)}.bin`;
  const packed = [...weights].map(([parameter, { data, scales, ...weight }]) => {
    const { out, inner, block, bits } = weight;
    const blocks = [out, inner / block];
    const constants = [
      placed(name, data, [...blocks, (block * bits) / 8], ELEMENT.uint8),
      placed(name, scales, blocks, ELEMENT.float32),
    ] as const;
    return [parameter, { weight, constants }] as const;
  });
  return { name, bytes, packed: new Map(packed) };
}

/** A constant where its array lies in the whole. */
function placed(
  location: string,
  { byteOffset: offset, byteLength: length }: Uint8Array | Float32Array,
  dims: number[],
  dataType: number,
): Unnamed {
  const externalData = Object.entries({ location, offset, length }).map(([key, value]) => ({
    key,
    value: String(value),
  }));
  return { dims, dataType, dataLocation: EXTERNAL, externalData };
}
