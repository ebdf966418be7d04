import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { CheckpointError } from "../../base/core/errors.ts";
import { loadTokenizer } from "../text/tokenizer.ts";
import { keepFirstLayers } from "./derive.ts";
import { isFloatDtype, weightDtype } from "./dtypes.ts";
import { type ModelFolder, openModelFolder, readModelConfig } from "./model-folder.ts";
import type { NamedTensor } from "./safetensors.ts";
import { writeModelFolder } from "./write-model.ts";

const fixtures = fileURLToPath(new URL("../../../../shared/fixtures/parity", import.meta.url));
const fixtureNames = existsSync(fixtures)
  ? (await readdir(fixtures, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  : [];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "model-folder-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Names without the boolean mask buffers that older hub files carry. */
const floats = (model: ModelFolder) => model.names.filter((name) => isFloatDtype(model.info(name).dtype));

async function* stream(model: ModelFolder): AsyncGenerator<NamedTensor> {
  for (const name of floats(model))
    yield { name, shape: model.info(name).shape, data: await model.read(name) };
}

const tensor = (name: string, ...values: number[]): NamedTensor => ({
  name,
  shape: [values.length],
  data: Float32Array.from(values),
});

async function problem(path: string): Promise<string> {
  const error = await openModelFolder(path).then(
    () => undefined,
    (e) => e,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  return error.message;
}

describe.skipIf(fixtureNames.length === 0)("Hugging Face's own folders", () => {
  it.each(fixtureNames)("%s: every tensor is read, and load, write, load is bit-equal", async (name) => {
    const model = await openModelFolder(join(fixtures, name));
    expect(model.names.length).toBeGreaterThan(5);
    const stored = model.info(floats(model)[0]!).dtype;
    const dtype = isFloatDtype(stored) ? weightDtype(stored) : "float32";
    const copy = join(folder, name);
    await writeModelFolder(copy, { config: model.config, tensors: stream(model), dtype });
    const again = await openModelFolder(copy);
    expect([...again.names].sort()).toEqual(floats(model).sort());
    for (const tensorName of again.names) {
      expect(again.info(tensorName)).toEqual(model.info(tensorName));
      expect(await again.read(tensorName)).toEqual(await model.read(tensorName));
    }
    expect(again.config).toEqual({ ...model.config, torch_dtype: dtype });
    if (again.names.length === model.names.length) expect(await again.digest()).toBe(await model.digest());
    await model.close();
    await again.close();
  });

  it("qwen3-sharded lists all tensors of its three shards under one digest, however they are split", async () => {
    const model = await openModelFolder(join(fixtures, "qwen3-sharded"));
    const index = JSON.parse(await readFile(join(model.path, "model.safetensors.index.json"), "utf8"));
    expect(model.names).toEqual(Object.keys(index.weight_map));
    const copy = join(folder, "resharded");
    await writeModelFolder(copy, { config: model.config, tensors: stream(model), maxShardBytes: 30_000 });
    const written = JSON.parse(await readFile(join(copy, "model.safetensors.index.json"), "utf8"));
    expect(written.metadata.total_size).toBe(index.metadata.total_size);
    const again = await openModelFolder(copy);
    expect(new Set(Object.values(written.weight_map)).size).toBeGreaterThan(3);
    expect(await again.digest()).toBe(await model.digest());
    await model.close();
    await again.close();
  });
});

describe("writing a folder", () => {
  it("splits shards where the next tensor would not fit, under Hugging Face's names", async () => {
    const path = join(folder, "shards");
    // 8 + 8 bytes fit 16; "c" (12) does not join them; "d" (24) is larger than a shard and stands alone.
    const tensors = [
      tensor("a", 1, 2),
      tensor("b", 3, 4),
      tensor("c", 5, 6, 7),
      tensor("d", 1, 2, 3, 4, 5, 6),
    ];
    await writeModelFolder(path, {
      config: {},
      generationConfig: { eos_token_id: 2 },
      tensors,
      maxShardBytes: 16,
    });
    expect((await readdir(path)).sort()).toEqual([
      "config.json",
      "generation_config.json",
      "model-00001-of-00003.safetensors",
      "model-00002-of-00003.safetensors",
      "model-00003-of-00003.safetensors",
      "model.safetensors.index.json",
    ]);
    expect(JSON.parse(await readFile(join(path, "model.safetensors.index.json"), "utf8"))).toEqual({
      metadata: { total_size: 52 },
      weight_map: {
        a: "model-00001-of-00003.safetensors",
        b: "model-00001-of-00003.safetensors",
        c: "model-00002-of-00003.safetensors",
        d: "model-00003-of-00003.safetensors",
      },
    });
    const model = await openModelFolder(path);
    expect(await model.read("c")).toEqual(Float32Array.of(5, 6, 7));
    expect(model.generationConfig).toEqual({ eos_token_id: 2 });
    await model.close();
  });

  it("carries the tokenizer along and adds given files and the card", async () => {
    const from = join(folder, "tokenizer");
    await mkdir(from);
    for (const name of ["tokenizer.json", "merges.txt", "chat_template.jinja", "pytorch_model.bin"])
      await writeFile(join(from, name), name);
    const path = join(folder, "carried");
    const tensors = [tensor("a", 1)];
    const files = { "notes.txt": "x" };
    await writeModelFolder(path, { config: {}, tensors, tokenizerFrom: from, files, modelCard: "# Card" });
    expect((await readdir(path)).sort()).toEqual([
      "README.md",
      "chat_template.jinja",
      "config.json",
      "merges.txt",
      "model.safetensors",
      "notes.txt",
      "tokenizer.json",
    ]);
    const none = writeModelFolder(path, { config: {}, tensors, tokenizerFrom: join(folder, "absent") });
    await expect(none).rejects.toThrow(/holds no tokenizer/);
  });

  it("leaves what was there when the stream of tensors fails", async () => {
    const path = join(folder, "kept");
    await writeModelFolder(path, { config: { model_type: "old" }, tensors: [tensor("a", 1)] });
    const tensors = (async function* () {
      yield tensor("a", 2);
      throw new CheckpointError("x", "broke");
    })();
    await expect(writeModelFolder(path, { config: {}, tensors })).rejects.toThrow("broke");
    await expect(writeModelFolder(path, { config: {}, tensors: [] })).rejects.toThrow(
      "no tensors were given",
    );
    const model = await openModelFolder(path);
    expect(model.config.model_type).toBe("old");
    expect(await model.read("a")).toEqual(Float32Array.of(1));
    await model.close();
    expect((await readdir(folder)).filter((name) => name.startsWith(".tmp-"))).toEqual([]);
  });

  it("gives models that differ in a weight, a name or the config different digests", async () => {
    const digest = async (config: Record<string, unknown>, ...tensors: NamedTensor[]) => {
      const path = join(folder, "digest");
      await writeModelFolder(path, { config, tensors });
      const model = await openModelFolder(path);
      const value = await model.digest();
      await model.close();
      return value;
    };
    const base = await digest({ n: 1 }, tensor("a", 1), tensor("b", 2));
    expect(await digest({ n: 1, _name_or_path: "elsewhere" }, tensor("b", 2), tensor("a", 1))).toBe(base);
    expect(await digest({ n: 2 }, tensor("a", 1), tensor("b", 2))).not.toBe(base);
    expect(await digest({ n: 1 }, tensor("a", 1), tensor("b", 3))).not.toBe(base);
    expect(await digest({ n: 1 }, tensor("a", 1), tensor("c", 2))).not.toBe(base);
  });
});

describe("a folder that cannot be used says why", () => {
  const make = async (name: string, files: Record<string, unknown>) => {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    for (const [file, value] of Object.entries(files))
      await writeFile(join(path, file), JSON.stringify(value));
    return path;
  };

  it("pickled weights are refused with the reason and the conversion", async () => {
    const message = await problem(await make("pickled", { "config.json": {}, "pytorch_model.bin": 0 }));
    expect(message).toMatch(/Python pickle, which can run any code/);
    expect(message).toMatch(/save_pretrained/);
    expect(
      await problem(await make("pickles", { "config.json": {}, "pytorch_model.bin.index.json": {} })),
    ).toMatch(/pickle/);
  });

  it("folders that are no model, or none at all", async () => {
    expect(await problem(await make("photos", { "cat.jpg": 0 }))).toMatch(
      /expected config.json and model.safetensors, got cat.jpg/,
    );
    expect(await problem(await make("adapter", { "adapter_config.json": {} }))).toMatch(/LoRA adapter/);
    expect(await problem(join(folder, "no-such"))).toMatch(/cannot be opened as a model folder/);
    expect(await problem("No-Such/model-0.5B")).toMatch(
      /If it is a name on a hub: write hub:No-Such\/model-0\.5B\./,
    );
    expect(await problem("no/such/folder")).not.toMatch(/hub/);
    expect(await problem("stories15M")).toMatch(/weak-teacher import stories15M --out models\/stories15M\.$/);
    const odd = await make("odd", { "config.json": [], "model.safetensors": 0 });
    expect(await problem(odd)).toMatch(/config.json: expected a JSON object/);
  });

  it("an index that names more tensors or files than any model has", async () => {
    const many = (count: number, file: (i: number) => string) => ({
      weight_map: Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, file(i)])),
    });
    for (const [index, says] of [
      [
        many(131_073, () => "model-1.safetensors"),
        /index\.json: names 131073 tensors, expected at most 131072/,
      ],
      [many(1025, (i) => `model-${i}.safetensors`), /index\.json: names 1025 files, expected at most 1024/],
    ] as const) {
      const files = { "config.json": {}, "model.safetensors.index.json": index };
      expect(await problem(await make("many", files))).toMatch(says);
    }
  });

  it("an index that leads out of the folder, or to a missing shard, or to the wrong one", async () => {
    const path = join(folder, "index");
    const tensors = [tensor("a", 1), tensor("b", 2)];
    await writeModelFolder(path, { config: {}, tensors, maxShardBytes: 4 });
    const one = "model-00001-of-00002.safetensors";
    const two = "model-00002-of-00002.safetensors";
    const withMap = async (map: unknown) => {
      await writeFile(join(path, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
      return problem(path);
    };
    for (const outside of [
      "../x.safetensors",
      "/etc/x.safetensors",
      "a\\..\\x.safetensors",
      "..",
      "x.bin",
      7,
    ])
      expect(await withMap({ a: outside })).toMatch(/expected a .safetensors file in the same folder/);
    expect(await withMap({ a: one, b: "gone.safetensors" })).toMatch(/shard gone.safetensors is missing/);
    expect(await withMap({ a: two, b: one })).toMatch(/tensor "a" is not in model-00002/);
    expect(await withMap({ a: one, b: two, c: two })).toMatch(/tensor "c" is not in/);
    await writeModelFolder(path, { config: {}, tensors: [...tensors, tensor("c", 3)], maxShardBytes: 8 });
    expect(await withMap({ a: one, c: two })).toMatch(
      /tensor "b" is in model-00001.*the index does not place it there/,
    );
  });

  it("a tensor that is asked for and not there", async () => {
    const path = join(folder, "missing");
    await writeModelFolder(path, { config: {}, tensors: [tensor("a", 1)] });
    const model = await openModelFolder(path);
    await expect(model.read("z")).rejects.toThrow('tensor "z" is missing');
    expect(() => model.info("z")).toThrow(CheckpointError);
    await model.close();
    await cp(path, join(folder, "copied"), { recursive: true });
    const copied = await openModelFolder(join(folder, "copied"));
    expect(copied.names).toEqual(["a"]);
    await copied.close();
  });
});

test("a folder that a command wrote opens as the model in it, with that model's digest, path and tokenizer", async () => {
  const made = join(folder, "sft");
  await writeTinyModel(join(made, "model"), { family: "llama", seed: 1 });
  expect(await problem(made)).toMatch(/sft: is no model folder/);
  await writeFile(join(made, "stage.json"), "{}");
  const [outer, inner] = [await openModelFolder(made), await openModelFolder(join(made, "model"))];
  expect(outer.path).toBe(join(made, "model"));
  expect(await outer.digest()).toBe(await inner.digest());
  expect((await readModelConfig(made)).model_type).toBe("llama");
  expect((await loadTokenizer(made)).digest).toBe((await loadTokenizer(join(made, "model"))).digest);
  await keepFirstLayers(made, join(folder, "shallow"), 1);
  expect(await readdir(join(folder, "shallow"))).toContain("tokenizer.json");
});
