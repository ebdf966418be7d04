/**
 * Responses sampled by a server of completions: vLLM, SGLang's OpenAI paths, this project's `serve` (asked with token ids), or
 * `transformers serve` (asked with text). Its model must be the one that lies here: what it writes greedily is held against that model first.
 */
import { z } from "zod";
import { sha256 } from "../../base/core/digest.ts";
import { AlignError } from "../../base/core/errors.ts";
import { type HttpClient, openHttp } from "../../base/core/http.ts";
import { inParallel } from "../../base/core/parallel.ts";
import { serverAt } from "../../base/settings/server.ts";
import { generate } from "../../engine/model/generate.ts";
import type { Model } from "../../engine/model/model.ts";
import { encodePrompt } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import { promptId, type Text } from "../data/rows.ts";
import { openScorer } from "../objective/score.ts";
import type { EvaluateDeps, Sample, SamplingSettings } from "./simulate.ts";

const served = serverAt(
  "A server that is there, in place of start; it must take the model's name when it is asked.",
);

/** Where responses are sampled: by a server that is started for the stage, or one that is there. */
export const generateServerSchema = z
  .strictObject({
    start: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        "Command that starts a server of completions for the stage, as [vllm, serve, '{model}', --port, '{port}']; it is ended after. {model} is the student's folder.",
      ),
    ...served,
    url: served.url.optional(),
    model: z
      .string()
      .min(1)
      .default("{model}")
      .describe("Name of the model at the server; {model} is its folder."),
    startTimeoutSeconds: z
      .number()
      .positive()
      .optional()
      .describe("Longest wait for a server that is started, default 900; only with start."),
  })
  .refine(({ start, url }) => (start === undefined) !== (url === undefined), {
    path: ["start"],
    message: "expected either start or url.",
  })
  .refine(({ url, startTimeoutSeconds }) => url === undefined || startTimeoutSeconds === undefined, {
    path: ["startTimeoutSeconds"],
    message: "has no effect with url. Leave it out.",
  });

/** Settings of a server that samples. */
export type GenerateServer = z.output<typeof generateServerSchema>;

/** A server, and the name that it knows the model by. */
export type ServedModelAt = Pick<GenerateServer, "concurrency" | "apiKeyEnv"> & {
  readonly url: string;
  readonly name: string;
};

const MAX_REPLY_BYTES = 16 * 2 ** 20;

/**
 * Samples responses. Each has a seed of its own, drawn from the settings' seed, its prompt's text and its number; whether the server repeats
 * itself with it is the server's affair.
 * @param at.model - as it lies here, to be held against the server's
 * @throws AlignError "remote" when the server writes otherwise than the model here, reads other tokens, or answers in another shape
 */
export async function sampleFromServer(
  deps: EvaluateDeps,
  at: ServedModelAt,
  { model, tokenizer }: { readonly model: Model; readonly tokenizer: Tokenizer },
  prompts: readonly Text[],
  settings: SamplingSettings,
): Promise<Sample[]> {
  const signal = deps.signal ?? new AbortController().signal;
  const url = at.url.replace(/\/+$/, "").replace(/\/v1$/, "");
  const http = openHttp("eval.generate", { ...at, url, timeoutMs: 600_000 }, MAX_REPLY_BYTES);
  const room = Math.max(1, model.decoder.config.maxPositions - settings.maxNewTokens);
  const longest = Math.min(settings.maxPromptLength ?? room, room);
  const encoded = prompts.map((prompt) => encodePrompt(tokenizer, prompt, longest));
  const ask = await findForm(http, at.name, tokenizer, encoded[0]?.prompt ?? [], signal);
  await checkModel(
    deps,
    { model, tokenizer },
    ask,
    encoded.slice(0, PROBED).map(({ prompt }) => prompt),
    signal,
  );
  const asked = prompts.flatMap((prompt, index) =>
    Array.from({ length: settings.perPrompt ?? 1 }, (_, sample) => ({ index, sample, id: promptId(prompt) })),
  );
  const progress = deps.log?.progress("generate", asked.length, "responses");
  let done = 0;
  const samples = await inParallel(
    asked,
    http.concurrency,
    async ({ index, sample, id }, stop): Promise<Sample> => {
      const { prompt: promptIds, flags } = encoded[index]!;
      const seed = Number.parseInt(sha256(`${settings.seed}/${id}/${sample}`).slice(0, 7), 16);
      const written = await ask({ promptIds, ...settings, seed }, stop);
      progress?.update(++done);
      return { index, sample, promptIds, ...written, promptTruncated: flags.includes("truncated_prompt") };
    },
    signal,
  );
  progress?.end();
  return samples;
}

type Question = Pick<SamplingSettings, "temperature" | "topK" | "topP" | "stop" | "maxNewTokens" | "seed"> & {
  readonly promptIds: readonly number[];
};
type Written = Pick<Sample, "ids" | "text" | "finish">;
type AskServer = (question: Question, signal: AbortSignal) => Promise<Written>;

/** One way to ask: what is sent, and whether a reply says its ids. */
type Form = { body(name: string, question: Question, tokenizer: Tokenizer): object };

/** vLLM's fields; what the model's own generation_config.json says is overruled, for it would change what is measured. */
const BY_IDS: Form = {
  body: (model, { promptIds, temperature, topP, topK, stop, maxNewTokens, seed }) => ({
    ...{ model, prompt: promptIds, max_tokens: maxNewTokens, temperature, seed, n: 1 },
    ...{ top_p: topP ?? 1, top_k: topK ?? 0, min_p: 0, repetition_penalty: 1 },
    ...(stop === undefined || stop.length === 0 ? {} : { stop }),
    ...{ return_token_ids: true, skip_special_tokens: true },
  }),
};

/**
 * `transformers serve` takes text, refuses fields that it does not know, and samples only where a generation config says so: temperature alone
 * leaves it greedy. So it is given a whole one.
 */
const byText = (textOf: (tokenizer: Tokenizer, ids: readonly number[]) => string): Form => ({
  body: (model, { promptIds, temperature, topP, topK, stop, maxNewTokens, seed }, tokenizer) => ({
    ...{ model, prompt: textOf(tokenizer, promptIds), seed },
    generation_config: JSON.stringify({
      max_new_tokens: maxNewTokens,
      ...(temperature === 0
        ? { do_sample: false }
        : { do_sample: true, temperature, top_p: topP ?? 1, top_k: topK ?? 0 }),
      eos_token_id: tokenizer.eosIds,
      pad_token_id: tokenizer.eosIds[0],
      ...(stop === undefined || stop.length === 0 ? {} : { stop_strings: stop }),
    }),
  }),
});

/** Whether a server puts BOS before a text, or reads it only where it is spelled, is tried. */
const FORMS = [
  BY_IDS,
  byText((tokenizer, ids) =>
    tokenizer.decode(ids[0] === tokenizer.bosId ? ids.slice(1) : ids, { skipSpecial: false }),
  ),
  byText((tokenizer, ids) => tokenizer.decode(ids, { skipSpecial: false })),
];

/** The form that the server takes. @throws AlignError "remote" with what it said to each */
async function findForm(
  http: HttpClient,
  name: string,
  tokenizer: Tokenizer,
  promptIds: readonly number[],
  signal: AbortSignal,
): Promise<AskServer> {
  const probe: Question = { promptIds, temperature: 0, maxNewTokens: 1, seed: 0 };
  const problems: string[] = [];
  for (const form of FORMS) {
    const ask: AskServer = (question, stop) =>
      http.ask({
        path: "/v1/completions",
        body: form.body(name, question, tokenizer),
        read: (value) => written(http.url, value, question, tokenizer),
        expected: "one completion with usage",
        signal: stop,
      });
    const { status, text } = await http.look("/v1/completions", signal, form.body(name, probe, tokenizer));
    if (status !== 200) problems.push(status === 0 ? text : `${status}: ${text.slice(0, 300)}`);
    else {
      const problem = await ask(probe, signal).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (problem === undefined) return ask;
      if (!(problem instanceof AlignError)) throw problem;
      problems.push(problem.message.replace(`${http.url}: `, ""));
    }
  }
  throw new AlignError(
    "remote",
    `${http.url}: takes no completion of ${name}: asked with token ids: ${problems[0]}; with text: ${problems[1]}; with text and its first token spelled: ${problems[2]}`,
  );
}

/** What was written. @throws AlignError "remote" when the server read another prompt than was meant */
function written(
  url: string,
  value: unknown,
  { promptIds, stop = [], maxNewTokens }: Question,
  tokenizer: Tokenizer,
): Written | undefined {
  const { choices, usage } = (value ?? {}) as { choices?: unknown; usage?: { prompt_tokens?: unknown } };
  if (!Array.isArray(choices) || choices.length !== 1) return undefined;
  const {
    text,
    finish_reason: reason,
    stop_reason: why,
    token_ids: ids,
  } = choices[0] as Readonly<Record<string, unknown>>;
  if (typeof text !== "string") return undefined;
  if (usage?.prompt_tokens !== promptIds.length)
    throw new AlignError(
      "remote",
      `${url}: read a prompt of ${String(usage?.prompt_tokens)} tokens, expected the ${promptIds.length} that it has here. The server's tokenizer, or what it puts before a text, is another.`,
    );
  const cut = stop.map((word) => text.indexOf(word)).filter((place) => place >= 0);
  const shown = cut.length === 0 ? text : text.slice(0, Math.min(...cut));
  const stopped = cut.length > 0 || typeof why === "string";
  const given = Array.isArray(ids) && !stopped ? (ids as number[]) : tokenizer.encode(shown);
  const own = tokenizer.eosIds.includes(given.at(-1) ?? -1) ? given.slice(0, -1) : given;
  const finish = reason === "length" ? "length" : stopped ? "stop" : "eos";
  return {
    ids: own.slice(0, maxNewTokens),
    text: Array.isArray(ids) && !stopped ? tokenizer.decodeAfter(promptIds, own) : shown,
    finish,
  };
}

const PROBED = 3;
const PROBE_TOKENS = 8;
/** Nats per token that a server's greedy text may lose against the greedy text here: half precision and ties lose less, another model more. */
const PROBE_TOLERANCE = 0.25;

/** Holds what the server writes greedily against the model here. */
async function checkModel(
  { runtime }: EvaluateDeps,
  { model, tokenizer }: { readonly model: Model; readonly tokenizer: Tokenizer },
  ask: AskServer,
  prompts: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<void> {
  const maxNewTokens = Math.min(
    PROBE_TOKENS,
    model.decoder.config.maxPositions - Math.max(...prompts.map((ids) => ids.length)),
  );
  if (prompts.length === 0 || maxNewTokens < 1) return;
  const here = await generate(runtime, model, prompts, {
    temperature: 0,
    maxNewTokens,
    eosIds: tokenizer.eosIds,
    seed: 0,
  });
  const scorer = await openScorer(runtime, model);
  for (const [i, promptIds] of prompts.entries()) {
    const there = await ask({ promptIds, temperature: 0, maxNewTokens, seed: 0 }, signal);
    const [own, other] = [here[i]!.ids, there.ids];
    // Of a server that tells no ids the text is what can be compared: bytes that are no UTF-8 are lost in it.
    if (there.text === tokenizer.decodeAfter(promptIds, own)) continue;
    const shared = Math.min(own.length, other.length);
    if (shared === 0) {
      if (own.length === other.length) continue;
      throw notTheModel(`it writes ${other.length} tokens where the model here writes ${own.length}`);
    }
    const [score] = await scorer.score([
      { prompt: promptIds, responses: [own.slice(0, shared), other.slice(0, shared)] },
    ]);
    const [mine, theirs] = score!.logps as [number, number];
    const lost = (mine - theirs) / shared;
    if (lost > PROBE_TOLERANCE)
      throw notTheModel(
        `its greedy text is ${lost.toPrecision(3)} nats per token less likely here than the greedy text of the model here`,
      );
  }
}

const notTheModel = (what: string) =>
  new AlignError(
    "remote",
    `eval.generate: the server does not serve the student: ${what}. Does it load {model}?`,
  );
