import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  post,
  type Reply,
  type TinyFolders,
  tinyServer,
  writeTinyFolders,
} from "../../../test/helpers/tiny-server.ts";
import { loadAdapter } from "../../engine/checkpoint/adapter-model.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { generate } from "../../engine/model/generate.ts";
import type { Model } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { openScorer } from "../../method/objective/score.ts";
import type { TeacherServer } from "./server.ts";

let runtime: Runtime;
let folders: TinyFolders;
let server: TeacherServer;
let model: Model;
let adapted: Model;
let tokenizer: Tokenizer;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  folders = await writeTinyFolders(runtime);
  const adapters = [{ name: "teacher", folder: folders.adapter }];
  server = await tinyServer(runtime, { model: folders.base, adapters, reference: folders.reference });
  model = await loadModel(runtime, folders.base, { id: "local" });
  adapted = await loadAdapter(
    runtime,
    await loadModel(runtime, folders.base, { id: "adapted" }),
    folders.adapter,
  );
  tokenizer = await loadTokenizer(folders.base);
});
afterAll(async () => {
  await server.close();
  await runtime.close();
  await folders.remove();
});

const ask = (body: object): Promise<Reply> => post(`${server.url}/v1/completions`, body);

/** log π of each id after the first, by the scorer itself. */
async function localLogps(of: Model, ids: readonly number[]): Promise<number[]> {
  const scorer = await openScorer(runtime, of, { perToken: true });
  const [score] = await scorer.score([{ prompt: ids.slice(0, 1), responses: [ids.slice(1)] }]);
  return [...score!.perToken![0]!];
}

type PromptLogprobs = (Record<string, { logprob: number; rank: number; decoded_token: string }> | null)[];
type Choice = {
  text: string;
  finish_reason: string;
  stop_reason: string | null;
  prompt_logprobs: PromptLogprobs;
  token_ids: number[];
  prompt_token_ids: number[];
  logprobs: {
    tokens: string[];
    token_logprobs: (number | null)[];
    top_logprobs: (Record<string, number> | null)[];
    text_offset: number[];
  };
};
const choicesOf = ({ json }: Reply) => json.choices as unknown as Choice[];

describe("prompt_logprobs", () => {
  test.each(["base", "teacher"])("of %s are the engine's own, by the id that was sent", async (name) => {
    const prompts = [
      [256, 72, 101, 108, 108, 111],
      [256, 72, 105],
    ];
    const reply = await ask({
      model: name,
      prompt: prompts,
      max_tokens: 1,
      temperature: 0,
      prompt_logprobs: 1,
      add_special_tokens: false,
      return_token_ids: true,
      seed: 0,
    });
    expect(reply.status).toBe(200);
    for (const [i, { prompt_logprobs, prompt_token_ids, token_ids }] of choicesOf(reply).entries()) {
      const expected = await localLogps(name === "base" ? model : adapted, prompts[i]!);
      expect(prompt_token_ids).toEqual(prompts[i]);
      expect(token_ids).toHaveLength(1);
      expect(prompt_logprobs[0]).toBeNull();
      expect(prompt_logprobs).toHaveLength(prompts[i]!.length);
      prompts[i]!.slice(1).forEach((id, t) => {
        const entry = prompt_logprobs[t + 1]!;
        const { logprob, rank, decoded_token } = entry[String(id)]!;
        expect(logprob).toBeCloseTo(expected[t]!, 5);
        expect(decoded_token).toBe(String.fromCodePoint(id));
        // The best token is there too, and is the one at hand exactly when its rank is 1.
        expect(Object.keys(entry)).toHaveLength(rank === 1 ? 1 : 2);
        expect(Object.values(entry).map((other) => other.rank)).toContain(1);
        for (const other of Object.values(entry))
          expect(other.logprob).toBeLessThanOrEqual(Object.values(entry).find((x) => x.rank === 1)!.logprob);
      });
    }
    expect(reply.json.usage).toEqual({ prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 });
  });

  test("an adapter is not its base", async () => {
    const [base, teacher] = await Promise.all(
      ["base", "teacher"].map(
        async (name) =>
          choicesOf(await ask({ model: name, prompt: "Hello", max_tokens: 0, prompt_logprobs: 0 }))[0]!
            .prompt_logprobs,
      ),
    );
    expect(base).not.toEqual(teacher);
    expect(base).toHaveLength(6); // BOS and five bytes
  });
});

describe("echo", () => {
  test("gives the prompt's log-probabilities in OpenAI's form", async () => {
    const [choice] = choicesOf(await ask({ prompt: "Hello", echo: true, max_tokens: 0, logprobs: 2 }));
    const ids = [256, ...new TextEncoder().encode("Hello")];
    const expected = await localLogps(model, ids);
    const { tokens, token_logprobs, top_logprobs, text_offset } = choice!.logprobs;
    expect(choice).toMatchObject({ text: "Hello", finish_reason: "length", prompt_logprobs: null });
    expect(tokens).toEqual(["<s>", "H", "e", "l", "l", "o"]);
    expect(text_offset).toEqual([0, 3, 4, 5, 6, 7]);
    expect(token_logprobs[0]).toBeNull();
    expect(top_logprobs[0]).toBeNull();
    token_logprobs.slice(1).forEach((logp, i) => {
      expect(logp).toBeCloseTo(expected[i]!, 5);
      expect(top_logprobs[i + 1]![tokens[i + 1]!]).toBe(logp);
    });
  });

  test("tokens may be told by id, and the written ones follow the prompt's", async () => {
    const body = {
      prompt: [256, 72],
      echo: true,
      max_tokens: 2,
      temperature: 0,
      logprobs: 0,
      return_tokens_as_token_ids: true,
      return_token_ids: true,
      ignore_eos: true,
    };
    const [choice] = choicesOf(await ask(body));
    const whole = [256, 72, ...choice!.token_ids];
    expect(choice!.logprobs.tokens).toEqual(whole.map((id) => `token_id:${id}`));
    const expected = await localLogps(model, whole);
    choice!.logprobs.token_logprobs.slice(1).forEach((logp, i) => {
      expect(logp).toBeCloseTo(expected[i]!, 5);
    });
  });
});

describe("texts", () => {
  test("greedy texts are the engine's own, whatever shares their run", async () => {
    const prompts = ["Once there was", "He said", "x"];
    const local = await generate(
      runtime,
      model,
      prompts.map((text) => [256, ...tokenizer.encode(text)]),
      { temperature: 0, maxNewTokens: 6, eosIds: tokenizer.eosIds, seed: 0 },
    );
    const together = choicesOf(
      await ask({ prompt: prompts, temperature: 0, max_tokens: 6, return_token_ids: true }),
    );
    expect(together.map(({ token_ids }) => token_ids)).toEqual(local.map(({ ids }) => ids));
    const apart = await Promise.all(
      prompts.map((prompt) => ask({ prompt, temperature: 0, max_tokens: 6, return_token_ids: true })),
    );
    expect(apart.map((reply) => choicesOf(reply)[0]!.token_ids)).toEqual(local.map(({ ids }) => ids));
  });

  test("a seed repeats a sampled text, no seed does not", async () => {
    const sample = async (seed?: number) =>
      choicesOf(
        await ask({
          prompt: "Once",
          max_tokens: 12,
          temperature: 1,
          top_p: 0.9,
          seed,
          return_token_ids: true,
        }),
      )[0]!.token_ids;
    const first = await sample(7);
    expect(await sample(7)).toEqual(first);
    expect(await sample(8)).not.toEqual(first);
    expect(await sample()).not.toEqual(await sample());
  });

  test("end at a stop string, which is not part of them", async () => {
    const free = choicesOf(await ask({ prompt: "abc", temperature: 0, max_tokens: 8, ignore_eos: true }))[0]!
      .text;
    const stop = free.slice(2, 4);
    const [choice] = choicesOf(
      await ask({ prompt: "abc", temperature: 0, max_tokens: 8, ignore_eos: true, stop: [stop, "never"] }),
    );
    expect(choice).toMatchObject({
      text: free.slice(0, free.indexOf(stop)),
      finish_reason: "stop",
      stop_reason: stop,
    });
  });

  test("chats follow the model's template, with log-probabilities of what was written", async () => {
    const messages = [{ role: "user", content: [{ type: "text", text: "Which?" }] }];
    const { status, json } = await post(`${server.url}/v1/chat/completions`, {
      messages,
      temperature: 0,
      max_tokens: 4,
      logprobs: true,
      top_logprobs: 2,
      return_token_ids: true,
      ignore_eos: true,
    });
    expect(status).toBe(200);
    const prompt = tokenizer.encode("user: Which?\nassistant: ");
    expect(json.prompt_token_ids).toEqual(prompt);
    const [choice] = json.choices as unknown as [
      {
        message: object;
        token_ids: number[];
        finish_reason: string;
        logprobs: { content: { logprob: number; top_logprobs: { logprob: number }[]; bytes: number[] }[] };
      },
    ];
    const [local] = await generate(runtime, model, [prompt], {
      temperature: 0,
      maxNewTokens: 4,
      eosIds: [],
      seed: 0,
    });
    expect(choice.token_ids).toEqual(local!.ids);
    expect(choice).toMatchObject({
      finish_reason: "length",
      message: { role: "assistant", content: tokenizer.decodeAfter(prompt, local!.ids) },
    });
    const logps = (await localLogps(model, [...prompt, ...local!.ids])).slice(-4);
    choice.logprobs.content.forEach(({ logprob, top_logprobs }, i) => {
      expect(logprob).toBeCloseTo(logps[i]!, 5);
      // Greedy: what was written is the best of the two.
      expect(top_logprobs[0]!.logprob).toBe(logprob);
      expect(top_logprobs).toHaveLength(2);
    });
    expect(json.usage).toEqual({
      prompt_tokens: prompt.length,
      completion_tokens: 4,
      total_tokens: prompt.length + 4,
    });
  });
});
