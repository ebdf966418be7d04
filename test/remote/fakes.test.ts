/** Remote teachers against servers that speak the protocols with made-up numbers, and against their mishaps. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { loadTokenizer, type Tokenizer } from "../../src/engine/text/tokenizer.ts";
import type { CandidatePair } from "../../src/method/data/rows.ts";
import { encodePairs } from "../../src/method/teacher/encode.ts";
import {
  openRemoteTeacher,
  type RemoteTeacherOptions,
} from "../../src/method/teacher/remote/remote-teacher.ts";
import { type FakeKind, type FakeServer, fakeServer, fakeSum } from "../helpers/fake-servers.ts";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";

const limits = { maxLength: 96, maxPromptLength: 48 };
const pairs: CandidatePair[] = [
  { id: "1", prompt: "Once there was", a: " a cat.", b: " a dog who sang." },
  { id: "2", prompt: "He said", a: " no.", b: " yes!" },
  { id: "3", prompt: "x", a: " one", b: " one" },
  ...Array.from({ length: 20 }, (_, i) => ({ id: `m${i}`, prompt: `p${i}`, a: "a".repeat(i), b: `b${i}` })),
];

let root: string;
let folder: string;
let tokenizer: Tokenizer;
let fakes: FakeServer[] = [];
let opened = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "remote-"));
  folder = await writeTinyFolder(root, "model", { seed: 1 });
  tokenizer = await loadTokenizer(folder);
});
afterEach(async () => {
  await Promise.all(fakes.map((fake) => fake.close()));
  fakes = [];
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function fakeOf(kind: FakeKind): Promise<FakeServer> {
  const fake = await fakeServer(kind);
  fakes.push(fake);
  return fake;
}

const open = ({ url }: { url: string }, options: Partial<RemoteTeacherOptions> = {}) =>
  openRemoteTeacher({
    url,
    model: "teacher",
    reference: "base",
    tokenizer: folder,
    limits,
    backoffMs: 1,
    retries: 3,
    memory: join(root, `memory-${opened++}`),
    ...options,
  });

/** What the scores must be, by the fake's own arithmetic over locally encoded ids. */
function expected(policy: string, reference: string | undefined, beta: number): [number, number][] {
  return encodePairs(tokenizer, pairs, limits).map(({ prompt, a, b }) => {
    const score = (ids: readonly number[]) => {
      const whole = [...prompt, ...ids];
      const own = fakeSum(policy, whole, prompt.length);
      return reference === undefined ? own : beta * (own - fakeSum(reference, whole, prompt.length));
    };
    return [score(a), score(b)];
  });
}

describe.each(["vllm", "sglang", "echo"] as const)("behind %s", (kind) => {
  test("scores are β times the log-ratio, summed over the response's tokens", async () => {
    const fake = await fakeOf(kind);
    const teacher = await open(fake, { beta: 0.5 });
    const scores = await teacher.scorePairs(pairs);
    expected("teacher1", "base1", 0.5).forEach(([a, b], i) => {
      expect(scores[i]!.scoreA).toBeCloseTo(a, 9);
      expect(scores[i]!.scoreB).toBeCloseTo(b, 9);
    });
    expect(scores[2]!.scoreA).toBe(scores[2]!.scoreB);
    expect(teacher.manifest).toMatchObject({
      kind: "remote",
      beta: 0.5,
      limits,
      tokenizer: tokenizer.digest,
      settings: {
        server: kind === "echo" ? "openai-echo" : kind,
        version: kind === "vllm" ? "0.11.2" : null,
        model: "teacher",
        reference: "base",
      },
    });
    expect(JSON.stringify(teacher.manifest)).not.toContain("127.0.0.1");
  });

  test("without a reference they are likelihoods, and a path that ends in /v1 is the same server", async () => {
    const fake = await fakeOf(kind);
    const teacher = await open({ url: `${fake.url}/v1/` }, { reference: undefined, model: "base" });
    const scores = await teacher.scorePairs(pairs);
    expected("base1", undefined, 1).forEach(([a], i) => {
      expect(scores[i]!.scoreA).toBeCloseTo(a, 9);
      expect(scores[i]!.parts!["policy"]![0]).toBe(scores[i]!.scoreA);
    });
  });

  test("numbers that are missing, of another sign or of another token are refused", async () => {
    const fake = await fakeOf(kind);
    const spoilers: Record<typeof kind, [string, (answer: never) => unknown, RegExp][]> = {
      vllm: [
        [
          "no scores",
          (answer: { choices: object[] }) => ({
            choices: answer.choices.map((c) => ({ ...c, prompt_logprobs: null })),
          }),
          /no prompt_logprobs: the server does not score given text/,
        ],
        [
          "other ids",
          (answer: { choices: { prompt_logprobs: object[] }[] }) => ({
            choices: answer.choices.map((c) => ({
              ...c,
              prompt_logprobs: c.prompt_logprobs.map(() => ({ 3: { logprob: -1 } })),
            })),
          }),
          /the ids are not those sent/,
        ],
        [
          "echo of others",
          (answer: { choices: object[] }) => ({
            choices: answer.choices.map((c) => ({ ...c, prompt_token_ids: [1, 2] })),
          }),
          /other tokens than were sent/,
        ],
        [
          "one short",
          (answer: { choices: { prompt_logprobs: object[] }[] }) => ({
            choices: answer.choices.map((c) => ({ ...c, prompt_logprobs: c.prompt_logprobs.slice(1) })),
          }),
          /5 prompt_logprobs, expected 6/,
        ],
        ["fewer texts", () => ({ choices: [] }), /0 choices, expected 1/],
      ],
      sglang: [
        ["no scores", (answer: object[]) => answer.map(() => ({ meta_info: {} })), /no input_token_logprobs/],
        [
          "null",
          (answer: { meta_info: { input_token_logprobs: unknown[][] } }[]) =>
            answer.map(({ meta_info: { input_token_logprobs: list } }) => ({
              meta_info: { input_token_logprobs: list.map(([, id]) => [null, id, null]) },
            })),
          /log-probability null at place 1/,
        ],
        [
          "other ids",
          (answer: { meta_info: { input_token_logprobs: unknown[][] } }[]) =>
            answer.map(({ meta_info: { input_token_logprobs: list } }) => ({
              meta_info: { input_token_logprobs: list.map(([logp]) => [logp, 7, null]) },
            })),
          /other tokens than were sent/,
        ],
      ],
      echo: [
        [
          "no scores",
          (answer: { choices: object[] }) => ({
            choices: answer.choices.map((c) => ({ ...c, logprobs: null })),
          }),
          /no logprobs of the echoed prompt/,
        ],
        [
          "above 0",
          (answer: { choices: { logprobs: { tokens: [] } }[] }) => ({
            choices: answer.choices.map((c) => ({
              ...c,
              logprobs: { ...c.logprobs, token_logprobs: c.logprobs.tokens.map(() => 0.5) },
            })),
          }),
          /log-probability 0.5 at place 1, expected a finite number of at most 0/,
        ],
        [
          "other ids",
          (answer: { choices: { logprobs: { tokens: string[] } }[] }) => ({
            choices: answer.choices.map((c) => ({
              ...c,
              logprobs: { ...c.logprobs, tokens: c.logprobs.tokens.map(() => "token_id:9") },
            })),
          }),
          /other tokens than were sent/,
        ],
      ],
    };
    for (const [, spoil, message] of spoilers[kind]) {
      fake.spoil = spoil;
      await expect(open(fake)).rejects.toThrow(message);
      await expect(open(fake)).rejects.toThrow(/failed the probe as a/);
    }
  });
});

describe("servers that cannot score given text", () => {
  test.each([
    [
      "ollama",
      "is a Ollama server, which cannot score given text: it gives log-probabilities of generated tokens only",
    ],
    ["llama.cpp", "ggml-org/llama.cpp#27174"],
    ["tgi", "is a TGI server"],
  ] as const)("%s is refused with that reason", async (kind, message) => {
    const fake = await fakeOf(kind);
    await expect(open(fake)).rejects.toThrow(message);
    await expect(open(fake, { server: "vllm" })).rejects.toThrow(
      "Serve the model with vLLM, SGLang or `weak-teacher serve`",
    );
    expect(fake.requests).toHaveLength(0);
  });

  test("an answer that changes from call to call fails the probe", async () => {
    const fake = await fakeOf("vllm");
    fake.mishap = (nth) => {
      fake.weights = String(nth);
      return false;
    };
    await expect(open(fake)).rejects.toThrow("asked twice, its numbers differ by");
  });
});

describe("mishaps", () => {
  test("busy, broken, silent and cut-off answers are asked for again", async () => {
    const fake = await fakeOf("vllm");
    const teacher = await open(fake, { timeoutMs: 200 });
    const right = await teacher.scorePairs(pairs);
    const from = fake.requests.length;
    fake.mishap = (nth, response) => {
      if (nth === from + 1) response.writeHead(429, { "retry-after": "0" }).end("busy");
      else if (nth === from + 2) response.writeHead(500).end();
      else if (nth === from + 3) response.destroy();
      else if (nth === from + 4) response.end('{"choices": [{"prompt_logp');
      else if (nth === from + 5) response.end('{"choices": [{"prompt_logprobs": [null, NaN]}]}');
      // And one that is never answered.
      return nth <= from + 6;
    };
    expect(await teacher.scorePairs(pairs)).toEqual(right);
  });

  test("no answer at all, a refusal, and an interruption end the work with their reason", async () => {
    const fake = await fakeOf("vllm");
    const teacher = await open(fake);
    fake.mishap = (_, response) => {
      response.writeHead(503).end("down");
      return true;
    };
    await expect(teacher.scorePairs(pairs)).rejects.toThrow(
      "answered 503: down after 4 attempts. What was done so far is kept",
    );
    fake.mishap = (_, response) => {
      response.writeHead(400).end("max_model_len");
      return true;
    };
    await expect(teacher.scorePairs(pairs)).rejects.toThrow("answered 400: max_model_len after 1 attempt");
    const controller = new AbortController();
    fake.mishap = () => {
      controller.abort();
      return true;
    };
    await expect(teacher.scorePairs(pairs, controller.signal)).rejects.toThrow("interrupted");
    await expect(open({ url: "http://127.0.0.1:9" }, { retries: 0 })).rejects.toThrow("cannot be reached");
  });

  test("a model that changed while it scored, or between two sessions, is noticed", async () => {
    const fake = await fakeOf("vllm");
    const memory = join(root, "canaries");
    const teacher = await open(fake, { memory });
    await teacher.scorePairs(pairs);
    fake.mishap = (nth) => {
      if (nth > 20) fake.weights = "2";
      return false;
    };
    await expect(teacher.scorePairs(pairs)).rejects.toThrow(
      "teacher is not the model it was when this labelling began",
    );
    await expect(open(fake, { memory })).rejects.toThrow("when its first scores were made");
    // Rounding is no change.
    fake.weights = "1";
    fake.mishap = () => false;
    fake.spoil = (answer: {
      choices: { prompt_logprobs: (Record<string, { logprob: number }> | null)[] }[];
    }) => {
      for (const entry of answer.choices.flatMap((choice) => choice.prompt_logprobs))
        for (const token of Object.values(entry ?? {})) token.logprob -= 1e-4;
      return answer;
    };
    await open(fake, { memory });
    // Other models in the same place have a song of their own.
    await open(fake, { memory, reference: undefined, model: "base" });
    expect(await readdir(memory)).toHaveLength(2);
  });

  test("the key goes into the header and nowhere else", async () => {
    const fake = await fakeOf("vllm");
    process.env.TEST_REMOTE_KEY = "sk-very-secret";
    try {
      const teacher = await open(fake, { apiKeyEnv: "TEST_REMOTE_KEY" });
      expect(JSON.stringify([teacher.manifest, fake.requests])).not.toContain("secret");
      fake.mishap = (_, response) => {
        response.writeHead(403).end("bad key sk-very-secret");
        return true;
      };
      const refused = teacher.scorePairs(pairs);
      await expect(refused).rejects.toThrow("bad key ***");
    } finally {
      delete process.env.TEST_REMOTE_KEY;
    }
  });
});

test("options that do not fit are refused", async () => {
  const fake = await fakeOf("vllm");
  await expect(open(fake, { model: "base" })).rejects.toThrow("policy and reference are both base");
  await expect(open(fake, { reference: undefined, beta: 1 })).rejects.toThrow(
    "beta has no effect without a reference",
  );
  await expect(open(fake, { beta: -1 })).rejects.toThrow("expected above 0, got -1");
  await expect(open(fake, { model: "other" })).rejects.toThrow(
    "does not serve other, expected one of base, teacher",
  );
  // 200 positions, one of them for the token that vLLM writes.
  await expect(open(fake, { limits: { maxLength: 200, maxPromptLength: 50 } })).rejects.toThrow(
    "has room for 199 tokens",
  );
  await expect(open(fake, { url: "http://user:pass@x" })).rejects.toThrow("remote teacher: url is wrong");
});
