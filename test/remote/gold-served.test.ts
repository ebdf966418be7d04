/** Served reward models as gold: this project's own server, whose scores must be the local ones, and servers with their mishaps. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GoldSpec, goldSpecSchema, openGoldScorer } from "../../src/method/evaluate/gold.ts";
import type { GoldItem } from "../../src/method/evaluate/gold-scorer.ts";
import { weakTeacher } from "../cli/spawn.ts";
import { writeTinyJob } from "../helpers/tiny-job.ts";
import { post, type ServedReward, serveTinyReward, tinyServer } from "../helpers/tiny-server.ts";

let opened: ServedReward;
let { runtime, folders, server, memory } = {} as ServedReward;
beforeAll(async () => {
  opened = await serveTinyReward();
  ({ runtime, folders, server, memory } = opened);
});
afterAll(() => opened.close());

const ITEMS: GoldItem[] = [
  { prompt: "Once there was", response: " a cat." },
  { prompt: [{ role: "user", content: "Hi" }], response: "Hello there, friend." },
  ...Array.from({ length: 11 }, (_, i) => ({ prompt: `p${i}`, response: "a".repeat(i + 1) })),
];

const served = (more: object = {}): GoldSpec =>
  goldSpecSchema.parse({
    ...{ type: "reward-server", url: server.url, model: "reward", tokenizer: folders.reward, maxLength: 256 },
    ...more,
  });

async function scores(
  spec: GoldSpec,
  items = ITEMS,
  where: string | undefined = undefined,
): Promise<number[]> {
  const scorer = await openGoldScorer({ runtime, memory: where }, spec);
  try {
    return await scorer.score(items);
  } finally {
    await scorer.close();
  }
}

describe("this project's own server", () => {
  test.each(["auto", "text"])(
    "gives the scores of the folder, read as %s, whatever shares a request",
    async (reads) => {
      const local = goldSpecSchema.parse({
        type: "reward-model",
        model: folders.reward,
        maxLength: 256,
        reads,
      });
      const [here, there] = [await scores(local), await scores(served({ reads }))];
      expect(new Set(here).size).toBe(ITEMS.length);
      expect(there).toEqual(here);
      expect(await scores(served({ reads, url: `${server.url}/v1/` }), ITEMS, memory)).toEqual(here);
    },
  );

  test("what does not fit stops the work, or is cut as a local model cuts it", async () => {
    const long = [{ prompt: "p".repeat(40), response: "r".repeat(300) }];
    await expect(scores(served({ reads: "text" }), long)).rejects.toThrow(
      /row 0 does not fit \(truncated_response\)/,
    );
    const cut = { tooLong: "truncate", reads: "text" };
    const local = goldSpecSchema.parse({
      type: "reward-model",
      model: folders.reward,
      maxLength: 256,
      ...cut,
    });
    expect(await scores(served(cut), long)).toEqual(await scores(local, long));
  });

  test("another name, too little room and a language model are told apart before anything is scored", async () => {
    await expect(scores(served({ model: "gold" }))).rejects.toThrow(
      `${server.url} does not serve gold, expected one of reward.`,
    );
    await expect(scores(served({ maxLength: 1000 }))).rejects.toThrow(
      "gold scorer reward: reward has room for 512 tokens, expected at least max_length 1000",
    );
    const words = await tinyServer(runtime, { model: folders.base });
    try {
      await expect(scores(served({ url: words.url, model: "base" }))).rejects.toThrow(
        /gives no scores of texts: \/pooling answered 400: .*has no reward head.*; \/classify answered 400/,
      );
    } finally {
      await words.close();
    }
    await expect(scores(served({ url: "http://127.0.0.1:9" }))).rejects.toThrow(/Is the server up\?/);
  });

  test("/pooling and /classify answer in vLLM's shapes, raw or through a sigmoid", async () => {
    const ask = async (path: string, more: object) =>
      (await post(`${server.url}${path}`, {
        model: "reward",
        input: ["Hello", [256, 72, 105]],
        ...more,
      })) as unknown as {
        status: number;
        json: { data: Record<string, unknown>[]; usage: object; error: { message: string } };
      };
    const raw = await ask("/pooling", { use_activation: false, task: "classify" });
    expect(raw.status).toBe(200);
    const [first, second] = raw.json.data.map(({ data }) => (data as number[])[0]!);
    expect(raw.json).toMatchObject({
      object: "list",
      data: [{ index: 0, object: "pooling" }, { index: 1 }],
      usage: { prompt_tokens: 9, total_tokens: 9 },
    });
    const active = await ask("/classify", {});
    expect(active.json.data).toEqual(
      [first!, second!].map((score, index) => ({
        ...{ index, label: "LABEL_0", num_classes: 1 },
        probs: [1 / (1 + Math.exp(-score))],
      })),
    );
    for (const [more, problem] of [
      [{ input: [[256]] }, "input.0: expected 2 to 512 tokens, got 1."],
      [{ input: [[256, 9999]] }, "input.0.1: expected a token id in [0, 264), got 9999."],
      [{ input: [] }, "input: expected 1 to"],
      [{ dimensions: 4 }, "dimensions: is not supported by this server and would change the result"],
      [{ task: "embed" }, "task: "],
    ] as const) {
      const reply = await ask("/pooling", more);
      expect(reply.status).toBe(400);
      expect(reply.json.error.message).toContain(problem);
    }
  });
});

/** A server that answers as vLLM documents it, with made-up scores; what it does can be changed while it runs. */
async function fake(): Promise<{ url: string; how: How; close(): void }> {
  const how: How = { paths: ["/pooling"], ignores: false, shift: 0, shape: (score) => [score] };
  const http = createServer(async (request, response) => {
    const send = (status: number, value: unknown) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    if (request.method === "GET") return send(200, { data: [{ id: "reward", max_model_len: 256 }] });
    let text = "";
    for await (const part of request) text += part;
    const { input, use_activation } = JSON.parse(text) as { input: number[][]; use_activation?: boolean };
    if (!how.paths.includes(request.url!)) return send(404, { detail: "Not Found" });
    const made = input.map((ids) => ids.reduce((sum, id) => (sum * 31 + id) % 997, 7) / 100 - 5 + how.shift);
    const given = made.map((raw) =>
      use_activation !== false || how.ignores ? 1 / (1 + Math.exp(-raw)) : raw,
    );
    const member = request.url === "/classify" ? "probs" : "data";
    // Out of order, as a server may.
    send(200, { data: given.map((score, index) => ({ index, [member]: how.shape(score) })).reverse() });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return { url, how, close: () => http.close() };
}
type How = { paths: string[]; ignores: boolean; shift: number; shape: (score: number) => unknown };

describe("servers that say what vLLM documents", () => {
  test("either path, numbers as lists or bare; never through an activation", async () => {
    const { url, how, close } = await fake();
    try {
      const pooled = await scores(served({ url }));
      expect(pooled.some((score) => score < 0)).toBe(true);
      Object.assign(how, { paths: ["/classify"] });
      expect(await scores(served({ url }))).toEqual(pooled);
      Object.assign(how, { shape: (score: number) => score });
      expect(await scores(served({ url }))).toEqual(pooled);
      Object.assign(how, { ignores: true });
      await expect(scores(served({ url }))).rejects.toThrow(
        /with and without use_activation, expected raw scores: .*--pooler-config/,
      );
      Object.assign(how, { ignores: false, shape: (score: number) => [score, score] });
      await expect(scores(served({ url }))).rejects.toThrow("3 scores, one number for each text");
      Object.assign(how, { paths: [] });
      await expect(scores(served({ url }))).rejects.toThrow(
        /\/pooling answered 404: .*; \/classify answered 404: .*--runner pooling/,
      );
    } finally {
      close();
    }
  });

  test("a model that was changed under us is met, while it is asked and between sessions", async () => {
    const { url, how, close } = await fake();
    const own = await mkdtemp(join(tmpdir(), "gold-canary-"));
    try {
      const scorer = await openGoldScorer({ runtime, memory: own }, served({ url }));
      await scorer.score(ITEMS);
      how.shift = 0.01; // rounding of half precision
      await scorer.score(ITEMS);
      how.shift = 1;
      await expect(scorer.score(ITEMS)).rejects.toThrow(
        "reward is not the model it was when this work began",
      );
      await expect(openGoldScorer({ runtime, memory: own }, served({ url }))).rejects.toThrow(
        "is not the model it was when its first scores were made",
      );
      expect(await readdir(own)).toHaveLength(1);
      await openGoldScorer({ runtime }, served({ url }));
    } finally {
      close();
      await rm(own, { recursive: true });
    }
  });
});

test("a run whose gold is served has the gold rewards of a run whose gold is a folder", async () => {
  const root = await mkdtemp(join(tmpdir(), "gold-run-"));
  const reward = join(root, "rm");
  const shared = (entry: string) =>
    `{ n_bootstrap: 100, max_new_tokens: 6, per_prompt: 1, gold: [${entry}] }`;
  const recipe = await writeTinyJob(
    root,
    shared(`{ type: reward-model, model: ${reward}, max_length: 128 }`),
  );
  const gold = await tinyServer(runtime, { model: reward });
  try {
    const run = async (out: string, ...more: string[]) => {
      const { code, stderr } = await weakTeacher(["run", recipe, "--out", join(root, out), ...more]);
      expect(code, stderr).toBe(0);
      return JSON.parse(await readFile(join(root, out, "report.json"), "utf8")) as {
        arms: { gold: unknown }[];
      };
    };
    const here = await run("here");
    const entry = `{ type: reward-server, name: reward-model, url: "${gold.url}", model: rm, tokenizer: ${reward}, max_length: 128 }`;
    const there = await run("there", "--set", `eval=${shared(entry)}`);
    expect(here.arms.length).toBe(3);
    expect(there.arms).toEqual(here.arms);
  } finally {
    await gold.close();
    await rm(root, { recursive: true });
  }
});

test("a gold server is asked before anything is computed: a wrong name stops the run, one that is not there yet is told", async () => {
  const root = await mkdtemp(join(tmpdir(), "gold-early-"));
  const reward = join(root, "rm");
  const entry = (url: string) =>
    `{ type: reward-server, url: "${url}", model: other, tokenizer: ${reward}, max_length: 128 }`;
  const recipe = await writeTinyJob(root, "{}");
  const gold = await tinyServer(runtime, { model: reward });
  const run = (name: string, url: string) => {
    const evaluation = `{ n_bootstrap: 100, max_new_tokens: 6, per_prompt: 1, gold: [${entry(url)}] }`;
    return weakTeacher(["run", recipe, "--out", join(root, name), "--set", `eval=${evaluation}`]);
  };
  try {
    const wrong = await run("wrong", gold.url);
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain("does not serve other, expected one of rm.");
    expect(wrong.stderr).not.toMatch(/^stage \S+: starts/m);
    const absent = await run("absent", "http://127.0.0.1:9");
    const [before, after] = [/Start it before responses are scored/, /^stage \S+: starts/m].map((words) =>
      absent.stderr.search(words),
    );
    expect(before, absent.stderr).toBeGreaterThanOrEqual(0);
    expect(before).toBeLessThan(after!);
    // It was not there when it was needed, either.
    expect(absent.code).not.toBe(0);
    expect(absent.stderr).toMatch(/Is the server up\?/);
  } finally {
    await gold.close();
    await rm(root, { recursive: true });
  }
});
