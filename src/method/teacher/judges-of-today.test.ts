/** Chat endpoints as they are today: each refuses something, thinks, or answers in words of its own. Length: one server of this file plays them all. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ChatJudgeOptions, openChatJudge } from "./judge-chat.ts";
import { JUDGE_PROMPTS } from "./judge-prompts.ts";

type Body = Readonly<Record<string, unknown>> & {
  readonly messages: readonly { readonly content: string }[];
};
type Served = { readonly status?: number; readonly json: unknown };

let server: Server;
let url: string;
let cache: string;
let bodies: Body[];
let serve: (body: Body, firstIsGood: boolean) => Served;

beforeEach(async () => {
  bodies = [];
  cache = await mkdtemp(join(tmpdir(), "today-"));
  server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text) as Body;
    bodies.push(body);
    const { status = 200, json } = serve(
      body,
      body.messages[0]!.content.split("|")[1]?.includes("good") === true,
    );
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
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
    retries: 0,
    prompt: "{prompt}|{first}|{second}",
    ...options,
  });
const pairs = Array.from({ length: 6 }, (_, i) => ({
  id: `${i}`,
  prompt: `q${i}`,
  a: i % 2 ? "bad" : "good",
  b: i % 2 ? "good" : "bad",
}));
const reply = (content: string, more: object = {}, finish = "stop"): Served => ({
  json: {
    choices: [{ message: { role: "assistant", content, ...more }, finish_reason: finish }],
    usage: { prompt_tokens: 9, completion_tokens: 2 },
  },
});
const refusal = (param: string, message: string): Served => ({
  status: 400,
  json: { error: { message, type: "invalid_request_error", param, code: "unsupported_parameter" } },
});
const labels = async (options?: Partial<ChatJudgeOptions>) => {
  const judge = open(options);
  const scores = await judge.scorePairs(pairs);
  return { judge, sides: scores.map(({ scoreA }) => scoreA) };
};
const RIGHT = [1, 0, 1, 0, 1, 0];

test("max_completion_tokens is used where max_tokens is refused, and remembered", async () => {
  serve = (body, good) =>
    "max_tokens" in body
      ? refusal("max_tokens", "not supported; give max_completion_tokens")
      : reply(good ? "1" : "2");
  const { judge, sides } = await labels();
  expect(sides).toEqual(RIGHT);
  expect(judge.form()).toMatchObject({ limit: "max_completion_tokens", maxTokens: 16 });
  expect(judge.counts()).toMatchObject({ asked: 12, tokens: [108, 24] });
  expect(bodies).toHaveLength(13);
  // The next run knows, and asks nothing at all.
  await labels();
  expect(bodies).toHaveLength(13);
});

test("what is spent is told after every reply, by what the endpoint counts; kept replies cost nothing", async () => {
  serve = (_, good) => reply(good ? "1" : "2");
  const prices = { input: 1000, output: 10_000 };
  const heard: string[] = [];
  const judge = open({ prices });
  judge.watchSpending!((words) => heard.push(words));
  await judge.scorePairs(pairs);
  expect(heard).toHaveLength(12);
  expect(heard[0]).toBe("1 replies, 9 + 2 tokens, cost 0.03");
  // 108 tokens at 1,000 and 24 at 10,000 a million.
  expect(heard.at(-1)).toBe("12 replies, 108 + 24 tokens, cost 0.35");
  const again = open({ prices: undefined });
  again.watchSpending!((words) => heard.push(words));
  await again.scorePairs(pairs);
  expect(heard.at(-1)).toBe("0 replies, 0 + 0 tokens");
  expect(again.counts()).toMatchObject({ tokens: [0, 0], keptTokens: [108, 24], cached: 12 });
  // Prices are in no manifest: the scores are the same.
  expect(again.manifest).toEqual(judge.manifest);
});

test("a reply that calls it a tie counts half where the question allows it, and cannot be read where it asks for one of two", async () => {
  serve = () => reply("tie");
  const { sides } = await labels();
  expect(sides).toEqual(pairs.map(() => 0.5));
  await expect(labels({ ties: "refused" })).rejects.toThrow(
    /none of the first 8 replies could be read as a verdict: "tie", "tie", "tie"\./,
  );
  await expect(labels({ prompt: JUDGE_PROMPTS.llmbar })).rejects.toThrow("could be read as a verdict");
  const asked = await labels({ prompt: JUDGE_PROMPTS.llmbar, ties: "allowed" });
  expect(asked.sides).toEqual(sides);
  expect((await labels({ prompt: JUDGE_PROMPTS["mt-bench"] })).sides).toEqual(sides);
});

test("no temperature is sent where it is refused; one that was asked for is not dropped", async () => {
  serve = (body, good) =>
    body.temperature !== undefined && body.temperature !== 1
      ? refusal("temperature", "only the default (1) is supported")
      : reply(good ? "1" : "2");
  const { judge, sides } = await labels();
  expect(sides).toEqual(RIGHT);
  expect(judge.form()!.temperature).toBeNull();
  await expect(labels({ temperature: 0.2, model: "other" })).rejects.toThrow(
    /answered 400: .*only the default \(1\)/,
  );
});

test("servers that name the refused member in a sentence alone are understood", async () => {
  serve = (body, good) =>
    "logprobs" in body
      ? { status: 422, json: { detail: "extra fields not permitted: logprobs" } }
      : reply(good ? "1" : "2");
  const { judge, sides } = await labels();
  expect(sides).toEqual(RIGHT);
  expect(judge.form()).toMatchObject({ topLogprobs: null, limit: "max_tokens", temperature: 0 });
});

test("a judge that thinks gets room to finish", async () => {
  serve = (body, good) =>
    (body.max_tokens as number) < 512
      ? reply("", { reasoning_content: "Let me compare." }, "length")
      : reply(good ? "1" : "2", { reasoning_content: "…" });
  const { judge, sides } = await labels();
  expect(sides).toEqual(RIGHT);
  expect(judge.form()!.maxTokens).toBe(1024);
});

test("one whose thinking is longer than a set budget is said to think, with the settings that help", async () => {
  serve = () => reply("<think>Let me compare", {}, "length");
  await expect(labels({ maxTokens: 16, concurrency: 1 })).rejects.toThrow(
    /none of the first 8 replies.*cut while thinking.*still thinking when its budget ended.*max_tokens.*reasoning_effort/,
  );
  expect(bodies).toHaveLength(8);
});

test.each([
  "Both are on topic. [[%]]",
  "[[%L]]",
  '{"reason": "kinder", "winner": %}',
  "Answer: %",
  "Reasons.\n\nAnswer: %",
])("the form %j is read", async (form) => {
  serve = (_, good) => reply(form.replace("%L", good ? "A" : "B").replace("%", good ? "1" : "2"));
  expect((await labels()).sides).toEqual(RIGHT);
});

test("reasons that end beyond the first budget get a larger one; without a verdict they do not", async () => {
  serve = (body, good) =>
    (body.max_tokens as number) < 512
      ? reply("The first answer is", {}, "length")
      : reply(`Reasons. [[${good ? 1 : 2}]]`);
  const { judge, sides } = await labels();
  expect([sides, judge.form()!.maxTokens]).toEqual([RIGHT, 1024]);
  serve = () => reply("Words and words", {}, "length");
  const rambling = open({ model: "rambling", concurrency: 1 });
  await expect(rambling.scorePairs(pairs)).rejects.toThrow(/none of the first 8 replies.*--judge-verdict/);
  expect(rambling.form()!.maxTokens).toBe(16);
});

test("unreadable replies stop the work with three of them; a pattern reads them", async () => {
  serve = (_, good) => reply(`I would go with number ${good ? "one" : "two"}!`);
  await expect(labels({ concurrency: 1 })).rejects.toThrow(
    /none of the first 8 replies could be read as a verdict: "I would go with number one!", "I would go with number two!", "I would/,
  );
  expect(bodies).toHaveLength(8);
  // Kept replies are read again, and the rest is asked.
  expect((await labels({ verdict: "number (one|two)" })).sides).toEqual(RIGHT);
  expect(bodies).toHaveLength(12);
});

test("members of the body reach the endpoint, and are part of the question's identity", async () => {
  serve = (_, good) => reply(good ? "1" : "2");
  const body = { chat_template_kwargs: { enable_thinking: false }, reasoning_effort: "low" };
  await labels({ body });
  expect(bodies[0]).toMatchObject(body);
  await labels();
  expect(bodies).toHaveLength(24);
});

test("soft votes: a judge that always says first still has a margin", async () => {
  const place = (first: number) => ({
    token: "1",
    logprob: Math.log(first),
    top_logprobs: [
      { token: "1", logprob: Math.log(first) },
      { token: "2", logprob: Math.log(1 - first) },
    ],
  });
  serve = (body, good) => {
    const { json } = reply("1");
    const [choice] = (json as { choices: object[] }).choices;
    // It says "1" whatever stands there, and is surer when the better one does.
    const logprobs = { content: [place(good ? 0.9 : 0.6)] };
    return { json: { choices: [{ ...choice, ...("logprobs" in body ? { logprobs } : {}) }] } };
  };
  const { judge, sides } = await labels();
  // P(a) with a good: (0.9 + (1 - 0.6)) / 2.
  expect(sides[0]).toBeCloseTo(0.65, 9);
  expect(sides[1]).toBeCloseTo(0.35, 9);
  expect(judge.counts().votes).toEqual({ soft: 12, unsaid: 0, hard: 0 });
  const hard = await labels({ votes: "hard" });
  expect(hard.sides).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
});

/** A reply with what could have stood at its first token. */
const opening = (text: string, top: Readonly<Record<string, number>>): Served => {
  const { json } = reply(text, {}, "length");
  const [choice] = (json as { choices: object[] }).choices;
  const top_logprobs = Object.entries(top).map(([token, p]) => ({ token, logprob: Math.log(p) }));
  const content = [{ token: text.split(" ")[0]!, logprob: -1, top_logprobs }];
  return { json: { choices: [{ ...choice, logprobs: { content } }] } };
};
/** A small model that writes a sentence: "A" is an article there, and the digits stand far below it. */
const prose = (good: boolean) =>
  opening("A better answer is one that helps.", { A: 0.5, "1": good ? 0.06 : 0.04, "2": 0.02, The: 0.01 });

test("a reply that says no verdict is read at its first token where a digit alone was asked for, and the pair says so", async () => {
  const goodFirst = (body: Body) => body.messages[0]!.content.includes("1: good");
  serve = (body) => prose(goodFirst(body));
  const { judge, sides } = await labels({ prompt: JUDGE_PROMPTS["short"] });
  // P(1) is 6/8 with the good one first, 4/6 with the bad one: (3/4 + 1 - 2/3) / 2. The article votes for nobody.
  expect(sides[0]).toBeCloseTo(13 / 24, 9);
  expect(sides[1]).toBeCloseTo(11 / 24, 9);
  expect(judge.counts()).toMatchObject({ unreadable: 0, votes: { soft: 12, unsaid: 12, hard: 0 } });
  expect((await judge.scorePairs(pairs))[0]!.flags).toEqual(["position-flip", "unsaid-verdict"]);
  // Found readable with the first budget: no larger one was tried.
  expect(judge.form()!.maxTokens).toBe(16);
});

test("a sentence is not read at its first token where reasons come first, a pattern is given, or words alone count", async () => {
  serve = (body, good) => ("logprobs" in body ? prose(good) : reply("A better answer is one that helps."));
  const unread = /none of the first 8 replies could be read/;
  for (const options of [
    { votes: "hard", prompt: JUDGE_PROMPTS["short"] },
    { prompt: JUDGE_PROMPTS["rubric"], votes: "soft" },
    { prompt: JUDGE_PROMPTS["short"], verdict: "Verdict: ([12])" },
    {},
  ] as const)
    await expect(labels({ ...options, model: JSON.stringify(options) })).rejects.toThrow(unread);
  // A question of one's own is taken to ask for a digit where soft votes are asked for.
  expect((await labels({ votes: "soft" })).sides[0]).toBeCloseTo(13 / 24, 9);
  serve = () => opening("A better answer", { A: 0.5, The: 0.1 });
  await expect(labels({ votes: "soft", model: "no digits" })).rejects.toThrow(unread);
  serve = (_, good) => ({ ...prose(good) });
});

test("beside a digit that was said, an article among the alternatives is no vote", async () => {
  serve = (_, good) => opening("1", { "1": good ? 0.4 : 0.2, A: 0.3, "2": 0.2, Both: 0.05 });
  const { sides } = await labels();
  // (4/6 + 1 - 2/4) / 2: neither "A" nor, as no tie is said, "Both" moves it.
  expect(sides[0]).toBeCloseTo((0.425 / 0.65 + 1 - 0.225 / 0.45) / 2, 9);
});

test("twenty alternatives are asked for, and five where that is refused", async () => {
  const asked: unknown[] = [];
  serve = (body, good) => {
    asked.push(body["top_logprobs"]);
    return (body["top_logprobs"] as number) > 5
      ? refusal("top_logprobs", "must be at most 5")
      : opening(good ? "1" : "2", { "1": 0.5, "2": 0.4 });
  };
  const { judge } = await labels();
  expect([asked.slice(0, 3), judge.form()!.topLogprobs]).toEqual([[20, 5, 5], 5]);
});

test("soft votes that were asked for and are not given are no votes", async () => {
  serve = (_, good) => reply(good ? "1" : "2");
  const { judge, sides } = await labels({ votes: "soft" });
  expect(sides.every(Number.isNaN)).toBe(true);
  expect(judge.counts().votes).toEqual({ soft: 0, unsaid: 0, hard: 0 });
});

test("several samples are several replies, averaged; without a temperature they are refused", async () => {
  const said: number[] = [];
  serve = (_, good) => {
    said.push(1);
    // The first of every four replies is wrong.
    const right = said.length % 4 !== 1;
    return reply(good === right ? "1" : "2");
  };
  const judge = open({ samples: 4, temperature: 1, concurrency: 1 });
  const [score] = await judge.scorePairs(pairs.slice(0, 1));
  expect(score!.scoreA).toBe(0.75);
  expect(bodies).toHaveLength(8);
  await open({ samples: 4, temperature: 1 }).scorePairs(pairs.slice(0, 1));
  expect(bodies).toHaveLength(8);
  expect(() => open({ samples: 4 })).toThrow(
    /4 samples of the same question need a temperature above 0, got none/,
  );
});

test("kept files of another kind are named", async () => {
  serve = () => reply("1");
  await open().scorePairs(pairs.slice(0, 1));
  const names = (await readdir(cache, { recursive: true })).filter((name) => name.endsWith(".json"));
  expect(names.filter((name) => name.startsWith("form-"))).toHaveLength(1);
});
