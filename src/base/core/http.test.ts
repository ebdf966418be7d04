import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type HttpOptions, openHttp } from "./http.ts";
import { inParallel } from "./parallel.ts";

type Answer = (nth: number, response: ServerResponse, request: IncomingMessage) => void;

let server: Server;
let url: string;
let answer: Answer;
let times: number[];
beforeEach(async () => {
  times = [];
  server = createServer((request, response) => {
    request.resume();
    times.push(performance.now());
    answer(times.length, response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const open = (options: Partial<HttpOptions> = {}) =>
  openHttp("test", { url, backoffMs: 1, ...options }, 1000);
const never = new AbortController().signal;
const ask = (http: ReturnType<typeof open>) =>
  http.ask({
    path: "/x",
    body: { question: 1 },
    read: (value) => (value as { answer?: number }).answer,
    expected: "an answer",
    signal: never,
  });
const right = (response: ServerResponse) => void response.end('{"answer": 42}');

describe("Retry-After", () => {
  test.each([
    ["seconds", () => "0.15"],
    ["a date", () => new Date(Date.now() + 1400).toUTCString()],
  ])("is kept when it is given as %s", async (_, header) => {
    answer = (nth, response) => {
      if (nth === 1) response.writeHead(429, { "retry-after": header() }).end();
      else right(response);
    };
    expect(await ask(open())).toBe(42);
    // A date has whole seconds: up to one of the 1.4 is lost.
    expect(times[1]! - times[0]!).toBeGreaterThan(140);
  });

  test("holds back all requests of the client, not only the one that was told", async () => {
    answer = (nth, response) => {
      if (nth === 1) response.writeHead(503, { "retry-after": "0.3" }).end();
      else right(response);
    };
    const http = open();
    const told = ask(http);
    while (times.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await Promise.all([told, ask(http), ask(http)]);
    expect(times).toHaveLength(4);
    for (const time of times.slice(1)) expect(time - times[0]!).toBeGreaterThan(290);
    expect(http.retried()).toBe(1);
  });

  test("nonsense in it is no reason to wait for ever", async () => {
    answer = (nth, response) => {
      if (nth === 1) response.writeHead(429, { "retry-after": "soon" }).end();
      else right(response);
    };
    expect(await ask(open())).toBe(42);
  });
});

describe("answers", () => {
  test("a key that the endpoint repeats in its reply is not handed on, however it is spelt; a short one is a word", async () => {
    process.env.TEST_HTTP_KEY = "sk-secret-value";
    try {
      answer = (_, response) => void response.end('{"answer": "sk-secret-value \\u0073k-secret-value"}');
      const read = (value: unknown) => (value as { answer: string }).answer;
      const request = { path: "/x", read, expected: "an answer", signal: new AbortController().signal };
      expect(await open({ apiKeyEnv: "TEST_HTTP_KEY" }).ask(request)).toBe("*** ***");
      process.env.TEST_HTTP_KEY = "none";
      answer = (_, response) => void response.end('{"answer": "none of them"}');
      expect(await open({ apiKeyEnv: "TEST_HTTP_KEY" }).ask(request)).toBe("none of them");
    } finally {
      delete process.env.TEST_HTTP_KEY;
    }
  });

  test("that are no JSON are asked for again; JSON of another shape is not", async () => {
    answer = (nth, response) => {
      if (nth === 1) response.end("<html>proxy</html>");
      else if (nth === 2) response.end('{"answ');
      else right(response);
    };
    expect(await ask(open())).toBe(42);
    answer = (_, response) => void response.end('{"other": 1}');
    await expect(ask(open())).rejects.toThrow('answered without an answer: {"other": 1} after 1 attempt.');
  });

  test("that are too long, too slow or somewhere else end in an error without the key", async () => {
    process.env.TEST_HTTP_KEY = "sk-secret-value";
    const options = { apiKeyEnv: "TEST_HTTP_KEY", retries: 1, timeoutMs: 100 };
    try {
      const cases: [Answer, string][] = [
        [(_, response) => void response.end("x".repeat(1001)), "longer than 1000 bytes"],
        [() => {}, "gave no answer within 100 ms after 2 attempts"],
        [
          (_, response) => void response.writeHead(302, { location: "http://127.0.0.1:9" }).end(),
          "cannot be reached",
        ],
        [
          (_, response, { headers }) => void response.writeHead(500).end(headers.authorization),
          "answered 500: Bearer ***",
        ],
        [
          (_, response) => void response.end("sk-secret-value is no JSON"),
          "answered with no JSON: *** is no JSON",
        ],
      ];
      for (const [given, message] of cases) {
        answer = given;
        const error = await ask(open(options)).catch((thrown: Error) => thrown);
        expect(String(error)).toContain(message);
        expect(String((error as Error).stack)).not.toContain("secret");
      }
    } finally {
      delete process.env.TEST_HTTP_KEY;
    }
  });
});

test("work in parallel keeps its order, its width, and stops at the first error", async () => {
  let [now, most, begun] = [0, 0, 0];
  const work = async (item: number) => {
    begun++;
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 5 * (5 - item)));
    now--;
    if (item === 3) throw new Error("third");
    return 10 * item;
  };
  expect(await inParallel([0, 1, 2], 2, work, undefined)).toEqual([0, 10, 20]);
  expect(most).toBe(2);
  begun = 0;
  await expect(inParallel([3, 0, 1, 2], 1, work, undefined)).rejects.toThrow("third");
  expect(begun).toBe(1);
});
