import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { createRng } from "../../base/core/rng.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { encodePromptResponse } from "../../engine/text/pair.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import { openScorer } from "../objective/score.ts";
import { scoreTest, testAccuracy } from "./test-accuracy.ts";

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "test-accuracy-"));
  runtime = openRuntime({ threads: 1 });
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

async function tiny(name: string, seed: number): Promise<string> {
  const path = join(folder, name);
  await writeTinyModel(path, { family: "llama", seed });
  return path;
}

const limits = { maxLength: 60, maxPromptLength: 30 };
const rows = [
  { id: "1", prompt: "The cat", chosen: " sat", rejected: " ran away" },
  { id: "2", prompt: "A dog", chosen: " barked loudly", rejected: " slept" },
];

describe("scoreTest", () => {
  it("takes chosen minus rejected, of the policy and of its distance from the reference", async () => {
    const path = await tiny("policy", 1);
    const tokenizer = await loadTokenizer(path);
    const model = await loadModel(runtime, path);
    const reference = await loadModel(runtime, await tiny("reference", 2));
    const { pairs } = await scoreTest({ runtime }, { model, tokenizer, reference, rows, limits });
    const logp = async (which: typeof model, prompt: string, response: string) => {
      const encoded = encodePromptResponse(tokenizer, { prompt, response }, limits);
      const row = { prompt: encoded.prompt, responses: [encoded.response] };
      const [score] = await (await openScorer(runtime, which)).score([row]);
      return { logp: score!.logps[0]!, length: encoded.response.length };
    };
    for (const [i, { prompt, chosen, rejected }] of rows.entries()) {
      const [c, r] = [await logp(model, prompt, chosen), await logp(model, prompt, rejected)];
      const [rc, rr] = [await logp(reference, prompt, chosen), await logp(reference, prompt, rejected)];
      expect(pairs[i]!.likelihood).toBeCloseTo(c.logp - r.logp, 3);
      expect(pairs[i]!.likelihoodPerToken).toBeCloseTo(c.logp / c.length - r.logp / r.length, 4);
      expect(pairs[i]!.implicit).toBeCloseTo(c.logp - rc.logp - (r.logp - rr.logp), 3);
    }
  });

  it("leaves out ties and pairs that are no evidence, by reason", async () => {
    const path = await tiny("odd", 1);
    const request = { model: await loadModel(runtime, path), tokenizer: await loadTokenizer(path), limits };
    const odd = [
      { id: "t", prompt: "p", chosen: "a", rejected: "b", meta: { flags: ["tie" as const] } },
      { id: "l", prompt: "p", chosen: "a", rejected: "b".repeat(80) },
      { id: "e", prompt: "p", chosen: "a", rejected: " " },
      { id: "i", prompt: "p", chosen: "a", rejected: "a" },
    ];
    const { pairs, leftOut } = await scoreTest({ runtime }, { ...request, rows: [...odd, ...rows] });
    expect(leftOut).toEqual({ tie: 1, truncated_b: 1, empty_b: 1, identical: 1 });
    expect(pairs.map(({ id, implicit }) => [id, implicit])).toEqual([
      ["1", null],
      ["2", null],
    ]);
  });

  it("has no opinion of a reference about itself", async () => {
    const path = await tiny("self", 1);
    const model = await loadModel(runtime, path);
    const request = { model, reference: model, tokenizer: await loadTokenizer(path), rows, limits };
    const accuracy = testAccuracy(await scoreTest({ runtime }, request), { rng: createRng(1) });
    expect(accuracy.implicit).toBeNull();
    expect(accuracy.likelihood).not.toBeNull();
  });
});

describe("testAccuracy", () => {
  it("counts margins above 0 among those that are not 0, and prompts as units", () => {
    const pair = (promptId: string, implicit: number | null, likelihood: number) => ({
      id: `${promptId}${implicit}${likelihood}`,
      promptId,
      implicit,
      likelihood,
      likelihoodPerToken: -likelihood,
    });
    const pairs = [pair("p", 1, 1), pair("p", 2, -1), pair("q", -1, -2), pair("r", 0, -3), pair("s", 3, 2)];
    const accuracy = testAccuracy({ pairs, leftOut: { tie: 2 } }, { rng: createRng(1) });
    expect(accuracy.implicit).toMatchObject({ estimate: 0.75, n: 3 }); // 3 of 4 pairs of p, q, s
    expect(accuracy.likelihood).toMatchObject({ estimate: 0.4, n: 4 });
    expect(accuracy.likelihoodPerToken).toMatchObject({ estimate: 0.6, n: 4 });
    expect(accuracy).toMatchObject({ pairs: 5, leftOut: { tie: 2 } });
  });

  it("is null without pairs", () => {
    const accuracy = testAccuracy({ pairs: [], leftOut: {} }, { rng: createRng(1) });
    expect(accuracy).toEqual({
      implicit: null,
      likelihood: null,
      likelihoodPerToken: null,
      pairs: 0,
      leftOut: {},
    });
  });
});
