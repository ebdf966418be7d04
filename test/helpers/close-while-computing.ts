/** Closes a runtime that is at work, and says so when it is closed. A program for a test that wants the process to live until then. */
import { writeProgram } from "../../src/engine/graph/onnx/write.ts";
import { mul } from "../../src/engine/graph/ops/elementwise.ts";
import { input } from "../../src/engine/graph/tensor.ts";
import { openRuntime } from "../../src/engine/runtime/runtime.ts";

const runtime = openRuntime({ threads: 1 });
const x = input("x", "float", ["N"]);
const compiling = runtime.compile(writeProgram({ y: mul(x, x) }, runtime.dialect)).catch(() => undefined);
await runtime.close();
await compiling;
process.stdout.write("closed");
