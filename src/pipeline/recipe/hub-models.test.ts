import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type FakeHub, startFakeHub } from "../../../test/helpers/fake-hub.ts";
import type { HubSettings } from "../../base/files/hub-settings.ts";
import { parseDocumentText } from "../../base/settings/document.ts";
import { fetchModel, hubModels, withLocalModels } from "./hub-models.ts";
import { resolveRecipe } from "./parse.ts";

let hub: FakeHub;
let settings: HubSettings;
beforeAll(async () => {
  hub = await startFakeHub();
});
afterAll(() => hub.close());
beforeEach(async () => {
  const cache = await mkdtemp(join(tmpdir(), "hub-models-"));
  settings = { endpoint: hub.endpoint, token: undefined, offline: false, cache };
});
afterEach(() => rm(settings.cache, { recursive: true }));

test("a folder is itself; nothing is asked", async () => {
  expect(await fetchModel("models/mine")).toBe("models/mine");
});

test("of a hub model only what is needed comes: weights as safetensors, config, tokenizer; no pickle, no code", async () => {
  const names = ["config.json", "model.safetensors", "pytorch_model.bin", "modeling_x.py", "tokenizer.json"];
  const more = ["merges.txt", "README.md", "onnx/model.safetensors", "training_args.bin"];
  hub.commit("models/Owner/name", Object.fromEntries([...names, ...more].map((name) => [name, name])));
  const folder = await fetchModel("hub:Owner/name", undefined, settings);
  expect((await readdir(folder)).sort()).toEqual([
    "config.json",
    "merges.txt",
    "model.safetensors",
    "tokenizer.json",
  ]);
});

test("all files are of the one commit that is asked for, whenever each was last changed", async () => {
  const first = hub.commit("models/Owner/two", { "config.json": "1", "model.safetensors": "w" });
  const second = hub.commit("models/Owner/two", { "config.json": "2", "model.safetensors": "w" });
  const config = async (revision: string) =>
    readFile(join(await fetchModel(`hub:Owner/two@${revision}`, undefined, settings), "config.json"), "utf8");
  expect([await config("main"), await config(first), await config(second)]).toEqual(["2", "1", "2"]);
});

test("sharded weights come whole", async () => {
  const names = [
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
  ];
  hub.commit("models/Owner/shards", Object.fromEntries(names.map((name) => [name, name])));
  expect((await readdir(await fetchModel("hub:Owner/shards", undefined, settings))).sort()).toEqual(names);
});

test("pickled weights are refused, and so are a name that is none and a model that is not there", async () => {
  hub.commit("models/Owner/pickled", { "config.json": "{}", "pytorch_model.bin": "x" });
  await expect(fetchModel("hub:Owner/pickled", undefined, settings)).rejects.toThrow(
    "hub:Owner/pickled: has no safetensors at this revision, and pickled weights are never loaded.",
  );
  for (const bad of ["hub:name", "hub:../x/y", "hub:a/b/c", "hub:a/b@"])
    await expect(fetchModel(bad, undefined, settings), bad).rejects.toMatchObject({ code: "config" });
  await expect(fetchModel("hub:Owner/none", undefined, settings)).rejects.toMatchObject({
    code: "checkpoint",
    message: expect.stringMatching(/^hub:Owner\/none: the hub does not give this model: .*401 RepoNotFound/),
  });
});

test("a hub that cannot be reached is a network error with advice", async () => {
  const down = { ...settings, endpoint: "http://127.0.0.1:9" };
  await expect(fetchModel("hub:Owner/name", undefined, down)).rejects.toMatchObject({
    code: "network",
    message: expect.stringMatching(/hub:Owner\/name@main: cannot be downloaded from .*Check the network/),
  });
});

test("gold models and local judges come from the hub too; an endpoint's model is a name only it knows", async () => {
  const recipe = resolveRecipe(
    [
      parseDocumentText(
        `version: 1
name: x
models: { weak: weak, student: student }
data: { world: { gold: sentiment } }
eval:
  gold: [sentiment, { type: reward-model, model: hub:Owner/gold }]
  judges: [{ type: local, model: hub:Owner/judge }, { type: chat, url: http://127.0.0.1:9/v1, model: hub:Owner/far }]
`,
        "x.yaml",
      ),
    ],
    [],
  );
  expect(hubModels(recipe)).toEqual(["hub:Owner/gold", "hub:Owner/judge"]);
  for (const name of ["gold", "judge"])
    hub.commit(`models/Owner/${name}`, { "config.json": name, "model.safetensors": "w" });
  const { eval: evaluation, models } = await withLocalModels(recipe, undefined, settings);
  const local = (name: string) =>
    expect.stringContaining(join(settings.cache, `models--Owner--${name}`, "snapshots"));
  expect(models.weak?.source).toBe("weak");
  expect(evaluation.gold).toMatchObject([{ type: "sentiment" }, { model: local("gold") }]);
  expect(evaluation.judges).toMatchObject([{ model: local("judge") }, { model: "hub:Owner/far" }]);
});
