/** How fast a machine multiplies matrices: at its best, and now, beside whatever else computes on it. */
import { writeProgram } from "../../engine/graph/onnx/write.ts";
import { sum } from "../../engine/graph/ops/layout.ts";
import { matmul } from "../../engine/graph/ops/matmul.ts";
import { input } from "../../engine/graph/tensor.ts";
import { laneCount } from "../../engine/runtime/lanes.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";

/** What estimates rest on. */
export type MachineRate = {
  /** 10^9 operations per second of plain float32 products on all cores, by the fastest of several: what else runs hardly met it. */
  readonly gflops: number;
  /** How many times longer they took on average, at least 1: about 1 on a machine at rest. */
  readonly slowdown: number;
};

/** On a core such a product takes less than the time that a busy machine gives a process at once, so that the fastest ran alone. */
const SIZE = 512;
const PRODUCTS = 120;
/** More lanes than this say no more of the machine. */
const LANES = 8;

/**
 * Times plain 512³ products, in lanes as small models are computed: one product on several cores waits for the one that another process is
 * at, so that it says too little of a busy machine. Takes a fraction of a second on one at rest.
 */
export async function measureRate(runtime: Runtime): Promise<MachineRate> {
  const lanes = runtime.lanes(laneCount(runtime, 4 * SIZE ** 2, { most: LANES }));
  const times = await Promise.all(lanes.map(timeProducts));
  const best = times.reduce((total, seconds) => total + 1 / Math.min(...seconds), 0);
  const mean = times.reduce((total, seconds) => total + seconds.length / seconds.reduce((a, b) => a + b), 0);
  return { gflops: (2 * SIZE ** 3 * best) / 1e9, slowdown: best / mean };
}

/** Seconds of each product, after one that is not counted. */
async function timeProducts(lane: Runtime): Promise<number[]> {
  const keys = ["probe/a", "probe/b"] as const;
  const product = matmul(input("a", "float", [SIZE, SIZE]), input("b", "float", [SIZE, SIZE]));
  const probe = await lane.compile(writeProgram({ total: sum(product) }, lane.dialect));
  for (const key of keys) await lane.store.set(key, [SIZE, SIZE], new Float32Array(SIZE * SIZE).fill(0.5));
  const seconds: number[] = [];
  for (let i = 0; i <= PRODUCTS; i++) {
    const startMs = performance.now();
    await probe.run({}, { inputs: { a: keys[0], b: keys[1] } });
    if (i > 0) seconds.push((performance.now() - startMs) / 1000);
  }
  await lane.store.delete(keys);
  return seconds;
}
