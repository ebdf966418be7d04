import { expect, test } from "vitest";
import { openRuntime } from "../runtime/runtime.ts";
import { floats } from "../runtime/values.ts";
import { gradients } from "./gradients.ts";
import { writeProgram } from "./onnx/write.ts";
import { mul } from "./ops/elementwise.ts";
import { sum } from "./ops/layout.ts";
import { linear } from "./ops/matmul.ts";
import { input, parameter } from "./tensor.ts";

test("a linear layer's gradients accumulate in place", async () => {
  const x = input("x", "float", ["N", 3]);
  const w = parameter("w", [2, 3]);
  const acc = input("acc", "float", [2, 3]);
  const y = linear(x, w);
  const loss = sum(mul(y, y));
  const [dw] = gradients(loss, [w], { bases: [acc] });
  const rt = openRuntime({ threads: 2 });
  const exe = await rt.compile(writeProgram({ loss, dw: dw! }, rt.dialect));
  await rt.store.set("w", [2, 3], new Float32Array([1, 2, 3, 4, 5, 6]));
  await rt.store.zeros({ g: [2, 3] });
  for (let i = 0; i < 2; i++)
    console.log(
      await exe.run(
        { x: floats([1, 1, 1, 0, 1, 0], [2, 3]) },
        { inputs: { acc: "g" }, outputs: { dw: "g" } },
      ),
    );
  console.log(await rt.store.get("g"));
  await rt.close();
  expect(1).toBe(1);
});
