/** Packs plain sequences, such as prompts, into the inputs of a packed program (`packedInputs`). */
import type { Value } from "../runtime/protocol.ts";
import { ints } from "../runtime/values.ts";

/** Feeds of packed sequences: `packedInputs`, and "ends" `[E]`, the place of each sequence's last token. */
export type PackedSequences = Readonly<
  Record<"ids" | "positions" | "slots" | "places" | "segments" | "ends", Value>
>;

/** Packs sequences of at least one token each, in order. */
export function packSequences(sequences: readonly (readonly number[])[]): PackedSequences {
  const width = Math.max(...sequences.map(({ length }) => length));
  const shape = [sequences.length, width];
  const slots = new Int32Array(sequences.length * width);
  const segments = new Int32Array(sequences.length * width).fill(-1);
  const [ids, positions, places, ends]: [number[], number[], number[], number[]] = [[], [], [], []];
  sequences.forEach((sequence, b) => {
    for (const [position, id] of sequence.entries()) {
      const place = b * width + position;
      slots[place] = ids.length;
      segments[place] = 0;
      ids.push(id);
      positions.push(position);
      places.push(place);
    }
    ends.push(ids.length - 1);
  });
  return {
    ids: ints(ids),
    positions: ints(positions),
    slots: ints(slots, shape),
    places: ints(places),
    segments: ints(segments, shape),
    ends: ints(ends),
  };
}
