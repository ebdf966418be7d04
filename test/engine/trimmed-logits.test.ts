/** A trimmed vocabulary must leave the model's logits alone: the whole way from folder to logits, tied and untied. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { trimVocabulary } from "../../src/engine/checkpoint/derive.ts";
import { loadModel } from "../../src/engine/checkpoint/load-model.ts";
import { writeProgram } from "../../src/engine/graph/onnx/write.ts";
import { logits } from "../../src/engine/model/heads.ts";
import { keyOf } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { loadTokenizer } from "../../src/engine/text/tokenizer.ts";
import { packRows } from "../../src/method/data/packing.ts";
import { runPacked } from "../../src/method/objective/logps.ts";
import { feedsOf } from "../../src/method/objective/score.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trimmed-"));
  runtime = openRuntime({ threads: 1 });
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

const MERGES = ["t h", "h e", "th e", "c a"];

/** A tiny model whose tokenizer merges: the pieces have ids 258 to 261 of 264. */
async function merging(name: string, family: "llama" | "gpt2"): Promise<string> {
  const path = join(folder, name);
  await writeTinyModel(path, { family, seed: 2, vocab: 264 });
  const file = join(path, "tokenizer.json");
  const json = JSON.parse(await readFile(file, "utf8"));
  const pieces = MERGES.map((merge, i) => [merge.replace(" ", ""), 258 + i]);
  const model = {
    ...json.model,
    vocab: { ...json.model.vocab, ...Object.fromEntries(pieces) },
    merges: MERGES,
  };
  await writeFile(file, JSON.stringify({ ...json, model }));
  return path;
}

/** Logits [N, V] of every position of one text. */
async function logitsOf(path: string, ids: readonly number[]): Promise<number[][]> {
  const model = await loadModel(runtime, path);
  const run = runPacked(model.decoder);
  const program = writeProgram({ logits: logits(run.context, model.decoder, run.hidden) }, runtime.dialect);
  const executable = await runtime.compile(program);
  const batch = packRows([{ prompt: ids.slice(0, -1), responses: [ids.slice(-1)] }]);
  const { logits: values } = await executable.run(feedsOf(batch, executable), {
    parameter: (name) => keyOf(model, name),
  });
  const width = model.decoder.config.vocabSize;
  return ids.map((_, row) =>
    Array.from((values!.data as Float32Array).subarray(row * width, (row + 1) * width)),
  );
}

describe("trimVocabulary", () => {
  it.each([
    ["untied", "llama"],
    ["tied", "gpt2"],
  ] as const)("leaves the logits of kept tokens as they were (%s)", async (kind, family) => {
    const from = await merging(`whole-${kind}`, family);
    const text = "the cat, the hat";
    const to = join(folder, `trimmed-${kind}`);
    const { kept } = await trimVocabulary(from, to, { texts: [text] });
    const [ids, newIds] = [(await loadTokenizer(from)).encode(text), (await loadTokenizer(to)).encode(text)];
    expect(newIds.map((id) => kept[id])).toEqual(ids);
    const [whole, trimmed] = [await logitsOf(from, ids), await logitsOf(to, newIds)];
    expect(trimmed[0]).toHaveLength(kept.length);
    trimmed.forEach((row, position) => {
      row.forEach((logit, id) => {
        expect(logit).toBeCloseTo(whole[position]![kept[id]!]!, 4);
      });
    });
  });
});
