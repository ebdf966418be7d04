import { afterAll, describe, expect, test } from "vitest";
import { BackendError } from "../../base/core/errors.ts";
import { writeProgram } from "../graph/onnx/write.ts";
import { add, mul } from "../graph/ops/elementwise.ts";
import { input, parameter } from "../graph/tensor.ts";
import { laneCount, overLanes } from "./lanes.ts";
import { openRuntime } from "./runtime.ts";
import { floats } from "./values.ts";

const runtime = openRuntime({ threads: 3 });
const lanes = runtime.lanes(3);
afterAll(() => runtime.close());

const x = input("x", "float", ["N"]);
const scaled = writeProgram({ y: mul(x, parameter("w", [])) }, runtime.dialect);
/** x · w with w from the store, in each lane. */
async function products(key: string): Promise<number[]> {
  const runs = lanes.map(async (lane) => {
    const executable = await lane.compile(scaled);
    return (await executable.run({ x: floats([2]) }, { parameter: () => key }))["y"]!.data[0];
  });
  return (await Promise.all(runs)).map(Number);
}

describe("parameters in lanes", () => {
  test("are those of the runtime's store, whatever changed them last", async () => {
    const { store } = runtime;
    await store.set("w", [], Float32Array.of(5));
    expect(await products("w")).toEqual([10, 10, 10]);
    await store.set("w", [], Float32Array.of(7));
    expect(await products("w")).toEqual([14, 14, 14]);
    await store.set("other", [], Float32Array.of(1.5));
    await store.copy("other", "w");
    expect(await products("w")).toEqual([3, 3, 3]);
    const executable = await runtime.compile(
      writeProgram({ z: add(input("z", "float", []), 3) }, runtime.dialect),
    );
    await executable.run({}, { inputs: { z: "w" }, outputs: { z: "w" } });
    expect(await products("w")).toEqual([9, 9, 9]);
    await store.zeros({ w: [] });
    expect(await products("w")).toEqual([0, 0, 0]);
    await store.delete(["w"]);
    await expect(products("w")).rejects.toThrow(BackendError);
  });

  test("a change that is under way when a run is asked for is seen by it", async () => {
    await runtime.store.set("v", [], Float32Array.of(1));
    await products("v");
    const change = runtime.store.set("v", [], Float32Array.of(4));
    expect(await products("v")).toEqual([8, 8, 8]);
    await change;
  });

  test("what a run is bound to stays in its lane", async () => {
    const program = writeProgram({ y: add(x, 1) }, runtime.dialect);
    for (const [index, lane] of lanes.entries()) {
      await lane.store.set("mine", [1], Float32Array.of(10 * index));
      const executable = await lane.compile(program);
      await executable.run({}, { inputs: { x: "mine" }, outputs: { y: "mine" } });
    }
    const held = await Promise.all(lanes.map((lane) => lane.store.get("mine")));
    expect(held.map(([value]) => value)).toEqual([1, 11, 21]);
  });
});

test("lanes share the cores evenly; one lane is the runtime itself", () => {
  expect(lanes.map(({ threads }) => threads)).toEqual([1, 1, 1]);
  expect(runtime.lanes(1)).toEqual([runtime]);
  expect(runtime.lanes(3)).toBe(lanes);
  expect(lanes[1]!.lanes(1)).toEqual([lanes[1]]);
  expect(() => runtime.lanes(4)).toThrow("lanes: expected an integer from 1 to 3, got 4.");
});

test.each([
  // [threads, parameters' bytes, the machine's GB, lanes]
  [1, 60e6, 64, 1],
  [2, 60e6, 64, 2],
  [16, 60e6, 64, 16],
  [16, 540e6, 64, 2],
  [2, 540e6, 8, 1], // a copy would be more than a sixteenth of the memory
  [16, 340e6, 64, 4], // four fit, and four divide sixteen
  [3, 540e6, 64, 1], // two would leave a core idle
  [2, 4e9, 64, 1],
])("%i cores and %d bytes of parameters in %i GB make %i lanes", (threads, bytes, gigabytes, expected) => {
  expect(laneCount({ device: "cpu", threads }, bytes, { memory: gigabytes * 1e9 })).toBe(expected);
  expect(laneCount({ device: "cuda", threads }, bytes, { memory: gigabytes * 1e9 })).toBe(1);
});

test("no lane is opened that would have no part of the work", () => {
  const machine = { device: "cpu", threads: 8 } as const;
  expect([1, 2, 3, 5, 9].map((most) => laneCount(machine, 1e6, { most, memory: 64e9 }))).toEqual([
    1, 2, 2, 4, 8,
  ]);
});

describe("work over lanes", () => {
  test("comes back in the order of the items, each lane one at a time", async () => {
    const busy = new Set<number>();
    let most = 0;
    const results = await overLanes(3, [5, 1, 4, 1, 3, 9, 2], async (item, lane) => {
      expect(busy.has(lane)).toBe(false);
      busy.add(lane);
      most = Math.max(most, busy.size);
      for (let i = 0; i < item; i++) await Promise.resolve();
      busy.delete(lane);
      return item * 10;
    });
    expect(results).toEqual([50, 10, 40, 10, 30, 90, 20]);
    expect(most).toBe(3);
  });

  test("stops at the first failure, when no lane works any more", async () => {
    let [started, ended] = [0, 0];
    const work = overLanes(2, [0, 1, 2, 3, 4, 5], async (item) => {
      started++;
      await new Promise((resolve) => setImmediate(resolve));
      ended++;
      if (item === 1) throw new Error("broken");
    });
    await expect(work).rejects.toThrow("broken");
    expect(ended).toBe(started);
    expect(started).toBeLessThan(6);
  });
});
