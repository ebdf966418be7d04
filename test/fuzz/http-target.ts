/** Bodies of requests to `serve`, through its routes and a real tiny model; no socket is opened. */
import { AlignError } from "../../src/base/core/errors.ts";
import { silentLog } from "../../src/base/core/log.ts";
import { openRuntime } from "../../src/engine/runtime/runtime.ts";
import { createApp } from "../../src/interfaces/serve/app.ts";
import { openEngine } from "../../src/interfaces/serve/engine.ts";
import { openGate } from "../../src/interfaces/serve/gate.ts";
import { DEFAULT_LIMITS } from "../../src/interfaces/serve/limits.ts";
import { openMetrics } from "../../src/interfaces/serve/metrics.ts";
import { loadServedModels } from "../../src/interfaces/serve/models.ts";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import { TINY_TEMPLATE } from "../helpers/tiny-server.ts";
import type { Target } from "./harness.ts";

const BODIES: readonly object[] = [
  {
    model: "m",
    prompt: [
      [256, 72, 101],
      [256, 108],
    ],
    max_tokens: 1,
    temperature: 0,
    prompt_logprobs: 1,
    add_special_tokens: false,
    return_token_ids: true,
    seed: 0,
  },
  { prompt: "Hello", echo: true, max_tokens: 0, logprobs: 2, stop: ["x"], n: 1, user: "me" },
  {
    messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }],
    max_tokens: 2,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 5,
    logprobs: true,
    top_logprobs: 1,
  },
  {
    model: "m",
    kind: "likelihood",
    pairs: [
      { id: "1", prompt: "x", a: "y", b: "z" },
      { prompt: [{ role: "user", content: "q" }], a: "b", b: "c" },
    ],
  },
];

let ask: ((body: Buffer) => Promise<Response>) | undefined;

/** 200 is accepted, a refusal of the client's doing that names its field is a rejection, anything else a bug. */
export const HTTP_TARGET: Target = {
  name: "http bodies",
  damage: "json",
  names: /^[^\n]{1,120}: /,
  async seeds(folder) {
    const model = await writeTinyFolder(folder, "m", { seed: 1, chatTemplate: TINY_TEMPLATE });
    ask = await routes(model);
    return BODIES.map((body) => Buffer.from(JSON.stringify(body)));
  },
  async read(input) {
    const response = await ask!(input);
    const { error } = (await response.json()) as { error?: { message: string } };
    if (response.status === 200) return;
    const refused = [400, 404, 413].includes(response.status) && error !== undefined;
    if (!refused) throw new Error(`status ${response.status}: ${JSON.stringify(error)}`);
    throw new AlignError("http", error.message);
  },
};

async function routes(model: string): Promise<(body: Buffer) => Promise<Response>> {
  const limits = { ...DEFAULT_LIMITS, maxNewTokens: 4, maxBodyBytes: 100_000, timeoutMs: 4000 };
  const runtime = openRuntime({ threads: 1 });
  const models = await loadServedModels(runtime, { model });
  const engine = openEngine(runtime, limits);
  const app = createApp({
    serving: { engine, models, limits },
    settings: { beta: 0.1, limits: { maxLength: 64, maxPromptLength: 32 } },
    gate: openGate(limits),
    metrics: openMetrics({ inFlight: () => 0, waiting: () => ({}) }),
    token: undefined,
    version: "0",
    log: silentLog,
  });
  const headers = { "content-type": "application/json", host: "localhost" };
  return async (body) =>
    app.request(pathOf(body.toString("latin1")), { method: "POST", headers, body: new Uint8Array(body) });
}

/** The endpoint that a body was meant for, as far as can be told. */
function pathOf(text: string): string {
  if (text.includes("pairs")) return "/v1/score";
  return text.includes("messages") ? "/v1/chat/completions" : "/v1/completions";
}
