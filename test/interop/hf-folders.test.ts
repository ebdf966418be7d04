/**
 * Model folders of every family, ours read by transformers and transformers' own read here: logits, greedy text, scores of reward heads; in one
 * file, in shards, in bfloat16. Tokenizers and chat templates of a folder give the same ids and text.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel, saveModel } from "../../src/engine/checkpoint/load-model.ts";
import { writeProgram } from "../../src/engine/graph/onnx/write.ts";
import { input } from "../../src/engine/graph/tensor.ts";
import { generate } from "../../src/engine/model/generate.ts";
import { logits, rewardScores } from "../../src/engine/model/heads.ts";
import { keyOf, type Model, releaseModel } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { packOptions, packRows } from "../../src/method/data/packing.ts";
import { runPacked } from "../../src/method/objective/logps.ts";
import { feedsOf } from "../../src/method/objective/score.ts";
import { python, runPythonLong } from "./python.ts";
import { FAMILIES, writeFamily } from "./trl-jobs.ts";

type Outputs = { readonly logits?: number[]; readonly greedy?: number[]; readonly scores?: number[] };

const IDS = [1, 17, 40, 5, 33, 70, 60, 8, 21, 30, 9, 11];
const NEW = 6;
/** transformers has no reward model of this family. */
const NO_REWARD = "granite";
const NAMES = FAMILIES.flatMap((family) => [
  `${family} lm`,
  ...(family === NO_REWARD ? [] : [`${family} rm`]),
]);
/** In these one weight is stored in several files, or in half the bits; ours are made of the plain ones. */
const WAYS = ["", "-sharded", "-bfloat16"] as const;

describe.skipIf(python === undefined)("model folders and transformers (scripts/python-env.sh)", () => {
  let folder: string;
  let runtime: Runtime;
  let expected: Record<string, Outputs>;
  const ours = (name: string) => join(folder, "ours", name);
  const theirs = (name: string) => join(folder, "theirs", name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "hf-folders-"));
    runtime = openRuntime({ threads: 1 });
    for (const part of ["ours", "theirs", "plain"]) await mkdir(join(folder, part));
    for (const name of NAMES) {
      const family = name.slice(0, -3);
      await writeFamily(ours(name), family, name.endsWith("rm"));
    }
    // Saved by the trainer's own way out, in half the bits.
    for (const name of NAMES) {
      const model = await loadModel(runtime, ours(name), { id: name });
      await saveModel(runtime, { ...model, folder: await withTokenizer(name) }, ours(`${name} half`), {
        dtype: "bfloat16",
      });
      await releaseModel(runtime, model);
    }
    await writeFile(join(folder, "ours", "ids.json"), JSON.stringify({ ids: IDS, new: NEW }));
    await runPythonLong("hf_folders.py", [join(folder, "ours"), join(folder, "theirs")]);
    expected = JSON.parse(await readFile(join(folder, "theirs", "expected.json"), "utf8"));
  }, 3_600_000);
  afterAll(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });

  /** `saveModel` carries a tokenizer along; these models have none. */
  async function withTokenizer(name: string): Promise<string> {
    await writeFile(
      join(ours(name), "tokenizer.json"),
      JSON.stringify({ model: { type: "BPE", vocab: { a: 0 }, merges: [] } }),
    );
    return ours(name);
  }

  async function expectOutputs(path: string, wanted: Outputs): Promise<void> {
    const model = await loadModel(runtime, path, { id: path });
    near(await outputsOf(model), wanted.logits ?? wanted.scores!);
    if (wanted.greedy !== undefined) {
      const greedy = { maxNewTokens: NEW, temperature: 0, eosIds: [], seed: 0 };
      const [written] = await generate(runtime, model, [IDS], greedy);
      expect(written!.ids).toEqual(wanted.greedy);
    }
    await releaseModel(runtime, model);
  }

  async function outputsOf(model: Model): Promise<Float32Array> {
    const batch = packRows([{ prompt: IDS.slice(0, 1), responses: [IDS.slice(1)] }], packOptions(model));
    const run = runPacked(model.decoder);
    const y =
      model.task === "reward"
        ? rewardScores(run.context, model.decoder, run.hidden, input("ends", "int", ["S"]))
        : logits(run.context, model.decoder, run.hidden);
    const program = await runtime.compile(writeProgram({ y }, runtime.dialect));
    const values = await program.run(feedsOf(batch, program), { parameter: (name) => keyOf(model, name) });
    return values["y"]!.data as Float32Array;
  }

  /** Products of at most 40 terms over 12 positions in two layers, in float32 on both sides: see peft.test.ts for the like. */
  function near(got: ArrayLike<number>, wanted: readonly number[]): void {
    expect(got.length).toBe(wanted.length);
    const limit = 2e-5 * Math.max(1, ...wanted.map(Math.abs));
    expect(Math.max(...wanted.map((value, i) => Math.abs(value - got[i]!)))).toBeLessThan(limit);
  }

  test.each(NAMES)("ours, read there: %s", async (name) => {
    await expectOutputs(ours(name), expected[name]!);
    await expectOutputs(ours(`${name} half`), expected[`${name} half`]!);
    // Half the bits are other numbers.
    const [whole, half] = [expected[name]!, expected[`${name} half`]!];
    expect(half.logits ?? half.scores).not.toEqual(whole.logits ?? whole.scores);
  });

  test.each(NAMES)("theirs, read here: %s", async (name) => {
    for (const way of WAYS)
      await expectOutputs(theirs(`${name}${way}`), expected[way === "-bfloat16" ? `${name}${way}` : name]!);
    expect(
      (await readdir(theirs(`${name}-sharded`))).filter((file) => file.endsWith(".safetensors")).length,
    ).toBeGreaterThan(1);
  });
});
