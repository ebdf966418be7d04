import { describe, expect, test } from "vitest";
import { BackendError, ConfigError } from "../../base/core/errors.ts";
import { writeProgram } from "../graph/onnx/write.ts";
import { neg } from "../graph/ops/elementwise.ts";
import { input } from "../graph/tensor.ts";
import { DEVICES, defaultThreads, deviceError, dialectOf, parseDevice } from "./device.ts";
import { openRuntime } from "./runtime.ts";

test("every device is known by its name, another name is refused with what it may have meant", () => {
  for (const device of DEVICES) expect(parseDevice(device)).toBe(device);
  expect(() => parseDevice("webgp")).toThrow(ConfigError);
  expect(() => parseDevice("webgp")).toThrow(/--device: expected cpu, webgpu, cuda, got "webgp".*webgpu/);
});

test("only WebGPU lacks the fused product", () => {
  expect(DEVICES.map((device) => dialectOf(device).fusedMatMul)).toEqual([true, false, true]);
  expect(dialectOf("cpu").precision).toBe("float32");
  expect(dialectOf("cpu", "float64").precision).toBe("float64");
  expect(defaultThreads()).toBeGreaterThanOrEqual(1);
});

describe("an error of a device says what is missing and what to do", () => {
  test.each([
    ["cpu", "reinstall that package"],
    ["webgpu", "VK_DRIVER_FILES"],
    ["cuda", "cuDNN"],
  ] as const)("%s", (device, advice) => {
    const error = deviceError(device, "no such provider");
    expect(error).toBeInstanceOf(BackendError);
    expect(error.message).toContain(`${device}: cannot run here: no such provider. `);
    expect(error.message).toContain(advice);
  });
});

test("a program for CUDA without CUDA is refused with that advice, or runs where it is there", async () => {
  const runtime = openRuntime({ device: "cuda", threads: 1 });
  const program = writeProgram({ y: neg(input("x", "float", [1])) }, runtime.dialect);
  const outcome = await runtime.compile(program).then(
    () => "runs",
    (error: Error) => error.message,
  );
  await runtime.close();
  expect(outcome === "runs" || /^cuda: cannot run here: .*ONNXRUNTIME_NODE_INSTALL/.test(outcome)).toBe(true);
});
