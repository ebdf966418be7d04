import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseDocumentText } from "../../base/settings/document.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { jobOf } from "../recipe/job.ts";
import { resolveRecipe } from "../recipe/parse.ts";
import { estimateJob, type SampledRows, tokensLeft } from "./estimate.ts";
import { formatTrims, proposeTrims } from "./propose-trims.ts";

let folder: string;
let runtime: Runtime;
/** Configs of Llama's shape: a head of nearly all weights, and one of hardly any. */
const config = (vocabulary: number, intermediate: number) => ({
  ...{ architectures: ["LlamaForCausalLM"], model_type: "llama", vocab_size: vocabulary, hidden_size: 64 },
  ...{
    intermediate_size: intermediate,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 4,
  },
  ...{ max_position_embeddings: 256, rms_norm_eps: 1e-5, rope_theta: 10000, tie_word_embeddings: false },
});
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-trims-"));
  runtime = openRuntime({ threads: 1 });
  const { writeTinyModel } = await import("../../../test/helpers/tiny-model.ts");
  for (const [name, value] of [
    ["head", config(50_000, 64)],
    ["trunk", config(300, 4096)],
  ] as const) {
    await writeTinyModel(join(folder, name), { family: "llama", seed: 1, vocab: 264 });
    await writeFile(join(folder, name, "config.json"), JSON.stringify(value));
  }
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});

const rate = { gflops: 1, slowdown: 1 };
const row = { prompt: [1, 2, 3, 4], responses: [Array(20).fill(1), Array(20).fill(2)] };
const part = Array.from({ length: 200 }, () => row);
const rows: SampledRows = { labelled: part, pool: part, test: part, prompts: 50 };

const proposed = async (models: string, rest = "") => {
  const text = `version: 1\nname: tiny\nmodels: ${models}\ndata: { source: p.jsonl, split: { labelled: 0.3, unlabelled: 0.5, test: 0.2 }, max_length: 64, max_prompt_length: 32 }\n${rest}`;
  const job = jobOf(resolveRecipe([parseDocumentText(text, "r.yaml")], []));
  const stages = await estimateJob(runtime, job, { rate, rows });
  return { trims: await proposeTrims(runtime, job, { rate, rows, stages }), stages, job };
};
const at = (name: string) => join(folder, name);

test("is proposed for a model of which the head is most, with what it saves, and for no other", async () => {
  const { trims } = await proposed(`{ weak: ${at("trunk")}, student: ${at("head")} }`);
  expect(trims.map(({ role }) => role)).toEqual(["student"]);
  // 600 rows of 44 tokens leave 1,419 tokens by the rule, of 50,000: the step's arithmetic is the head's.
  const { factor, left } = trims[0]!;
  expect(left).toBe(tokensLeft(rows));
  expect(left).toBe(Math.round(5.3 * (600 * 44) ** 0.55));
  // The ratio of the weights that a token is multiplied by, 20 of 22 of them by the head, is the most that it can be.
  const trunk = 2 * (4 * 64 * 64 + 3 * 64 * 64);
  expect(factor).toBeLessThan((trunk + 64 * 50_000) / (trunk + 64 * left));
  expect(factor).toBeGreaterThan(5);
  expect(formatTrims(trims)).toContain(
    `--set models.student.vocabulary=trim: about ${factor.toFixed(1)} times faster`,
  );
});

test("is not proposed where it is asked for, where a judge reads more than the data, and where others train", async () => {
  const both = `{ weak: ${at("head")}, student: { source: ${at("head")}, vocabulary: trim } }`;
  expect((await proposed(both)).trims.map(({ role }) => role)).toEqual(["weak"]);
  expect((await proposed(both, "teacher: judge-local")).trims).toEqual([]);
  const elsewhere = "student: { trainer: { kind: trl, python: python3 } }";
  const { trims } = await proposed(`{ weak: ${at("trunk")}, student: ${at("head")} }`, elsewhere);
  expect(trims).toEqual([]);
});
