import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  post,
  type Reply,
  type TinyFolders,
  tinyServer,
  writeTinyFolders,
} from "../../../test/helpers/tiny-server.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { TeacherServer } from "./server.ts";

let runtime: Runtime;
let folders: TinyFolders;
let server: TeacherServer;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  folders = await writeTinyFolders(runtime);
  const adapters = [{ name: "teacher", folder: folders.adapter }];
  server = await tinyServer(runtime, { model: folders.base, adapters, reference: folders.reference });
});
afterAll(async () => {
  await server.close();
  await runtime.close();
  await folders.remove();
});

const ask = (body: object): Promise<Reply> => post(`${server.url}/v1/completions`, body);

describe("refusals", () => {
  test.each([
    [
      { prompt: "x", model: "gpt-4" },
      404,
      "model",
      'model: is not served here, expected one of base, teacher, reference, got "gpt-4".',
    ],
    [{}, 400, "prompt", "prompt: is missing."],
    [{ prompt: [] }, 400, "prompt", "expected 1 to 256 prompts, got 0."],
    [{ prompt: [1, "a"] }, 400, "prompt.1", 'expected a token id (a whole number from 0), got "a".'],
    [
      { prompt: [3, 7, -2, 5] },
      400,
      "prompt.2",
      "prompt.2: expected a token id (a whole number from 0), got -2.",
    ],
    [{ prompt: [5, 264] }, 400, "prompt.1", "prompt.1: expected a token id in [0, 264), got 264."],
    [{ prompt: [[1, 264]] }, 400, "prompt.0.1", "expected a token id in [0, 264), got 264."],
    [
      { prompt: [[4], [9, null]] },
      400,
      "prompt.1.1",
      "expected a token id (a whole number from 0), got null.",
    ],
    [
      { prompt: [[4], []] },
      400,
      "prompt.1",
      "expected a string or token ids (whole numbers from 0), got an empty list.",
    ],
    [{ prompt: ["x", 4] }, 400, "prompt.1", "expected a string or token ids (whole numbers from 0), got 4."],
    [{ prompt: [1.5] }, 400, "prompt.0", "got 1.5"],
    [{ prompt: "x", max_tokens: -1 }, 400, "max_tokens", "max_tokens: expected at least 0, got -1."],
    [{ prompt: "x", max_tokens: 0 }, 400, "max_tokens", "or echo or prompt_logprobs with it, got 0."],
    [
      { prompt: "x", max_tokens: 600 },
      400,
      "prompt",
      "expected at most 512 tokens with the new ones, got 2 and 600 new ones",
    ],
    [{ prompt: "y".repeat(600) }, 400, "prompt", "is too long"],
    [
      { prompt: ["x", "y".repeat(600)] },
      400,
      "prompt.1",
      "prompt.1: is too long, expected at most 512 tokens",
    ],
    [{ prompt: [[1], [2], Array.from({ length: 600 }, () => 1)] }, 400, "prompt.2", "prompt.2: is too long"],
    [{ prompt: "y".repeat(40_000) }, 400, "prompt", "expected at most 32768 characters, got 40000."],
    [{ prompt: "x", temperature: "hot" }, 400, "temperature", 'temperature: expected a number, got "hot".'],
    [
      { prompt: "x", top_p: 0, seed: -3 },
      400,
      "top_p",
      "top_p: expected above 0, got 0. seed: expected at least 0, got -3.",
    ],
    [{ prompt: "x", logprobs: 21 }, 400, "logprobs", "logprobs: expected at most 20, got 21."],
    [{ prompt: "x", stop: [""] }, 400, "stop.0", "stop.0: expected at least 1 characters"],
    [
      { prompt: "x", stream: true, n: 3, logit_bias: { 1: 2 } },
      400,
      "logit_bias",
      "n: is not supported by this server and would change the result, expected 1, got 3.",
    ],
    [{ prompt: "x", suffix: "end" }, 400, "suffix", "suffix: is not supported"],
    [
      { prompt: Array.from({ length: 257 }, () => "x") },
      400,
      "prompt",
      "expected 1 to 256 prompts, got 257.",
    ],
  ])("case %#", async (body, status, param, message) => {
    const reply = await ask(body);
    expect(reply.status).toBe(status);
    expect(reply.json.error).toMatchObject({
      param,
      type: status === 404 ? "not_found_error" : "invalid_request_error",
    });
    expect((reply.json.error as unknown as { message: string }).message).toContain(message);
  });

  test("a factor that would take scores out of the range of numbers is refused, by a request and at the start", async () => {
    const pairs = [{ prompt: "x", a: "y", b: "z" }];
    const score = (beta: number) => post(`${server.url}/v1/score`, { model: "teacher", pairs, beta });
    const refused = await score(1e308);
    expect(refused).toMatchObject({ status: 400, json: { error: { param: "beta" } } });
    expect(refused.json.error).toMatchObject({
      message: "beta: expected at most 1000000, got 1e+308.",
    });
    const largest = (await score(1e6)).json.data as unknown as readonly { margin: number }[];
    expect(Number.isFinite(largest[0]!.margin)).toBe(true);
    await expect(tinyServer(runtime, { model: folders.base, beta: 1e7 })).rejects.toThrow(
      "serve: beta is out of range, expected above 0 and at most 1000000, got 10000000.",
    );
  });

  test("neutral and unknown fields do no harm", async () => {
    const reply = await ask({
      prompt: "x",
      max_tokens: 1,
      n: 1,
      best_of: null,
      stream: false,
      logit_bias: {},
      user: "me",
      stream_options: null,
      __proto__x: 1,
    });
    expect(reply.status).toBe(200);
  });

  test("chats: no messages, unknown members, streams", async () => {
    const chat = (body: object) => post(`${server.url}/v1/chat/completions`, body);
    expect((await chat({ messages: [] })).json.error).toMatchObject({
      param: "messages",
      message: "messages: expected at least 1 entries, got [].",
    });
    expect((await chat({ messages: [{ role: "user", content: "x", tool_calls: [] }] })).status).toBe(400);
    expect(
      (await chat({ messages: [{ role: "user", content: "x" }], stream: true })).json.error,
    ).toMatchObject({ param: "stream" });
    expect(
      (await chat({ messages: [{ role: "user", content: "x" }], top_logprobs: 1 })).json.error,
    ).toMatchObject({ param: "top_logprobs" });
    const polluted = '{"messages":[{"role":"user","content":"x","__proto__":{"polluted":1}}],"max_tokens":1}';
    expect((await post(`${server.url}/v1/chat/completions`, polluted)).status).toBe(400);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
