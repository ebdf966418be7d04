/** Weights of a folder on their way into few bits, whichever kind of model it holds. */
import { CheckpointError } from "../../base/core/errors.ts";
import {
  LEAST_BLOCK,
  type PackedBits,
  type PackedWeights,
  type PackHow,
  packWeight,
  roomForPacked,
} from "../graph/packed.ts";

/** Weights being packed. */
export type Packing = {
  readonly held: PackedWeights;
  /** Packs a weight; false for one that stays float32. */
  take(name: string, data: Float32Array): boolean;
};

/**
 * Room for what is packed of a model; undefined in float32.
 * @param packable - how its weights are packed, by name
 * @throws CheckpointError when none of its matrices can be
 */
export function openPacking(
  path: string,
  bits: PackedBits | undefined,
  packable: (bits: PackedBits) => ReadonlyMap<string, PackHow>,
): Packing | undefined {
  if (bits === undefined) return undefined;
  const how = packable(bits);
  if (how.size === 0)
    throw new CheckpointError(
      path,
      `cannot be held in ${bits} bits: none of its matrices has inputs in a multiple of ${LEAST_BLOCK}. Leave its weights in float32.`,
    );
  const held = roomForPacked(how);
  return {
    held,
    take: (name, data) => {
      const into = held.weights.get(name);
      if (into !== undefined) packWeight(data, how.get(name)!.inOut, into);
      return into !== undefined;
    },
  };
}
