/**
 * Servers that speak vLLM's, SGLang's and OpenAI's protocols with made-up numbers: a token's log-probability depends on the model and on
 * all ids up to it, so that a number of another place, text or model is a wrong number. What they answer follows the servers' own
 * documentation and source (July 2026); they are no substitute for the servers.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sha256 } from "../../src/base/core/digest.ts";

/** A made-up log-probability in [-5, -0.1]. */
export function fakeLogp(model: string, ids: readonly number[]): number {
  return -0.1 - (4.9 * Number.parseInt(sha256(JSON.stringify([model, ids])).slice(0, 8), 16)) / 2 ** 32;
}

/** Sum over the tokens from `from` on. */
export function fakeSum(model: string, ids: readonly number[], from: number): number {
  return ids.slice(from).reduce((total, _, i) => total + fakeLogp(model, ids.slice(0, from + i + 1)), 0);
}

type Body = Record<string, unknown>;

/** What happens to a request before it is answered as usual; true when it has been dealt with. */
export type Mishap = (nth: number, response: ServerResponse, body: Body) => boolean;

/** A fake with its doors to the test. */
export type FakeServer = {
  readonly url: string;
  /** Scoring requests so far. */
  readonly requests: Body[];
  mishap: Mishap;
  /** Changes a correct answer. */
  spoil: (answer: never, body: Body) => unknown;
  /** Name of the weights: another one, other numbers. */
  weights: string;
  close(): Promise<void>;
};

/** Kinds of fakes; the last three cannot score given text. */
export type FakeKind = "vllm" | "sglang" | "echo" | "ollama" | "llama.cpp" | "tgi";

/** Starts a fake on a free port. */
export async function fakeServer(kind: FakeKind): Promise<FakeServer> {
  const fake = {
    requests: [] as Body[],
    mishap: (() => false) as Mishap,
    spoil: ((answer: unknown) => answer) as FakeServer["spoil"],
    weights: "1",
  };
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    if (request.method === "GET") return send(response, FACTS[kind][request.url!]);
    fake.requests.push(body);
    if (fake.mishap(fake.requests.length, response, body)) return;
    const answer = ANSWERS[kind]?.(request.url!, body, fake.weights);
    send(response, answer === undefined ? undefined : fake.spoil(answer as never, body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return Object.assign(fake, { url, close });
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text === "" ? {} : (JSON.parse(text) as Body);
}

function send(response: ServerResponse, answer: unknown): void {
  response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(answer ?? { error: "not found" }));
}

const MODELS = { data: ["base", "teacher"].map((id) => ({ id, object: "model", max_model_len: 200 })) };

const FACTS: Readonly<Record<FakeKind, Readonly<Record<string, unknown>>>> = {
  vllm: { "/version": { version: "0.11.2" }, "/v1/models": MODELS },
  sglang: { "/get_model_info": { model_path: "base", is_generation: true } },
  echo: { "/v1/models": MODELS },
  ollama: { "/version": {}, "/api/tags": { models: [] } },
  "llama.cpp": { "/props": { default_generation_settings: {} }, "/v1/models": MODELS },
  tgi: { "/info": { model_id: "base", router: "text-generation-router" } },
};

type Answer = (path: string, body: Body, weights: string) => unknown;

const ANSWERS: Partial<Record<FakeKind, Answer>> = {
  vllm: (path, { model, prompt, max_tokens }, weights) => {
    if (path !== "/v1/completions" || Number(max_tokens) < 1) return undefined;
    const choices = (prompt as number[][]).map((ids, index) => ({
      index,
      text: "x",
      prompt_token_ids: ids,
      prompt_logprobs: ids.map((id, t) => {
        if (t === 0) return null;
        const own = {
          [id]: { logprob: fakeLogp(`${model}${weights}`, ids.slice(0, t + 1)), rank: 2, decoded_token: "?" },
        };
        return { [id + 1]: { logprob: -0.05, rank: 1, decoded_token: "!" }, ...own };
      }),
    }));
    return { object: "text_completion", model, choices };
  },
  sglang: (path, body, weights) => {
    const inputs = body.input_ids as number[][];
    const starts = body.logprob_start_len as number[];
    const adapters = (body.lora_path ?? []) as string[];
    if (path !== "/generate" || body.return_logprob !== true) return undefined;
    return inputs.map((ids, i) => ({
      text: "x",
      meta_info: {
        // The token at the start itself has none.
        input_token_logprobs: ids.slice(starts[i]).map((id, j) => {
          const here = starts[i]! + j + 1;
          return [
            j === 0 ? null : fakeLogp(`${adapters[i] ?? "base"}${weights}`, ids.slice(0, here)),
            id,
            null,
          ];
        }),
      },
    }));
  },
  echo: (path, { model, prompt, echo }, weights) => {
    if (path !== "/v1/completions" || echo !== true) return undefined;
    const choices = (prompt as number[][]).map((ids, index) => ({
      index,
      text: "…",
      logprobs: {
        tokens: ids.map((id) => `<${id}>`),
        token_logprobs: ids.map((_, t) =>
          t === 0 ? null : fakeLogp(`${model}${weights}`, ids.slice(0, t + 1)),
        ),
      },
    }));
    return { choices: choices.toReversed() };
  },
  "llama.cpp": () => ({ choices: [{ text: "x", logprobs: null }] }),
};
