import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { BackendError, ShapeError } from "../../base/core/errors.ts";
import { ELEMENT, encodeModel, type NodeProto } from "../graph/onnx/schema.ts";
import { type Program, SENTINEL, writeProgram } from "../graph/onnx/write.ts";
import { add, mul } from "../graph/ops/elementwise.ts";
import { reshape, sum } from "../graph/ops/layout.ts";
import { matmul } from "../graph/ops/matmul.ts";
import { input, parameter } from "../graph/tensor.ts";
import { openRuntime } from "./runtime.ts";
import { doubles, floats, ints } from "./values.ts";

const runtime = openRuntime({ threads: 1 });
afterAll(() => runtime.close());

/** y = x·w + c, with B rows, w from the store. */
function affine() {
  const [x, w, c] = [input("x", "float", ["B", 2]), parameter("w", [2]), input("c", "float", ["B", 1])];
  return writeProgram({ y: add(mul(x, w), c) }, runtime.dialect);
}
const feeds = () => ({ x: floats([1, 2, 3, 4], [2, 2]), c: floats([10, 20], [2, 1]) });

describe("running", () => {
  test("reads parameters from the store under the keys it is told, and feeds", async () => {
    const executable = await runtime.compile(affine());
    await runtime.store.set("w", [2], Float32Array.from([1, 10]));
    await runtime.store.set("policy.w", [2], Float32Array.from([0, 1]));
    expect(Array.from((await executable.run(feeds()))["y"]!.data, Number)).toEqual([11, 30, 23, 60]);
    const other = await executable.run(feeds(), { parameter: (name) => `policy.${name}` });
    expect(Array.from(other["y"]!.data, Number)).toEqual([10, 12, 20, 24]);
    expect(other["y"]!.shape).toEqual([2, 2]);
  });

  test.each([
    ["missing", () => ({ x: feeds().x }), {}, 'run: input "c" is not fed; expected x, c.'],
    [
      "unknown",
      () => ({ ...feeds(), z: ints([1]) }),
      {},
      'run: "z" is no input of the program, expected one of x, c.',
    ],
    ["of the wrong rank", () => ({ ...feeds(), c: floats([10, 20]) }), {}, "c: expected [B, 1], got [2]."],
    [
      "of another batch",
      () => ({ ...feeds(), c: floats([1, 2, 3], [3, 1]) }),
      {},
      "c: B is 3 here and 2 in another input",
    ],
    [
      "shorter than it says",
      () => ({ ...feeds(), c: floats([1], [2, 1]) }),
      {},
      "c: expected 2 numbers for [2,1], got 1.",
    ],
    ["fed and bound", feeds, { inputs: { c: "key" } }, 'run: "c" is both fed and bound to the store.'],
    ["bound but unknown", feeds, { inputs: { z: "key" } }, 'run: "z" is no input of the program'],
    [
      "an output nobody computes",
      feeds,
      { outputs: { z: "key" } },
      'run: "z" is no output of the program, expected one of y.',
    ],
  ])("refuses a feed that is %s", async (_what, make, bindings, message) => {
    const executable = await runtime.compile(affine());
    await expect(executable.run(make(), bindings)).rejects.toThrow(ShapeError);
    await expect(executable.run(make(), bindings)).rejects.toThrow(message);
  });

  test("sizes that are products of symbols must agree, too", async () => {
    const flat = reshape(input("flat", "float", ["B*T"]), ["B", "T"]);
    const program = writeProgram({ y: add(flat, input("x", "float", ["B", "T"])) }, runtime.dialect);
    const executable = await runtime.compile(program);
    const x = floats([1, 2, 3, 4], [2, 2]);
    await expect(executable.run({ flat: floats([1, 2, 3]), x })).rejects.toThrow(
      "flat: expected [B*T], got [3].",
    );
  });

  test("a wrong element type or a missing key is a BackendError that names it", async () => {
    const executable = await runtime.compile(affine());
    await expect(executable.run({ ...feeds(), c: doubles([1, 2], [2, 1]) })).rejects.toThrow(BackendError);
    const lost = executable.run(feeds(), { parameter: () => "lost" });
    await expect(lost).rejects.toThrow('cpu: nothing is stored under "lost"');
  });

  test("results go into spare arrays of their size, whatever these hold; views and other sizes are left alone", async () => {
    const executable = await runtime.compile(affine());
    const own = { parameter: (name: string) => `spare.${name}` };
    await runtime.store.set("spare.w", [2], Float32Array.from([1, 10]));
    const spare = [new Float32Array(3), new Float32Array(8).subarray(0, 4), new Float32Array(4).fill(7)];
    const { y } = await executable.run(feeds(), { ...own, spare });
    expect(Array.from(y!.data, Number)).toEqual([11, 30, 23, 60]);
    // What was handed over is gone here: whole buffers, used or not.
    expect(spare.map(({ length }) => length)).toEqual([0, 4, 0]);
    const again = await executable.run(feeds(), { ...own, spare: [y!.data as Float32Array] });
    expect(Array.from(again["y"]!.data, Number)).toEqual([11, 30, 23, 60]);
    expect(y!.data.length).toBe(0);
  });

  test("the same bytes are compiled once", async () => {
    expect(await runtime.compile(affine())).toBe(await runtime.compile(affine()));
  });
});

describe("outputs written onto inputs", () => {
  test("accumulate in place, whole or in parts", async () => {
    const [total, x] = [input("total", "float", ["N"]), input("x", "float", ["N"])];
    const executable = await runtime.compile(writeProgram({ total: add(total, x) }, runtime.dialect));
    await runtime.store.zeros({ total: [5] });
    const whole = { inputs: { total: "total" }, outputs: { total: "total" } };
    for (let i = 0; i < 3; i++)
      expect(await executable.run({ x: floats([1, 2, 3, 4, 5]) }, whole)).toEqual({});
    expect(Array.from(await runtime.store.get("total"))).toEqual([3, 6, 9, 12, 15]);
    const part = { total: { key: "total", offset: 1, length: 2 } };
    await executable.run({ x: floats([100, 200]) }, { inputs: part, outputs: part });
    expect(Array.from(await runtime.store.get("total"))).toEqual([3, 106, 209, 12, 15]);
    const past = { total: { key: "total", offset: 4, length: 2 } };
    const run = executable.run({ x: floats([1, 2]) }, { inputs: past });
    await expect(run).rejects.toThrow('"total" holds 5 numbers, not 2 from 4 on');
  });
});

describe("the parameter store", () => {
  const { store } = runtime;

  test("takes over arrays, copies parts of larger buffers, gives back copies", async () => {
    const whole = Float32Array.from([1, 2, 3, 4]);
    await store.set("part", [2], whole.subarray(1, 3));
    expect(whole.length).toBe(4); // the rest of the buffer is still ours
    const copy = await store.get("part");
    copy.fill(9);
    expect(Array.from(await store.get("part"))).toEqual([2, 3]);
    await store.set("taken", [4], whole);
    expect(whole.length).toBe(0); // handed over
    await expect(store.set("wrong", [3], Float32Array.from([1]))).rejects.toThrow(
      "wrong: expected 3 numbers for [3], got 1.",
    );
  });

  test("makes zeros, copies, deletes", async () => {
    await store.set("a", [2], Float32Array.from([1, 2]));
    await store.copy("a", "b");
    await store.zeros({ a: [2], fresh: [3] });
    expect(Array.from(await store.get("a"))).toEqual([0, 0]);
    expect(Array.from(await store.get("b"))).toEqual([1, 2]);
    expect(Array.from(await store.get("fresh"))).toEqual([0, 0, 0]);
    await store.delete(["b", "never-there"]);
    await expect(store.get("b")).rejects.toThrow('cpu: nothing is stored under "b"');
  });
});

/** A chain of products that takes a noticeable time. */
function slowProgram() {
  const x = input("x", "float", [600, 600]);
  let y = x;
  for (let i = 0; i < 30; i++) y = mul(matmul(y, x), 1e-3);
  return writeProgram({ y: sum(y) }, runtime.dialect);
}
const slowFeeds = () => ({ x: floats(new Float32Array(360_000).fill(0.01), [600, 600]) });

test("the event loop stays alive while a run computes", async () => {
  const executable = await runtime.compile(slowProgram());
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await executable.run(slowFeeds());
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(3);
});

test("a second runtime computes beside the first with a store of its own", async () => {
  const second = openRuntime({ threads: 1 });
  await second.store.set("w", [2], Float32Array.from([5, 5]));
  await runtime.store.set("w", [2], Float32Array.from([1, 1]));
  const [one, two] = [await runtime.compile(affine()), await second.compile(affine())];
  const [a, b] = await Promise.all([one.run(feeds()), two.run(feeds())]);
  expect([Array.from(a["y"]!.data, Number), Array.from(b["y"]!.data, Number)]).toEqual([
    [11, 12, 23, 24],
    [15, 20, 35, 40],
  ]);
  await second.close();
});

test("closing rejects what is pending and what comes after", async () => {
  const doomed = openRuntime({ threads: 1 });
  const executable = await doomed.compile(slowProgram());
  const pending = expect(executable.run(slowFeeds())).rejects.toThrow(BackendError);
  const queued = expect(doomed.store.get("x")).rejects.toThrow(BackendError);
  await doomed.close();
  await Promise.all([pending, queued]);
  await expect(doomed.store.get("x")).rejects.toThrow("the runtime was closed");
});

/** Says that the first `k` and the first `m` numbers of x are equally many: `y` of both, the second in the first one's memory. */
function programOfOneSize(): Program {
  const node = (opType: string, inputs: string[], output: string): NodeProto => {
    return { opType, domain: "", name: output, input: inputs, output: [output], attribute: [] };
  };
  const float = (name: string, shape: (number | string)[]) => ({ name, element: ELEMENT.float32, shape });
  const size = (name: string) => ({ name, element: ELEMENT.int32, shape: [1] });
  const zero = { name: "zero", dims: [1], dataType: ELEMENT.int32, rawData: new Uint8Array(4) };
  const bytes = encodeModel({
    nodes: [
      node("Slice", ["x", "zero", "k"], "a"),
      node("Exp", ["a"], "b"),
      node("ReduceSum", ["b"], "s"),
      node("Slice", ["x", "zero", "m"], "c"),
      node("Add", ["c", "s"], "d"),
      node("Exp", ["d"], "e"),
      node("ReduceSum", ["e"], "out:y"),
      node("SequenceEmpty", [], SENTINEL),
    ],
    constants: [zero],
    inputs: [float("x", ["M"]), size("k"), size("m")],
    outputs: [{ name: SENTINEL, element: ELEMENT.float32 }, float("out:y", [1])],
    values: ["a", "b", "c", "d", "e"].map((name) => float(name, ["N"])),
  });
  const port = (name: string, shape: (number | string)[], dtype: "float" | "int" = "int") => {
    return { name, dtype, shape };
  };
  const inputs = [port("x", ["M"], "float"), port("k", [1]), port("m", [1])];
  return { bytes, precision: "float32", inputs, parameters: [], outputs: [port("y", [1], "float")] };
}

test("a value larger than the program states is not written onto a smaller one's memory", async () => {
  const { run } = await runtime.compile(programOfOneSize());
  const y = (k: number, m: number) => run({ x: floats([0, 0, 0, 0, 0, 0]), k: ints([k]), m: ints([m]) });
  expect((await y(1, 1))["y"]!.data[0]).toBeCloseTo(Math.E);
  await expect(y(2, 6)).rejects.toThrow("Shape mismatch attempting to re-use buffer. {2} != {6}");
});

test("a process lives until a runtime closed at work is closed", async () => {
  const program = fileURLToPath(new URL("../../../test/helpers/close-while-computing.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", program]);
  expect(stdout).toBe("closed");
});

test("memory is told in bytes, the peak at least what is resident", async () => {
  const { rssBytes, peakRssBytes } = await runtime.memory();
  expect(rssBytes).toBeGreaterThan(10e6);
  expect(peakRssBytes).toBeGreaterThan(10e6);
});

test.each([0, 1.5, -1, Number.NaN])("%d threads are refused", (threads) => {
  expect(() => openRuntime({ threads })).toThrow(`--threads: expected a positive integer, got ${threads}.`);
});
