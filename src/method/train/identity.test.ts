import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { keyOf } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { digestModel, digestNumbers, digestRows } from "./identity.ts";

let runtime: Runtime;
beforeAll(() => {
  runtime = openRuntime({ threads: 1 });
});
afterAll(() => runtime.close());

test("rows differ by an id, by where the prompt ends and by where a response ends", () => {
  const rows = [
    [{ prompt: [1, 2], responses: [[3, 4]] }],
    [{ prompt: [1, 2], responses: [[3, 5]] }],
    [{ prompt: [1], responses: [[2, 3, 4]] }],
    [{ prompt: [1, 2], responses: [[3], [4]] }],
    [],
  ];
  expect(new Set(rows.map(digestRows)).size).toBe(rows.length);
  expect(digestRows([{ prompt: [1, 2], responses: [[3, 4]] }])).toBe(digestRows(rows[0]!));
});

test("numbers differ by value, by list and by absence", () => {
  const digests = [
    digestNumbers([1, 2]),
    digestNumbers([1], [2]),
    digestNumbers([2, 1]),
    digestNumbers([1, 2], undefined),
    digestNumbers([1, 2], []),
  ];
  expect(new Set(digests).size).toBe(digests.length);
});

test("models differ by a single weight", async () => {
  const model = await tinyModel(runtime, "llama");
  const before = await digestModel(runtime, model);
  expect(await digestModel(runtime, await tinyModel(runtime, "llama"))).toBe(before);
  const key = keyOf(model, "lm_head.weight");
  const weight = await runtime.store.get(key);
  weight[100]! += 1e-3;
  await runtime.store.set(key, model.parameters.get("lm_head.weight")!, weight);
  expect(await digestModel(runtime, model)).not.toBe(before);
});
