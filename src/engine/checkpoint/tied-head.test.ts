/** A config that says tied beside a stored head: what transformers 5.24 does with each. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { keyOf } from "../model/model.ts";
import { openRuntime, type Runtime } from "../runtime/runtime.ts";
import { keepFirstLayers } from "./derive.ts";
import { loadModel } from "./load-model.ts";
import { openSafetensors, writeSafetensors } from "./safetensors.ts";

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tied-"));
  runtime = openRuntime({ threads: 1 });
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});

/** A Llama whose config says tied; its head is its own, or a copy of the embedding. */
async function tied(name: string, copy: boolean): Promise<string> {
  const path = join(folder, name);
  await writeTinyModel(path, { family: "llama", seed: 1 });
  const file = join(path, "config.json");
  const config = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...config, tie_word_embeddings: true }));
  if (!copy) return path;
  const weights = join(path, "model.safetensors");
  const source = await openSafetensors(weights);
  const tensors = await Promise.all(
    source.names.map(async (one) => ({
      name: one,
      shape: source.info(one).shape,
      data: await source.read(one === "lm_head.weight" ? "model.embed_tokens.weight" : one),
    })),
  );
  await source.close();
  await writeSafetensors(weights, tensors);
  return path;
}

test("a different head is used, and the config saved with the model no longer ties it", async () => {
  const path = await tied("other", false);
  const model = await loadModel(runtime, path);
  expect(model.decoder.config.tied).toBe(false);
  expect(model.config.tie_word_embeddings).toBe(false);
  const source = await openSafetensors(join(path, "model.safetensors"));
  expect(await runtime.store.get(keyOf(model, "lm_head.weight"))).toEqual(
    await source.read("lm_head.weight"),
  );
  await source.close();
  await expect(keepFirstLayers(path, join(folder, "fewer"), 1)).rejects.toThrow(
    "the stored head differs from the embedding. Set tie_word_embeddings to false",
  );
});

test("an equal head is a copy: the model is tied", async () => {
  const model = await loadModel(runtime, await tied("same", true));
  expect(model.decoder.config.tied).toBe(true);
  expect(model.parameters.has("lm_head.weight")).toBe(false);
});
