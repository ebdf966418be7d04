import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { messageOf } from "../../src/base/core/errors.ts";
import { writeProgram } from "../../src/engine/graph/onnx/write.ts";
import { add } from "../../src/engine/graph/ops/elementwise.ts";
import { input } from "../../src/engine/graph/tensor.ts";
import { openRuntime } from "../../src/engine/runtime/runtime.ts";
import { floats } from "../../src/engine/runtime/values.ts";
import { checkFixture } from "../../src/method/parity/check.ts";
import { openFixtures } from "../../src/method/parity/fixture.ts";

// Debian's chromium ships a software GPU; a machine with a real one needs no help.
const software = "/usr/lib/chromium/vk_swiftshader_icd.json";
if (existsSync(software) && process.env["VK_DRIVER_FILES"] === undefined) {
  process.env["VK_DRIVER_FILES"] = software;
  process.env["XDG_RUNTIME_DIR"] ??= "/tmp";
}

async function whyNoGpu(): Promise<string | undefined> {
  const runtime = openRuntime({ device: "webgpu", threads: 1 });
  try {
    const x = input("x", "float", ["N"]);
    const twice = await runtime.compile(writeProgram({ y: add(x, x) }, runtime.dialect));
    const { y } = await twice.run({ x: floats([1, 2]) });
    return y!.data[1] === 4 ? undefined : `2 + 2 is ${y!.data[1]}`;
  } catch (error) {
    return messageOf(error);
  } finally {
    await runtime.close();
  }
}

const folder = fileURLToPath(new URL("../../../shared/fixtures/parity", import.meta.url));
const reason = existsSync(folder) ? await whyNoGpu() : "../shared/fixtures/parity is not there";
const fixtures = reason === undefined ? await openFixtures(folder) : [];

describe.skipIf(reason !== undefined)(
  `parity on WebGPU${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const runtime = openRuntime({ device: "webgpu", threads: 1 });
    afterAll(() => runtime.close());

    test.each(fixtures.map((f) => [f.expected.name, f] as const))(
      "%s agrees in every number",
      async (_name, fixture) => {
        const findings = await checkFixture(runtime, fixture);
        expect(findings.filter((f) => !(f.shareOfLimit <= 1))).toEqual([]);
      },
    );
    if (fixtures.length === 0) test("needs a GPU and the fixtures", () => {});
  },
);
