/**
 * An OpenAI-compatible chat endpoint over a tiny model of this project: replies are what the model writes, unless a test puts a fault or
 * a reply of its own in their place.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { loadModel } from "../../src/engine/checkpoint/load-model.ts";
import { generate } from "../../src/engine/model/generate.ts";
import { releaseModel } from "../../src/engine/model/model.ts";
import type { Runtime } from "../../src/engine/runtime/runtime.ts";
import { encodePrompt } from "../../src/engine/text/pair.ts";
import { loadTokenizer } from "../../src/engine/text/tokenizer.ts";

/** Answers a request in place of the model, or says what the model is to say; undefined lets the model write. */
export type Fault = (
  nth: number,
  question: string,
  response: ServerResponse,
) => string | "handled" | undefined;

/** A running endpoint. */
export type ChatServer = {
  readonly url: string;
  readonly requests: { readonly question: string; readonly maxTokens: number }[];
  fault: Fault;
  close(): Promise<void>;
};

/** Serves the model at `folder` on a free port of this machine. */
export async function serveTinyModel(runtime: Runtime, folder: string): Promise<ChatServer> {
  const [model, tokenizer] = [
    await loadModel(runtime, folder, { id: "served" }),
    await loadTokenizer(folder),
  ];
  let queue: Promise<unknown> = Promise.resolve();
  const write = async (question: string, maxNewTokens: number): Promise<string> => {
    const { prompt } = encodePrompt(tokenizer, question, model.decoder.config.maxPositions - maxNewTokens);
    const options = { maxNewTokens, temperature: 0, eosIds: tokenizer.eosIds, seed: 0 };
    const [written] = await generate(runtime, model, [prompt], options);
    return tokenizer.decodeAfter(prompt, written!.ids);
  };
  const served: { fault: Fault; requests: ChatServer["requests"] } = { fault: () => undefined, requests: [] };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text) as { messages: { content: string }[]; max_tokens: number };
    const question = body.messages.at(-1)!.content;
    const nth = served.requests.push({ question, maxTokens: body.max_tokens });
    const said = served.fault(nth, question, response);
    if (said === "handled") return;
    // One at a time: generation is not made for two at once in one runtime.
    const written = said === undefined ? queue.then(() => write(question, body.max_tokens)) : said;
    queue = Promise.allSettled([written]);
    const reply = await written;
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        model: "tiny-2026",
        choices: [{ message: { role: "assistant", content: reply } }],
        usage: { prompt_tokens: question.length, completion_tokens: 1 },
      }),
    );
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => response.writeHead(500).end(error.message));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests: served.requests,
    get fault() {
      return served.fault;
    },
    set fault(fault) {
      served.fault = fault;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await releaseModel(runtime, model);
    },
  };
}
