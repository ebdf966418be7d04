import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomIds, TINY_CONFIGS, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { ConfigError, NumericsError } from "../../base/core/errors.ts";
import { writeProgram } from "../graph/onnx/write.ts";
import { argmax } from "../graph/ops/extremes.ts";
import { packedAttention, packedInputs } from "../model/attention.ts";
import { createContext } from "../model/context.ts";
import { type GenerateOptions, generate } from "../model/generate.ts";
import { packSequences } from "../model/generate-pack.ts";
import { logits, runTrunk } from "../model/heads.ts";
import { loraSpec } from "../model/lora.ts";
import { addAdapter, keyOf, type Model } from "../model/model.ts";
import { openRuntime, type Runtime } from "../runtime/runtime.ts";
import { loadModel } from "./load-model.ts";

const FIXTURES = fileURLToPath(new URL("../../../../shared/fixtures/parity", import.meta.url));

let runtime: Runtime;
let folder: string;
let llama: Model;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), "generate-"));
  await writeTinyModel(join(folder, "llama"), { family: "llama", seed: 5 });
  llama = await loadModel(runtime, join(folder, "llama"));
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

const greedy: GenerateOptions = { maxNewTokens: 12, temperature: 0, eosIds: [], seed: 1 };
const sampled: GenerateOptions = { ...greedy, maxNewTokens: 20, temperature: 1 };

/** The likeliest next token after every prefix of a text, without a cache. */
async function nextTokens(model: Model, text: readonly number[]): Promise<number[]> {
  const { decoder, lora } = model;
  const inputs = packedInputs();
  const context = createContext({ ...inputs, attention: packedAttention(inputs), lora });
  const next = argmax(logits(context, decoder, runTrunk(context, decoder).hidden));
  const program = await runtime.compile(writeProgram({ next }, runtime.dialect));
  const { ends: _ends, ...feeds } = packSequences([text]);
  const outputs = await program.run(feeds, { parameter: (name) => keyOf(model, name) });
  return Array.from(outputs.next!.data as Int32Array);
}

async function expectGreedy(model: Model, prompt: readonly number[], ids: readonly number[]): Promise<void> {
  const text = [...prompt, ...ids];
  // LongRoPE turns a longer text otherwise from its first token on, so that each token needs a pass over what was there.
  const prefixes =
    model.decoder.longOver === undefined ? [text] : ids.map((_, i) => text.slice(0, prompt.length + i));
  const next = await Promise.all(prefixes.map((prefix) => nextTokens(model, prefix)));
  const wanted =
    next.length === 1 ? next[0]!.slice(prompt.length - 1, -1) : next.map((tokens) => tokens.at(-1)!);
  expect(ids).toEqual(wanted);
}

describe.skipIf(!existsSync(FIXTURES))("greedy ids of Hugging Face", () => {
  const names = existsSync(FIXTURES)
    ? readdirSync(FIXTURES, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? [entry.name] : [],
      )
    : [];
  const read = (name: string) => JSON.parse(readFileSync(join(FIXTURES, name, "expected.json"), "utf8"));
  it.each(names.filter((name) => "generate" in read(name)))("are ours too: %s", async (name) => {
    const { prompt_ids: prompt, new_ids: expected } = read(name).generate;
    const model = await loadModel(runtime, join(FIXTURES, name));
    const results = await generate(runtime, model, [prompt, prompt.slice(0, 3)], {
      ...greedy,
      maxNewTokens: expected.length,
    });
    expect(results[0]).toEqual({ ids: expected, finish: "length" });
  });
});

describe("the cache", () => {
  it.each(Object.keys(TINY_CONFIGS))("gives what a full pass over the text gives: %s", async (family) => {
    const model = await tinyModel(runtime, family, { scale: 0.6 });
    // Different lengths, past every window; three places, so that some join later.
    const prompts = [3, 17, 1, 9, 30].map((length) => randomIds(`${family}${length}`, length));
    const results = await generate(runtime, model, prompts, { ...greedy, maxNewTokens: 30, batchSize: 3 });
    for (const [i, prompt] of prompts.entries()) await expectGreedy(model, prompt, results[i]!.ids);
  });

  it("grows with the text, and shrinks when sequences end", async () => {
    const prompts = [randomIds("long", 60, 256), randomIds("short", 2, 256), randomIds("other", 3, 256)];
    const results = await generate(runtime, llama, prompts, { ...greedy, maxNewTokens: 150 });
    for (const [i, prompt] of prompts.entries()) await expectGreedy(llama, prompt, results[i]!.ids);
    // Two of three end early: what the third writes does not change when the cache is laid out anew.
    const ending = await generate(runtime, llama, prompts, {
      ...greedy,
      maxNewTokens: 150,
      stop: {
        strings: ["x".repeat(20)],
        decode: (ids) => (ids.at(-1) === results[1]!.ids[8] ? "x".repeat(20) : ""),
      },
    });
    const cut = (ids: number[]) => ids.slice(0, ids.indexOf(results[1]!.ids[8]!) + 1 || undefined);
    expect(ending.map(({ ids }) => ids)).toEqual(results.map(({ ids }) => cut(ids)));
  });

  it("serves adapters", async () => {
    const base = await tinyModel(runtime, "llama", { id: "adapted", scale: 0.5 });
    const spec = loraSpec({ r: 2, alpha: 8, dropout: 0, targetModules: ["q_proj", "v_proj"] });
    const model = await addAdapter(runtime, base, spec, 3);
    const before = await generate(runtime, model, [[1, 2, 3]], greedy);
    for (const [name, shape] of model.parameters)
      if (name.endsWith("lora_B.weight"))
        await runtime.store.set(keyOf(model, name), shape, new Float32Array(shape[0]! * shape[1]!).fill(0.7));
    const after = await generate(runtime, model, [[1, 2, 3]], greedy);
    expect(after[0]!.ids).not.toEqual(before[0]!.ids);
    await expectGreedy(model, [1, 2, 3], after[0]!.ids);
  });
});

describe("a sequence's text", () => {
  const prompts = [4, 9, 2, 14, 6, 3, 8].map((length) => randomIds(length, length, 256));
  const sequenceIds = prompts.map((_, i) => `row-${i}`);

  it.each([
    ["plain", {}],
    ["top k and p", { topK: 20, topP: 0.9 }],
    ["top p", { topP: 0.7, temperature: 1.3 }],
    ["greedy", { temperature: 0 }],
  ])("does not depend on its neighbours: %s", async (_name, options) => {
    const all = { ...sampled, sequenceIds, ...options };
    const together = await generate(runtime, llama, prompts, all);
    for (const batchSize of [1, 2, 5])
      expect(await generate(runtime, llama, prompts, { ...all, batchSize })).toEqual(together);
    const backwards = { ...all, sequenceIds: [...sequenceIds].reverse() };
    expect((await generate(runtime, llama, [...prompts].reverse(), backwards)).reverse()).toEqual(together);
    const alone = await generate(runtime, llama, [prompts[3]!], { ...all, sequenceIds: ["row-3"] });
    expect(alone[0]).toEqual(together[3]);
  });

  it("changes with the seed and with its name", async () => {
    const twins = [prompts[0]!, prompts[0]!];
    const [first, second] = await generate(runtime, llama, twins, sampled);
    expect(first).not.toEqual(second);
    const named = await generate(runtime, llama, twins, { ...sampled, sequenceIds: ["a", "a"] });
    expect(named[0]).toEqual(named[1]);
    const [other] = await generate(runtime, llama, twins, { ...sampled, seed: 2 });
    expect(other).not.toEqual(first);
  });

  it("follows the model's distribution", async () => {
    // 400 first tokens after one prompt against its own softmax, pooled into the likeliest token and the rest.
    const model = await tinyModel(runtime, "gpt2", { scale: 0.3 });
    const prompt = [5, 6, 7];
    const likeliest = (await nextTokens(model, prompt)).at(-1)!;
    const many = Array.from({ length: 400 }, () => prompt);
    const count = async (temperature: number) =>
      (
        await generate(runtime, model, many, { ...sampled, maxNewTokens: 1, temperature, batchSize: 400 })
      ).filter(({ ids }) => ids[0] === likeliest).length;
    const [cold, warm, hot] = [await count(0.05), await count(1), await count(50)];
    expect(cold).toBeGreaterThan(warm);
    expect(warm).toBeGreaterThan(hot);
    expect(hot).toBeLessThan(400 * (1 / 97) + 4 * Math.sqrt(400 / 97) + 2);
  });
});

describe("a sequence ends", () => {
  it("at an EOS token, which is not part of it", async () => {
    const [free] = await generate(runtime, llama, [[1, 2]], greedy);
    const eos = free!.ids[4]!;
    const at = free!.ids.indexOf(eos);
    const [ended] = await generate(runtime, llama, [[1, 2]], { ...greedy, eosIds: [eos] });
    expect(ended).toEqual({ ids: free!.ids.slice(0, at), finish: "eos" });
  });

  it("at a stop string, also one that lies across tokens; the token that completes it stays", async () => {
    const [free] = await generate(runtime, llama, [[1, 2]], greedy);
    const decode = (ids: readonly number[]) => ids.map((id) => `<${id}>`).join("");
    const text = `${free!.ids[2]}><${free!.ids[3]}`;
    const [ended] = await generate(runtime, llama, [[1, 2]], {
      ...greedy,
      stop: { strings: ["never", text], decode },
    });
    expect(ended).toEqual({ ids: free!.ids.slice(0, 4), finish: "stop" });
  });

  it("after maxNewTokens; each token was announced in order", async () => {
    const seen: number[][] = [[], []];
    const results = await generate(runtime, llama, [[1, 2], [3]], {
      ...greedy,
      onToken: (prompt, id) => {
        seen[prompt]!.push(id);
      },
    });
    expect(results.map(({ ids }) => ids)).toEqual(seen);
    expect(results.map(({ finish }) => finish)).toEqual(["length", "length"]);
    expect(seen[0]).toHaveLength(12);
  });

  it("at once when there is nothing to do", async () => {
    expect(await generate(runtime, llama, [], greedy)).toEqual([]);
  });
});

describe("errors", () => {
  it("come before work starts, all of them together", async () => {
    const wrong = { ...greedy, maxNewTokens: 0, batchSize: 1.5, temperature: 0, topK: 3, sequenceIds: ["a"] };
    const error = await generate(runtime, llama, [[], [999]], wrong).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.issues).toEqual([
      "temperature: 0 is greedy, so topK and topP would have no effect. Leave them out.",
      "maxNewTokens: expected a positive integer, got 0.",
      "batchSize: expected a positive integer, got 1.5.",
      "sequenceIds: expected one per prompt, 2, got 1.",
      "prompt 0: expected at least one token, got none.",
      "prompt 1: expected token ids in [0, 258), got 999.",
    ]);
  });

  it("refuse texts longer than the model's positions, and allow the longest", async () => {
    const prompt = randomIds("p", 250, 256);
    const [result] = await generate(runtime, llama, [prompt], { ...greedy, maxNewTokens: 6 });
    expect(result!.ids).toHaveLength(6);
    await expect(generate(runtime, llama, [prompt], { ...greedy, maxNewTokens: 7 })).rejects.toThrow(
      "250 tokens and 7 new ones exceed the model's 256 positions",
    );
  });

  it.each([0, 1])("name the prompt whose logits are not finite, at temperature %d", async (temperature) => {
    const broken = await tinyModel(runtime, "llama", { id: `broken-${temperature}` });
    const name = "model.embed_tokens.weight";
    const data = await runtime.store.get(keyOf(broken, name));
    data[7 * 24] = Number.NaN;
    await runtime.store.set(keyOf(broken, name), broken.parameters.get(name)!, data);
    const run = generate(runtime, broken, [[1, 2], [7]], { ...greedy, temperature });
    await expect(run).rejects.toThrow(NumericsError);
    await expect(generate(runtime, broken, [[1, 2], [7]], { ...greedy, temperature })).rejects.toThrow(
      "generate: prompt 1: the logits after 1 tokens are not finite",
    );
  });
});
