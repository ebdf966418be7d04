import { expect, test } from "vitest";
import { parseDocumentText } from "../../base/settings/document.ts";
import { fetchModel, type HubClient, hubModels, withLocalModels } from "./hub-models.ts";
import { resolveRecipe } from "./parse.ts";

/** A hub with one repository, without a network. */
function fakeHub(files: readonly string[]): HubClient & { asked: string[] } {
  const asked: string[] = [];
  const listFiles = async function* () {
    for (const path of files) yield { type: "file", path, size: 1, oid: "x" };
  };
  const downloadFileToCacheDir = async ({ path, revision }: { path: string; revision?: string }) => {
    asked.push(`${revision}/${path}`);
    return `/cache/snapshots/abc/${path}`;
  };
  return { asked, listFiles, downloadFileToCacheDir } as unknown as HubClient & { asked: string[] };
}

test("a folder is itself; nothing is asked", async () => {
  expect(await fetchModel("models/mine")).toBe("models/mine");
});

test("of a hub model only what is needed comes: weights as safetensors, config, tokenizer; no pickle, no code", async () => {
  const hub = fakeHub([
    "config.json",
    "model.safetensors",
    "pytorch_model.bin",
    "modeling_x.py",
    "tokenizer.json",
    "merges.txt",
    "README.md",
    "onnx/model.safetensors",
    "training_args.bin",
  ]);
  expect(await fetchModel("hub:Owner/name@refs%2Fpr%2F3", undefined, hub)).toBe("/cache/snapshots/abc");
  expect(hub.asked).toEqual(
    ["config.json", "merges.txt", "model.safetensors", "tokenizer.json"].map((path) => `refs/pr/3/${path}`),
  );
});

test("sharded weights come whole", async () => {
  const hub = fakeHub([
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
  ]);
  await fetchModel("hub:Owner/name", undefined, hub);
  expect(hub.asked).toHaveLength(3);
  expect(hub.asked[0]).toMatch(/^main\//);
});

test("pickled weights are refused, and so is a name that is none", async () => {
  await expect(
    fetchModel("hub:Owner/name", undefined, fakeHub(["config.json", "pytorch_model.bin"])),
  ).rejects.toThrow(
    "hub:Owner/name: has no safetensors at this revision, and pickled weights are never loaded.",
  );
  for (const bad of ["hub:name", "hub:../x/y", "hub:a/b/c", "hub:a/b@"])
    await expect(fetchModel(bad, undefined, fakeHub([])), bad).rejects.toMatchObject({ code: "config" });
});

test("a hub that cannot be reached is a network error with advice", async () => {
  const hub = {
    ...fakeHub([]),
    listFiles: () => {
      throw new TypeError("fetch failed");
    },
  } as unknown as HubClient;
  await expect(fetchModel("hub:Owner/name", undefined, hub)).rejects.toMatchObject({
    code: "network",
    message: expect.stringContaining(
      "hub:Owner/name: cannot be downloaded: fetch failed. Check the name and the network",
    ),
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
  const hub = fakeHub(["config.json", "model.safetensors"]);
  const { eval: evaluation, models } = await withLocalModels(recipe, undefined, hub);
  expect(models.weak?.source).toBe("weak");
  expect(evaluation.gold).toMatchObject([{ type: "sentiment" }, { model: "/cache/snapshots/abc" }]);
  expect(evaluation.judges).toMatchObject([{ model: "/cache/snapshots/abc" }, { model: "hub:Owner/far" }]);
});
