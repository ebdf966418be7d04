/** Adapters that PEFT wrote, computed here and by PEFT: same outputs, or a refusal by name. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLog } from "../../src/base/core/log.ts";
import { loadAdapter, saveAdapter } from "../../src/engine/checkpoint/adapter-model.ts";
import { loadModel, saveModel } from "../../src/engine/checkpoint/load-model.ts";
import { compareModels, mergeAdapter } from "../../src/engine/checkpoint/merge.ts";
import { writeProgram } from "../../src/engine/graph/onnx/write.ts";
import { input } from "../../src/engine/graph/tensor.ts";
import { logits, rewardScores } from "../../src/engine/model/heads.ts";
import { keyOf, type Model, releaseModel } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { packRows } from "../../src/method/data/packing.ts";
import { runPacked } from "../../src/method/objective/logps.ts";
import { feedsOf } from "../../src/method/objective/score.ts";
import { python, runPythonLong } from "../interop/python.ts";

type Expected = { ids: number[]; cases: Record<string, { base: string; outputs: number[] }> };
const NAMES =
  "plain some-layers one-layer layers-pattern layers-patterns whole-name task-null rank-pattern alpha-pattern rslora-patterns regex all-linear exclude exclude-regex gaussian head-saved embeddings-saved reward reward-task-null gpt2 gpt2-some first-only".split(
    " ",
  );

describe.skipIf(python === undefined)("adapters as PEFT computes them", () => {
  let folder: string;
  let runtime: Runtime;
  let expected: Expected;
  beforeAll(async () => {
    folder = process.env["PEFT_CASES"] ?? (await mkdtemp(join(tmpdir(), "peft-")));
    runtime = openRuntime({ threads: 1 });
    if (process.env["PEFT_CASES"] === undefined) await runPythonLong("peft_adapters.py", [folder]);
    expected = JSON.parse(await readFile(join(folder, "expected.json"), "utf8"));
  }, 3_600_000);
  afterAll(async () => {
    await runtime.close();
    if (process.env["PEFT_CASES"] === undefined) await rm(folder, { recursive: true });
  });

  const outputsOf = async (model: Model): Promise<Float32Array> => {
    const { ids } = expected;
    const batch = packRows([{ prompt: ids.slice(0, 1), responses: [ids.slice(1)] }]);
    const run = runPacked(model.decoder, { lora: model.lora });
    const y =
      model.task === "reward"
        ? rewardScores(run.context, model.decoder, run.hidden, input("ends", "int", ["S"]))
        : logits(run.context, model.decoder, run.hidden);
    const program = await runtime.compile(writeProgram({ y }, runtime.dialect));
    const values = await program.run(feedsOf(batch, program), { parameter: (name) => keyOf(model, name) });
    return values["y"]!.data as Float32Array;
  };
  const near = (got: ArrayLike<number>, wanted: readonly number[]) => {
    expect(got.length).toBe(wanted.length);
    // Three layers of at most 24 terms a product and 12 positions; see base/core/float32.ts: √500 · 2⁻²⁴ of the largest output, four times over.
    const limit = 6e-6 * Math.max(1, ...wanted.map(Math.abs));
    expect(Math.max(...wanted.map((value, i) => Math.abs(value - got[i]!)))).toBeLessThan(limit);
  };

  test("all cases are tried", () => expect(Object.keys(expected.cases).sort()).toEqual([...NAMES].sort()));

  test.each(NAMES)("%s", async (name) => {
    const { base, outputs } = expected.cases[name]!;
    const told: string[] = [];
    const log = createLog({ write: (line) => told.push(line) });
    const plain = await loadModel(runtime, join(folder, base), { id: name });
    const before = await outputsOf(plain);
    const adapted = await loadAdapter(runtime, plain, join(folder, `adapter-${name}`), { log });
    const got = await outputsOf(adapted);
    near(got, outputs);
    expect(Math.max(...got.map((value, i) => Math.abs(value - before[i]!)))).toBeGreaterThan(0.05);
    const warned = name === "first-only" ? 1 : 0;
    expect(told.filter((line) => line.includes("no weights for")).length).toBe(warned);
    // Merged, and saved as a folder of our own, it is the same adapter.
    const { model: merged } = await mergeAdapter(runtime, adapted);
    near(await outputsOf(merged), outputs);
    // A model is saved with its tokenizer; these have none of their own.
    await writeFile(
      join(folder, base, "tokenizer.json"),
      '{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}',
    );
    await saveModel(runtime, merged, join(folder, `merged-${name}`));
    if (!name.endsWith("-saved")) {
      const copy = join(folder, `again-${name}`);
      await saveAdapter(runtime, adapted, copy, { baseModel: base });
      const fresh = await loadModel(runtime, join(folder, base), { id: `again ${name}` });
      const again = await loadAdapter(runtime, fresh, copy);
      expect((await compareModels(runtime, adapted, again)).largestDifference).toBe(0);
      await releaseModel(runtime, again);
    }
    await releaseModel(runtime, adapted);
  });

  // After the tests above, which saved them.
  test("PEFT computes the same from our adapters, transformers from our merged models", {
    timeout: 3_600_000,
  }, async () => {
    const read = JSON.parse(await runPythonLong("peft_adapters.py", ["--read", folder])) as Record<
      string,
      number[]
    >;
    const saved = NAMES.filter((name) => !name.endsWith("-saved"));
    const folders = [...saved.map((name) => `again-${name}`), ...NAMES.map((name) => `merged-${name}`)];
    expect(Object.keys(read).sort()).toEqual(folders.sort());
    for (const one of folders) near(read[one]!, expected.cases[one.replace(/^\w+?-/, "")]!.outputs);
  });
});
