/**
 * The parts of a training step: shares of its rows whose gradients are summed apart, each in the order of its micro-batches, and then part
 * by part. Parts can be computed beside each other, in lanes; what they are follows from the rows and the model, never from the machine, so
 * that every number of cores gives the same bits (docs/decisions/0015).
 */
import { type Model, parameterCount, trainableParameters } from "../../engine/model/model.ts";
import { laneCount } from "../../engine/runtime/lanes.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { rowLength, type TokenRow } from "../data/packing.ts";

/** Above this many bytes of gradients a second array of them is dear, and a step is one part. */
const PARTED_BYTES = 2 ** 28;

/** Tokens of a step from which its rows are dealt to parts: with fewer, starting the ops takes the time. */
const PARTED_TOKENS = 384;

type Trained = Pick<Model, "parameters" | "lora">;

/** Most parts that a step of this model's training has. */
export function mostParts(model: Trained): number {
  return 4 * parameterCount(model.parameters, trainableParameters(model)) <= PARTED_BYTES ? 2 : 1;
}

/** Lanes for the parts of a step; the first works on the runtime's own arrays. */
export function trainingLanes(machine: Pick<Runtime, "device" | "threads">, model: Trained): number {
  return laneCount(machine, 4 * parameterCount(model.parameters), { most: mostParts(model) });
}

/** Parts of a step of so many rows and tokens: one where there is too little to share. @param most - from `mostParts` */
export function partsOfStep(rows: number, tokens: number, most: number): number {
  return tokens < PARTED_TOKENS ? 1 : Math.min(most, rows);
}

/**
 * Deals the rows of a step to its parts, from the longest on, there and back, so that parts are like work.
 * @param chosen - indices into `rows`
 * @param most - from `mostParts`
 */
export function dealRows(rows: readonly TokenRow[], chosen: readonly number[], most: number): number[][] {
  const lengths = new Map(chosen.map((index) => [index, rowLength(rows[index]!)]));
  const tokens = chosen.reduce((total, index) => total + lengths.get(index)!, 0);
  const parts = partsOfStep(chosen.length, tokens, most);
  if (parts === 1) return [[...chosen]];
  const byLength = [...chosen].sort((a, b) => lengths.get(b)! - lengths.get(a)!);
  const partAt = (at: number) => (Math.floor(at / parts) % 2 === 0 ? at % parts : parts - 1 - (at % parts));
  return Array.from({ length: parts }, (_, part) => byLength.filter((_row, at) => partAt(at) === part));
}
