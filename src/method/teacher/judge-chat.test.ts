import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { labelFromScores } from "../labels/label.ts";
import { positionFlipRate } from "./judge.ts";
import { type ChatJudgeOptions, openChatJudge } from "./judge-chat.ts";

type Answer = (question: string, nth: number, response: ServerResponse) => string | undefined;

let server: Server;
let url: string;
let cache: string;
let answer: Answer;
let requests: { headers: IncomingMessage["headers"]; body: Record<string, unknown>; path: string }[];
let atOnce: { now: number; most: number };

beforeEach(async () => {
  requests = [];
  atOnce = { now: 0, most: 0 };
  cache = await mkdtemp(join(tmpdir(), "judge-"));
  server = createServer(async (request, response) => {
    atOnce.most = Math.max(atOnce.most, ++atOnce.now);
    response.on("close", () => atOnce.now--);
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text) as { messages: { content: string }[] };
    requests.push({ headers: request.headers, body, path: request.url! });
    const reply = answer(body.messages[0]!.content, requests.length, response);
    if (reply === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ model: "judge-2026-01", choices: [{ message: { content: reply } }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(cache, { recursive: true, force: true });
});

const open = (options: Partial<ChatJudgeOptions> = {}) =>
  openChatJudge({
    url,
    model: "judge",
    cache,
    backoffMs: 1,
    prompt: "{prompt}|{first}|{second}",
    ...options,
  });
/** Prefers the candidate that says "good", wherever it stands; "first" prefers the first, "odd" says something else. */
const fair: Answer = (question) => {
  const [, first, second] = question.split("|");
  if (first!.includes("odd") || second!.includes("odd")) return "Both are fine, I think 1 or 2.";
  if (first!.includes("place")) return "1";
  return first!.includes("good") ? "1" : "2";
};
const pair = (id: string, a: string, b: string) => ({ id, prompt: "which?", a, b });
const three = [pair("1", "good", "bad"), pair("2", "bad", "good {first}"), pair("3", "place x", "place y")];

describe("a chat judge", () => {
  test("asks both orders; agreement is a vote, a turn with the order a tie, an odd reply an abstention", async () => {
    answer = fair;
    const judge = open();
    const scores = await judge.scorePairs([...three, pair("4", "odd", "bad")]);
    expect(scores.map(({ scoreA, scoreB }) => [scoreA, scoreB])).toEqual([
      [1, 0],
      [0, 1],
      [0.5, 0.5],
      [Number.NaN, Number.NaN],
    ]);
    const labels = scores.map((score) => labelFromScores({ ...score, teacher: "t" }));
    expect(labels.map(({ preferred }) => preferred)).toEqual(["a", "b", "tie", "abstain"]);
    expect(labels[2]!.flags).toEqual(["position-flip"]);
    expect(labels[3]!.flags).toEqual(["malformed-reply", "non-finite"]);
    expect(requests.map(({ body }) => (body.messages as { content: string }[])[0]!.content)).toContain(
      "which?|good {first}|bad",
    );
    expect(judge.counts()).toMatchObject({
      asked: 8,
      unreadable: 2,
      models: ["judge-2026-01"],
      votes: { soft: 0, hard: 6 },
    });
    expect(judge.counts().examples[0]).toBe("Both are fine, I think 1 or 2.");
    // Of the three that were judged, one turned round.
    expect(await positionFlipRate(scores)).toEqual({ rate: 1 / 3, judged: 3 });
    const { share } = await positionFlipRate(scores, () => "one prompt");
    expect(share).toMatchObject({ estimate: 1 / 3, n: 1 });
    expect(requests[0]).toMatchObject({
      path: "/v1/chat/completions",
      body: { model: "judge", temperature: 0 },
    });
  });

  test("asks nothing twice, in this run or the next", async () => {
    answer = fair;
    const scores = await open().scorePairs(three);
    const again = open();
    expect(await again.scorePairs(three)).toEqual(scores);
    expect(requests).toHaveLength(6);
    expect(again.counts()).toMatchObject({ asked: 0, cached: 6 });
    await open({ prompt: "{prompt}|{second}|{first}" }).scorePairs(three);
    // The other question's orders are the same six texts, only turned round.
    expect(requests).toHaveLength(6);
    await open({ model: "other" }).scorePairs(three);
    expect(requests).toHaveLength(12);
  });

  test("tries again after 429, 500, a dropped connection and silence", async () => {
    answer = (question, nth, response) => {
      if (nth === 1) response.writeHead(429, { "retry-after": "0" }).end("slow down");
      else if (nth === 2) response.writeHead(500).end();
      else if (nth === 3) response.destroy();
      else if (nth !== 4) return fair(question, nth, response);
      return undefined;
    };
    const judge = open({ concurrency: 1, timeoutMs: 200 });
    expect((await judge.scorePairs(three.slice(0, 1)))[0]).toMatchObject({ scoreA: 1, scoreB: 0 });
    expect(judge.counts()).toMatchObject({ asked: 2, retried: 4 });
  });

  test("gives up after the last attempt, and at once when it is refused", async () => {
    answer = (_question, _nth, response) => void response.writeHead(503).end("overloaded");
    await expect(open({ retries: 2 }).scorePairs(three.slice(0, 1))).rejects.toThrow(
      "answered 503: overloaded after 3 attempts",
    );
    answer = (_question, _nth, response) => void response.writeHead(401).end("no such key");
    await expect(open({ concurrency: 1, model: "refused" }).scorePairs(three)).rejects.toThrow(
      "answered 401: no such key after 1 attempt.",
    );
    expect(requests.filter(({ body }) => body.model === "refused")).toHaveLength(1);
    answer = (_question, _nth, response) => void response.end('{"choices": []}');
    await expect(open().scorePairs(three)).rejects.toThrow("answered without choices[0].message.content");
    answer = (_question, _nth, response) => void response.end("x".repeat(2 ** 23 + 1));
    await expect(open({ retries: 0 }).scorePairs(three)).rejects.toThrow("longer than 8388608 bytes");
  });

  test("sends its key in the header only, and never shows it", async () => {
    process.env.TEST_JUDGE_KEY = "sk-very-secret";
    try {
      answer = fair;
      const judge = open({ apiKeyEnv: "TEST_JUDGE_KEY" });
      await judge.scorePairs(three);
      expect(requests[0]!.headers.authorization).toBe("Bearer sk-very-secret");
      expect(JSON.stringify([judge.manifest, judge.counts(), requests[0]!.body])).not.toContain("secret");
      for (const name of await readdir(cache, { recursive: true }))
        if (name.endsWith(".json")) expect(await readFile(join(cache, name), "utf8")).not.toContain("secret");
      answer = (_question, _nth, response) => void response.writeHead(403).end("bad key sk-very-secret");
      await expect(open({ apiKeyEnv: "TEST_JUDGE_KEY", model: "x" }).scorePairs(three)).rejects.toThrow(
        "answered 403: bad key ***",
      );
      answer = (_question, _nth, response) =>
        void response.writeHead(307, { location: "http://127.0.0.1:9/steal" }).end();
      await expect(
        open({ apiKeyEnv: "TEST_JUDGE_KEY", model: "y", retries: 0 }).scorePairs(three),
      ).rejects.toThrow("cannot be reached");
    } finally {
      delete process.env.TEST_JUDGE_KEY;
    }
    expect(() => open({ apiKeyEnv: "TEST_JUDGE_KEY" })).toThrow("TEST_JUDGE_KEY is not set");
  });

  test("does not send a question that no endpoint would read", async () => {
    answer = fair;
    const huge = pair("1", "a".repeat(4 * 2 ** 20), "b");
    await expect(open().scorePairs([huge])).rejects.toThrow(
      "a question is too long, expected at most 4194304 bytes",
    );
    expect(requests).toHaveLength(0);
  });

  test("keeps no more requests on their way than allowed, and stops when asked to", async () => {
    answer = fair;
    const many = Array.from({ length: 20 }, (_, i) => pair(String(i), `good ${i}`, `bad ${i}`));
    await open({ concurrency: 3 }).scorePairs(many);
    expect(atOnce.most).toBe(3);
    const controller = new AbortController();
    answer = () => {
      controller.abort();
      return undefined;
    };
    await expect(open({ model: "z" }).scorePairs(three, controller.signal)).rejects.toThrow("interrupted");
  });

  test.each(["ftp://x", "http://user:pass@x", "http://x/v1?key=abc", "nonsense"])(
    "refuses the address %s without repeating it",
    (bad) => {
      expect(() => open({ url: bad })).toThrow("judge: url is wrong");
      expect(() => open({ url: bad })).not.toThrow(bad);
    },
  );
});
