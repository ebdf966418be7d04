/**
 * Hugging Face model folders: `config.json` and `model.safetensors`, in one file or sharded, or an adapter in their place (`adapted-folder.ts`).
 * Names are given as stored; the model room knows which prefix a family may lack.
 */
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { CheckpointError, pathProblem, show } from "../../base/core/errors.ts";
import { exists, readText } from "../../base/core/files.ts";
import { modelPath, PRUNED_NOTE } from "../../base/core/model-path.ts";
import { shellWord } from "../../base/core/shell.ts";
import { openAdapted } from "./adapted-folder.ts";
import { readJsonObject } from "./json-object.ts";
import { openSafetensors, type TensorSource } from "./safetensors.ts";
import { MAX_TENSORS } from "./safetensors-header.ts";

/** An open model folder: its config and its tensors, wherever they are stored. */
export interface ModelFolder extends TensorSource {
  /** The JSON object of `config.json`, as it stands there. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The JSON object of `generation_config.json`, where there is one. */
  readonly generationConfig: Readonly<Record<string, unknown>> | undefined;
  /**
   * SHA-256 of what the model computes from: config (without `_name_or_path` and `transformers_version`) and every tensor's
   * name, dtype, shape and bytes, in name order; so sharding does not change it. Read once, then kept.
   */
  digest(): Promise<string>;
}

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
/** Most files that an index names, which are all open at a time; published models have up to some hundreds. */
const MAX_SHARDS = 1024;

/**
 * Opens a model folder, or the one inside a folder that a command wrote.
 * @throws CheckpointError when the folder is no model, holds only pickled weights, misses a shard, or a file in it is damaged
 */
export async function openModelFolder(given: string): Promise<ModelFolder> {
  const path = await modelPath(given);
  const inside = await readdir(path).catch((error) => {
    const problem = pathProblem(error, "cannot be opened as a model folder");
    throw new CheckpointError(path, `${problem}${missingAdvice(path)}`, {
      cause: error,
    });
  });
  await refusePruned(path, inside);
  refuseNoModel(path, inside);
  const config = await readJsonObject(join(path, "config.json"));
  const generation = join(path, "generation_config.json");
  const generationConfig = (await exists(generation)) ? await readJsonObject(generation) : undefined;
  const weights = await openWeights(path, inside);
  let digest: Promise<string> | undefined;
  return {
    ...weights,
    path,
    config,
    generationConfig,
    digest: () => {
      digest ??= digestModel(config, weights);
      return digest;
    },
  };
}

function openWeights(path: string, inside: readonly string[]): Promise<TensorSource> {
  if (inside.includes(SINGLE)) return openSafetensors(join(path, SINGLE));
  return inside.includes(INDEX) ? openShards(path) : openAdapted(path, openModelFolder);
}

/** The `config.json` of a model folder, as `openModelFolder` finds it. @throws CheckpointError when there is none */
export async function readModelConfig(path: string): Promise<Record<string, unknown>> {
  return readJsonObject(join(await modelPath(path), "config.json"));
}

/** What is meant by a path that is not there, where its form says so. */
function missingAdvice(path: string): string {
  if (path === "stories15M") return ` To make it a folder: weak-teacher import ${path} --out models/${path}.`;
  if (!/^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(path)) return "";
  return ` If it is a name on a hub: write hub:${path}.`;
}

/** A model of a run, whose weights `prune` took away. */
async function refusePruned(path: string, inside: readonly string[]): Promise<void> {
  if (!inside.includes(PRUNED_NOTE) || inside.some((name) => /^model.*\.safetensors$/.test(name))) return;
  const note = (await readText(join(path, PRUNED_NOTE), 4096)).trim();
  throw new CheckpointError(path, `has no weights. ${note}.`);
}

function refuseNoModel(path: string, inside: string[]): void {
  const hasWeights = inside.includes(SINGLE) || inside.includes(INDEX);
  const isAdapter = inside.includes("adapter_config.json");
  if ((hasWeights || isAdapter) && inside.includes("config.json")) return;
  const pickles = inside.filter((name) => /^pytorch_model.*\.bin(\.index\.json)?$/.test(name));
  if (!hasWeights && pickles.length > 0)
    throw new CheckpointError(
      path,
      `holds its weights only as ${pickles[0]}, a Python pickle, which can run any code when it is read, so it is not. ` +
        "Convert it once with Python, in a place where you trust it:\n" +
        `  python -c "from transformers import AutoModelForCausalLM as M, AutoTokenizer as T; import sys; p, q = sys.argv[1:]; ` +
        `M.from_pretrained(p, torch_dtype='auto').save_pretrained(q); T.from_pretrained(p).save_pretrained(q)" ${shellWord(path)} ${shellWord(`${path}-safetensors`)}`,
    );
  const got = inside.length === 0 ? "an empty folder" : inside.sort().slice(0, 8).join(", ");
  const adapter = isAdapter ? " This is a LoRA adapter: give its base model here." : "";
  throw new CheckpointError(
    path,
    `is no model folder, expected config.json and ${SINGLE}, got ${got}.${adapter}`,
  );
}

/** Opens every shard the index names and checks that each tensor lies where the index says. */
async function openShards(folder: string): Promise<TensorSource> {
  const path = join(folder, INDEX);
  const weightMap = readWeightMap(path, await readJsonObject(path));
  const shards = new Map<string, TensorSource>();
  const close = async () => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    for (const file of new Set(weightMap.values())) {
      if (!(await exists(join(folder, file))))
        throw new CheckpointError(
          folder,
          `shard ${file} is missing, named by ${INDEX}. Fetch the folder again.`,
        );
      shards.set(file, await openSafetensors(join(folder, file)));
    }
    checkIndex(path, weightMap, shards);
  } catch (error) {
    await close();
    throw error;
  }
  const shardOf = (name: string) => {
    const shard = shards.get(weightMap.get(name) ?? "");
    if (shard === undefined) throw new CheckpointError(folder, `tensor "${name}" is missing.`);
    return shard;
  };
  return {
    path: folder,
    names: [...weightMap.keys()],
    info: (name) => shardOf(name).info(name),
    read: async (name) => shardOf(name).read(name),
    bytes: (name) => shardOf(name).bytes(name),
    close,
  };
}

/** `weight_map` as tensor name → file name; only plain names of safetensors files beside the index. */
function readWeightMap(path: string, index: Record<string, unknown>): Map<string, string> {
  const map = index.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map))
    throw new CheckpointError(path, "weight_map is missing, expected an object of tensor name to file name.");
  const files = new Set(Object.values(map));
  for (const [what, count, most] of [
    ["tensors", Object.keys(map).length, MAX_TENSORS],
    ["files", files.size, MAX_SHARDS],
  ] as const)
    if (count > most) throw new CheckpointError(path, `names ${count} ${what}, expected at most ${most}.`);
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== "string" || !/^[\w-][\w.-]*\.safetensors$/.test(file))
      throw new CheckpointError(
        path,
        `tensor ${show(name)}: file is ${show(file)}, expected a .safetensors file in the same folder.`,
      );
  }
  return new Map(Object.entries(map));
}

function checkIndex(path: string, weightMap: Map<string, string>, shards: Map<string, TensorSource>): void {
  const names = new Map([...shards].map(([file, shard]) => [file, new Set(shard.names)]));
  for (const [name, file] of weightMap) {
    if (!names.get(file)?.has(name))
      throw new CheckpointError(path, `tensor ${show(name)} is not in ${file}, where the index places it.`);
  }
  for (const [file, shard] of shards) {
    const stray = shard.names.find((name) => weightMap.get(name) !== file);
    if (stray !== undefined)
      throw new CheckpointError(
        path,
        `tensor ${show(stray)} is in ${file}, but the index does not place it there.`,
      );
  }
}

async function digestModel(
  config: Readonly<Record<string, unknown>>,
  weights: TensorSource,
): Promise<string> {
  const { _name_or_path: _path, transformers_version: _version, ...meaning } = config;
  const hash = createHash("sha256").update(digestOf(meaning));
  for (const name of [...weights.names].sort()) {
    hash.update(JSON.stringify([name, weights.info(name)]));
    for await (const chunk of weights.bytes(name)) hash.update(chunk);
  }
  return hash.digest("hex");
}
