/** Which rows make up which optimiser step. A pure function of seed and step, so that resuming needs no cursor but the step. */
import { createRng } from "../../base/core/rng.ts";
import { rowLength, type TokenRow } from "../data/packing.ts";
import type { TrainSettings } from "./settings.ts";

/** The batches of a run. */
export interface Order {
  /** Optimiser steps of one epoch; the last may be short of rows. */
  readonly stepsPerEpoch: number;
  /** Optimiser steps of the whole run. */
  readonly steps: number;
  /** Indices of the rows of step `step`, 1 to `steps`. */
  batch(step: number): readonly number[];
}

/** Optimiser steps of one epoch and of the whole run over so many rows; a fraction of an epoch as Hugging Face counts it. */
export function stepsOf(
  rows: number,
  { batchSize, epochs, maxSteps }: Pick<TrainSettings, "batchSize" | "epochs" | "maxSteps">,
): Pick<Order, "stepsPerEpoch" | "steps"> {
  const stepsPerEpoch = Math.ceil(rows / batchSize);
  return { stepsPerEpoch, steps: maxSteps ?? Math.ceil(epochs * stepsPerEpoch) };
}

/** Rows are drawn without replacement, in a new order each epoch. */
export function createOrder(
  rows: readonly TokenRow[],
  settings: Pick<TrainSettings, "batchSize" | "epochs" | "maxSteps" | "seed" | "groupByLength">,
): Order {
  const { batchSize, seed, groupByLength } = settings;
  const { stepsPerEpoch, steps } = stepsOf(rows.length, settings);
  let epochAt = -1;
  let order: number[] = [];
  return {
    stepsPerEpoch,
    steps,
    batch(step) {
      const epoch = Math.floor((step - 1) / stepsPerEpoch);
      if (epoch !== epochAt) {
        order = groupByLength ? groupedOrder(rows, batchSize, seed, epoch) : shuffledOrder(rows, seed, epoch);
        epochAt = epoch;
      }
      const start = ((step - 1) % stepsPerEpoch) * batchSize;
      return order.slice(start, start + batchSize);
    },
  };
}

const streamOf = (seed: number, epoch: number) => createRng(seed).fork("order", epoch);

function shuffledOrder(rows: readonly TokenRow[], seed: number, epoch: number): number[] {
  return streamOf(seed, epoch).shuffle(rows.map((_, i) => i));
}

/**
 * Hugging Face's `group_by_length`: shuffled rows are cut into groups of at most 50 batches, each sorted by length.
 * Here the batches are shuffled after that, so that steps do not run from long to short within every group.
 */
function groupedOrder(rows: readonly TokenRow[], batchSize: number, seed: number, epoch: number): number[] {
  const rng = streamOf(seed, epoch);
  const shuffled = rng.shuffle(rows.map((_, i) => i));
  const groupSize = batchSize * Math.max(1, Math.min(50, Math.floor(rows.length / (4 * batchSize))));
  const batches: number[][] = [];
  for (let at = 0; at < shuffled.length; at += groupSize) {
    const group = shuffled.slice(at, at + groupSize);
    group.sort((a, b) => rowLength(rows[b]!) - rowLength(rows[a]!) || a - b);
    for (let i = 0; i < group.length; i += batchSize) batches.push(group.slice(i, i + batchSize));
  }
  const last = batches.at(-1)!;
  // A short batch must come last, where steps expect it.
  if (last.length < batchSize) return [...rng.shuffle(batches.slice(0, -1)), last].flat();
  return rng.shuffle(batches).flat();
}
