/** Devices and what a program may use on each. */
import { availableParallelism } from "node:os";
import { BackendError, ConfigError } from "../../base/core/errors.ts";
import { didYouMean } from "../../base/core/suggest.ts";
import type { Dialect } from "../graph/tensor.ts";

/** Where programs run. */
export type Device = "cpu" | "webgpu" | "cuda";

/** Every device, the default first. */
export const DEVICES: readonly Device[] = ["cpu", "webgpu", "cuda"];

/** @throws ConfigError when `name` is no device */
export function parseDevice(name: string): Device {
  const device = DEVICES.find((known) => known === name);
  if (device === undefined)
    throw new ConfigError(
      `--device: expected ${DEVICES.join(", ")}, got "${name}"${didYouMean(name, DEVICES)}`,
    );
  return device;
}

/** ONNX forms a device understands; float64 is for checks and runs on the CPU. */
export function dialectOf(device: Device, precision: Dialect["precision"] = "float32"): Dialect {
  return { precision, fusedMatMul: device !== "webgpu" };
}

/** All cores this process may use. */
export function defaultThreads(): number {
  return availableParallelism();
}

/** Explains why a session could not be made on a device. */
export function deviceError(device: Device, reason: string): BackendError {
  const advice: Record<Device, string> = {
    cpu: "The CPU provider is part of onnxruntime-node: reinstall that package. `weak-teacher doctor` says more.",
    webgpu:
      "WebGPU needs a GPU with a Vulkan, Metal or D3D12 driver. A software GPU comes with Debian's chromium: " +
      "VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json XDG_RUNTIME_DIR=/tmp. Or use --device cpu.",
    cuda:
      "CUDA needs an NVIDIA driver, CUDA 12 or 13 with cuDNN 9, and onnxruntime-node's CUDA libraries, which its installer " +
      "fetches from another address than the registry: ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node. Or use --device cpu.",
  };
  return new BackendError(device, `cannot run here: ${reason}. ${advice[device]}`);
}
