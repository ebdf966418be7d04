import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ChatServer, serveTinyModel } from "../../../../test/helpers/chat-server.ts";
import { writeTinyFolder } from "../../../../test/helpers/tiny-folder.ts";
import { openRuntime, type Runtime } from "../../../engine/runtime/runtime.ts";
import { type Judge, openJudge } from "./judge.ts";
import { expectedRating } from "./local-model.ts";
import { judgeSpecSchema } from "./spec.ts";

let folder: string;
let runtime: Runtime;
let server: ChatServer;
let model: string;
let made = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "judges-"));
  runtime = openRuntime({ threads: 1 });
  model = await writeTinyFolder(folder, "judge", { seed: 5 });
  server = await serveTinyModel(runtime, model);
});
afterAll(async () => {
  await server.close();
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  server.fault = () => undefined;
  server.requests.length = 0;
});

const SHORT = {
  pairwise: "{prompt}|{first}|{second}",
  absolute: "{prompt}|{first}|{second}",
  rating: "{prompt}|{response}",
};
type Mode = keyof typeof SHORT;

const open = (
  spec: { mode: Mode } & Record<string, unknown>,
  cache = join(folder, `cache-${made++}`),
): Promise<Judge> =>
  openJudge({ runtime: () => runtime, cache }, judgeSpecSchema.parse({ prompt: SHORT[spec.mode], ...spec }));
const chat = async (mode: Mode, more: object = {}, cache?: string) =>
  open({ type: "chat", url: server.url, model: "tiny", mode, ...more }, cache);

const item = (a: string, b: string) => ({ prompt: "Which?", a, b });
const items = [item("good", "bad"), item("bad", "good"), item("same", "same")];

/** Replies of a judge that likes "good", by the places of the short question. */
const fair = (yes: (firstIsGood: boolean) => string) => (_: number, question: string) =>
  yes(question.split("|")[1]!.includes("good"));

describe("a chat judge of arms, over HTTP", () => {
  it("asks both orders of what differs and takes the votes", async () => {
    server.fault = fair((first) => (first ? "1" : "2"));
    const judge = await chat("pairwise");
    expect(await judge.judge(items)).toEqual([
      { votes: ["a", "a"] },
      { votes: ["b", "b"] },
      { votes: ["tie", "tie"], why: "identical" },
    ]);
    // Both orders of two pairs are the same two questions; the third is not asked.
    expect(server.requests.map(({ question }) => question).sort()).toEqual(
      expect.arrayContaining(["Which?|bad|good", "Which?|good|bad"]),
    );
    expect(server.requests.length).toBeLessThanOrEqual(4);
    expect(judge.facts()).toMatchObject({
      mode: "pairwise",
      versions: ["tiny-2026"],
      malformed: 0,
      prompt: SHORT.pairwise,
    });
  });

  it("counts the tokens of all replies, asked for or kept, and tells what was spent now", async () => {
    server.fault = fair((first) => (first ? "1" : "2"));
    const cache = join(folder, "paid");
    const told: [number, string][] = [];
    const spec = judgeSpecSchema.parse({
      ...{ type: "chat", url: server.url, model: "tiny", mode: "pairwise", prompt: SHORT.pairwise },
      prices: { input: 1, output: 1 },
    });
    const deps = {
      runtime: () => runtime,
      cache,
      heard: (n: number, spent: string) => void told.push([n, spent]),
    };
    const first = await openJudge(deps, spec);
    await first.judge(items);
    const { tokens } = first.facts();
    expect(tokens![0]).toBeGreaterThan(0);
    expect(told.at(-1)).toEqual([4, expect.stringMatching(/^\d replies, \d+ \+ \d+ tokens, cost /)]);
    const again = await openJudge(deps, spec);
    await again.judge(items);
    expect(again.facts()).toEqual(first.facts());
    expect(told.at(-1)).toEqual([4, "0 replies, 0 + 0 tokens, cost 0"]);
  });

  it("takes a tie for a verdict only where the question allows it", async () => {
    server.fault = () => "C";
    expect((await (await chat("pairwise")).judge(items.slice(0, 1)))[0]).toEqual({ votes: ["tie", "tie"] });
    expect((await (await chat("pairwise", { ties: "refused" })).judge(items.slice(0, 1)))[0]).toEqual({
      votes: [null, null],
      why: "malformed",
    });
  });

  it("shows who always likes the first", async () => {
    server.fault = () => "1";
    expect((await (await chat("pairwise")).judge(items.slice(0, 1)))[0]).toEqual({ votes: ["a", "b"] });
  });

  it("votes by probabilities where the endpoint gives them: who always likes the first still says which is better", async () => {
    server.fault = (_, question, response) => {
      const likely = Math.log(question.split("|")[1]!.includes("good") ? 0.9 : 0.6);
      const top = [
        { token: "1", logprob: likely },
        { token: "2", logprob: Math.log(1 - Math.exp(likely)) },
      ];
      const logprobs = { content: [{ token: "1", logprob: likely, top_logprobs: top }] };
      const choices = [{ message: { role: "assistant", content: "1" }, logprobs }];
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ model: "tiny-2026", choices }));
      return "handled";
    };
    const [verdict] = await (await chat("pairwise")).judge(items.slice(0, 1));
    expect(verdict!.votes).toEqual(["a", "b"]);
    expect(verdict!.shares![0]).toBeCloseTo(0.9, 9);
    expect(verdict!.shares![1]).toBeCloseTo(0.4, 9);
    const hard = await (await chat("pairwise", { votes: "hard" })).judge(items.slice(0, 1));
    expect(hard).toEqual([{ votes: ["a", "b"] }]);
  });

  it("averages several samples of each question", async () => {
    let nth = 0;
    // Every third reply is the other one.
    server.fault = (_, question) =>
      (nth++ % 3 === 2) === question.split("|")[1]!.includes("good") ? "2" : "1";
    const judge = await chat("pairwise", { samples: 3, temperature: 1, concurrency: 1 });
    const [verdict] = await judge.judge(items.slice(0, 1));
    expect(verdict!.votes).toEqual(["a", "a"]);
    expect(verdict!.shares!.map((share) => share.toFixed(3))).toEqual(["0.667", "0.667"]);
    expect(server.requests).toHaveLength(6);
  });

  it("refuses samples without a temperature, and settings of votes where ratings are read", async () => {
    await expect(chat("pairwise", { samples: 3 })).rejects.toThrow(
      /3 replies to the same question need a temperature/,
    );
    for (const more of [
      { votes: "soft" },
      { samples: 2, temperature: 1 },
      { ties: "refused" },
      { verdict: "(1|2)" },
    ])
      await expect(chat("rating", more)).rejects.toThrow(/has no effect on mode rating/);
  });

  it("rates side by side, means over the orders", async () => {
    // The first place gets a point more, "good" three.
    server.fault = fair((first) => (first ? "9 5\nThe first is better." : "6 8"));
    expect(await (await chat("absolute")).judge([items[0]!, item("good", "good indeed")])).toEqual([
      { votes: ["a", "a"], ratings: [8.5, 5.5] }, // a first 9 5, b first 6 8
      { votes: ["a", "b"], ratings: [7, 7] }, // "9 5" in both orders: turned
    ]);
  });

  it("rates responses alone, each once", async () => {
    server.fault = fair((good) => (good ? "9" : "4"));
    expect(await (await chat("rating")).judge([items[0]!, item("good", "worse")])).toEqual([
      { votes: ["a"], ratings: [9, 4] },
      { votes: ["a"], ratings: [9, 4] },
    ]);
    expect(server.requests).toHaveLength(3);
  });

  it("counts what a real model says that is no answer, and guesses nothing", async () => {
    // The tiny model's own words: bytes of an untrained network.
    for (const mode of ["pairwise", "absolute", "rating"] as const) {
      const judge = await chat(mode);
      const [verdict] = await judge.judge(items.slice(0, 1));
      expect(verdict!.why, mode).toBe("malformed");
      expect(verdict!.votes).toContain(null);
      expect(judge.facts().malformed, mode).toBe(2);
      expect(judge.facts().malformedExamples[0], mode).toBeTypeOf("string");
    }
    expect(server.requests.length).toBe(6);
  });

  it("outlives rate limits, resets and silence, and asks nothing twice", async () => {
    const cache = join(folder, "kept");
    const prefer = fair((first) => (first ? "1" : "2"));
    server.fault = (nth, question, response) => {
      if (nth === 1) response.writeHead(429, { "retry-after": "0" }).end("slow down");
      else if (nth === 2) response.destroy();
      else if (nth !== 3) return prefer(nth, question); // the third stays silent
      return "handled";
    };
    const settings = { timeoutMs: 150, concurrency: 1, retries: 6 };
    const judge = await chat("pairwise", settings, cache);
    expect(await judge.judge(items.slice(0, 1))).toEqual([{ votes: ["a", "a"] }]);
    expect(server.requests).toHaveLength(5);
    const again = await chat("pairwise", settings, cache);
    expect(await again.judge(items.slice(0, 1))).toEqual([{ votes: ["a", "a"] }]);
    expect(server.requests).toHaveLength(5);
    // Kept replies say who gave them.
    expect(again.facts().versions).toEqual(["tiny-2026"]);
  });

  it("stops when it is refused, keeping what it has", async () => {
    server.fault = (nth, question, response) => {
      if (nth === 1) return fair((first) => (first ? "1" : "2"))(nth, question);
      response.writeHead(401).end("no");
      return "handled";
    };
    const cache = join(folder, "refused");
    await expect((await chat("pairwise", { concurrency: 1 }, cache)).judge(items)).rejects.toThrow(/401/);
    server.fault = fair((first) => (first ? "1" : "2"));
    server.requests.length = 0;
    await (await chat("pairwise", { concurrency: 1 }, cache)).judge(items.slice(0, 1));
    expect(server.requests).toHaveLength(1);
  });
});

describe("a local judge of arms", () => {
  it("gives in both orders what it gives to the mirrored pair", async () => {
    const judge = await open({ type: "local", mode: "pairwise", model });
    const [one, other] = await judge.judge([item("good day", "bad"), item("bad", "good day")]);
    const turn = { a: "b", b: "a", tie: "tie" } as const;
    expect(other!.votes).toEqual([one!.votes[1], one!.votes[0]].map((vote) => turn[vote!]));
    await judge.close();
  });

  it("rates by the probabilities of 1 to 10, the same from the disk", async () => {
    const cache = join(folder, "ratings");
    const judge = await open({ type: "local", mode: "rating", model }, cache);
    const first = await judge.judge(items);
    for (const rating of first[0]!.ratings!) {
      expect(rating).toBeGreaterThan(1);
      expect(rating).toBeLessThan(10);
    }
    expect(first[0]!.ratings).toEqual(first[1]!.ratings!.toReversed());
    await judge.close();
    const again = await open({ type: "local", mode: "rating", model }, cache);
    expect(await again.judge(items)).toEqual(first);
    await again.close();
  });

  it("reads what the model writes; an untrained one writes no ratings", async () => {
    const judge = await open({ type: "local", mode: "absolute", model });
    expect((await judge.judge(items.slice(0, 1)))[0]).toEqual({ votes: [null, null], why: "malformed" });
    expect(judge.facts()).toMatchObject({ malformed: 2 });
    await judge.close();
  });

  it("has no opinion on what it cannot read whole", async () => {
    const long = item("x".repeat(600), "y");
    for (const mode of ["pairwise", "absolute", "rating"] as const) {
      const judge = await open({ type: "local", mode, model });
      expect((await judge.judge([long]))[0]!.why, mode).toBe("too-long");
      await judge.close();
    }
  });
});

describe("expectedRating", () => {
  it("is the mean of the ratings by their probabilities", () => {
    // "1" … "9" have one token each, "10" is the token of "1" and then another: P(1) = .3 of which .1 goes on to 10.
    const ids = [...Array.from({ length: 9 }, (_, i) => [i + 1]), [1, 0]];
    const p = [0.3, 0, 0, 0, 0.2, 0, 0, 0, 0, 0.1];
    // Own: 1 has .2, 5 has .2, 10 has .1: (.2 + 1 + 1) / .5
    expect(expectedRating(p.map(Math.log), ids)).toBeCloseTo(4.4, 12);
    // With a token of its own, 10 takes nothing from 1: (.3 + 1 + 1) / .6
    expect(expectedRating(p.map(Math.log), [...ids.slice(0, 9), [99]])).toBeCloseTo(2.3 / 0.6, 12);
  });
});
