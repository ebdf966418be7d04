/** Folders of tiny models that belong together (base, adapter on it, reference, reward model), and servers of them on free ports. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "../../src/base/core/rng.ts";
import { saveAdapter } from "../../src/engine/checkpoint/adapter-model.ts";
import { loadModel } from "../../src/engine/checkpoint/load-model.ts";
import { isAdapterParameter, loraSpec } from "../../src/engine/model/lora.ts";
import { addAdapter, keyOf, releaseModel } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { openServer, type ServerOptions, type TeacherServer } from "../../src/interfaces/serve/server.ts";
import { writeTinyFolder } from "./tiny-folder.ts";

/** A template as simple as can be: a role, a colon, what was said. */
export const TINY_TEMPLATE =
  "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";

/** Paths of the folders. */
export type TinyFolders = Readonly<Record<"root" | "base" | "reference" | "reward" | "adapter", string>> & {
  remove(): Promise<void>;
};

/** Writes the folders; all have one tokenizer and template. */
export async function writeTinyFolders(runtime: Runtime): Promise<TinyFolders> {
  const root = await mkdtemp(join(tmpdir(), "served-"));
  const chatTemplate = TINY_TEMPLATE;
  const base = await writeTinyFolder(root, "base", { seed: 1, chatTemplate });
  const reference = await writeTinyFolder(root, "sft", { seed: 2, chatTemplate });
  const reward = await writeTinyFolder(root, "reward", { seed: 3, task: "reward", chatTemplate });
  const adapter = join(root, "adapter");
  await writeTinyAdapter(runtime, base, adapter);
  return { root, base, reference, reward, adapter, remove: () => rm(root, { recursive: true, force: true }) };
}

/** Writes an adapter that does something: neither of its matrices is zero. */
export async function writeTinyAdapter(runtime: Runtime, base: string, path: string): Promise<void> {
  const model = await loadModel(runtime, base, { id: `adapter of ${base}` });
  const lora = loraSpec({ r: 2, alpha: 4, dropout: 0, targetModules: ["q_proj", "v_proj"] });
  const adapted = await addAdapter(runtime, model, lora, 5);
  for (const [name, shape] of adapted.parameters) {
    if (!isAdapterParameter(name) || !name.endsWith("lora_B.weight")) continue;
    const draw = createRng(6).fork(name);
    const data = Float32Array.from({ length: shape[0]! * shape[1]! }, () => 0.3 * draw.normal());
    await runtime.store.set(keyOf(adapted, name), shape, data);
  }
  await saveAdapter(runtime, adapted, path, { baseModel: base });
  await releaseModel(runtime, adapted);
}

/** Serves at a free port. */
export function tinyServer(
  runtime: Runtime,
  options: Omit<ServerOptions, "runtime" | "version">,
): Promise<TeacherServer> {
  return openServer({ runtime, version: "1.2.3", port: 0, ...options });
}

/** A served reward head with all that belongs to it; `memory` is an empty folder for what clients keep. */
export type ServedReward = {
  readonly runtime: Runtime;
  readonly folders: TinyFolders;
  readonly server: TeacherServer;
  readonly memory: string;
  close(): Promise<void>;
};

/** Makes the folders and serves their reward model. */
export async function serveTinyReward(): Promise<ServedReward> {
  const runtime = openRuntime({ threads: 1 });
  const folders = await writeTinyFolders(runtime);
  const server = await tinyServer(runtime, { model: folders.reward });
  const memory = await mkdtemp(join(tmpdir(), "served-memory-"));
  const close = async () => {
    await server.close();
    await runtime.close();
    await folders.remove();
    await rm(memory, { recursive: true });
  };
  return { runtime, folders, server, memory, close };
}

/** What an endpoint answered. */
export type Reply = {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Record<string, never>;
};

/** Sends JSON (or a body as it is) and reads JSON. */
export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
  const json = (await response.json()) as Record<string, never>;
  return { status: response.status, headers: response.headers, json };
}
