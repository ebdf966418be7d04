/**
 * How servers are asked for log-probabilities of given tokens, and how their answers are read. An answer is used only if it says which
 * token each number belongs to, and that is the token that was sent.
 */
import { AlignError } from "../../../base/core/errors.ts";

/** A text as ids; the tokens from place `from` (at least 1) on are scored. */
export type GivenText = { readonly ids: readonly number[]; readonly from: number };

/** Servers that can be asked. */
export const SERVER_KINDS = ["weak-teacher", "vllm", "sglang", "openai-echo"] as const;

/** One of them. */
export type ServerKind = (typeof SERVER_KINDS)[number];

/** One way to ask. */
export interface Protocol {
  /** Path below the server's root. */
  readonly path: string;
  /** The body that asks about several texts. @param model - name at the server; undefined where it has but one */
  body(model: string | undefined, texts: readonly GivenText[]): object;
  /**
   * Log-probabilities of each text's tokens from `from` on, nats.
   * @throws AlignError "remote" when something is missing, not finite, above 0 or of another token
   */
  read(texts: readonly GivenText[], answer: unknown): number[][];
}

/** The protocol of a kind of server. */
export function protocolOf(kind: ServerKind): Protocol {
  switch (kind) {
    case "weak-teacher":
      return promptLogprobs(0);
    case "vllm":
      return promptLogprobs(1);
    case "sglang":
      return SGLANG;
    case "openai-echo":
      return ECHO;
    default:
      return kind satisfies never;
  }
}

/** vLLM's `prompt_logprobs`. @param maxTokens - vLLM must write at least one token */
function promptLogprobs(maxTokens: 0 | 1): Protocol {
  return {
    path: "/v1/completions",
    body: (model, texts) => ({
      model,
      prompt: texts.map(({ ids }) => ids),
      max_tokens: maxTokens,
      temperature: 0,
      prompt_logprobs: 1,
      add_special_tokens: false,
      return_token_ids: true,
      seed: 0,
    }),
    read(texts, answer) {
      return choicesOf(answer, texts.length).map((choice, i) => {
        const { ids, from } = texts[i]!;
        const { prompt_logprobs: entries, prompt_token_ids: echoed } = choice;
        if (!Array.isArray(entries)) throw wrong("no prompt_logprobs: the server does not score given text");
        if (entries.length !== ids.length)
          throw wrong(`${entries.length} prompt_logprobs, expected ${ids.length}, one per token`);
        if (Array.isArray(echoed)) checkEcho(echoed, ids);
        return ids.slice(from).map((id, j) => {
          const entry = (entries[from + j] ?? {}) as Readonly<Record<string, { logprob?: unknown }>>;
          if (!Object.hasOwn(entry, String(id)))
            throw wrong(`no log-probability of token ${id} at place ${from + j}: the ids are not those sent`);
          return logpOf(entry[String(id)]?.logprob, from + j);
        });
      });
    },
  };
}

/** SGLang's native endpoint. The token at `logprob_start_len` itself has none, so one earlier is asked for. */
const SGLANG: Protocol = {
  path: "/generate",
  body: (model, texts) => ({
    input_ids: texts.map(({ ids }) => ids),
    sampling_params: { max_new_tokens: 1, temperature: 0 },
    return_logprob: true,
    logprob_start_len: texts.map(({ from }) => from - 1),
    top_logprobs_num: 0,
    return_text_in_logprobs: false,
    ...(model === undefined ? {} : { lora_path: texts.map(() => model) }),
  }),
  read(texts, answer) {
    if (!Array.isArray(answer) || answer.length !== texts.length)
      throw wrong(`${Array.isArray(answer) ? answer.length : "no"} results, expected ${texts.length}`);
    return answer.map((result: { meta_info?: { input_token_logprobs?: unknown } } | null, i) => {
      const { ids, from } = texts[i]!;
      const entries = result?.meta_info?.input_token_logprobs;
      const wanted = ids.length - from;
      if (!Array.isArray(entries) || entries.length < wanted)
        throw wrong(
          `${Array.isArray(entries) ? entries.length : "no"} input_token_logprobs, expected at least ${wanted}`,
        );
      const scored = entries.slice(entries.length - wanted) as unknown[][];
      checkEcho(
        scored.map((entry) => entry?.[1]),
        ids.slice(from),
      );
      return scored.map((entry, j) => logpOf(entry[0], from + j));
    });
  },
};

/** OpenAI's old completions endpoint with `echo`, as some servers still have it. */
const ECHO: Protocol = {
  path: "/v1/completions",
  body: (model, texts) => ({
    model,
    prompt: texts.map(({ ids }) => ids),
    max_tokens: 0,
    temperature: 0,
    echo: true,
    logprobs: 1,
    // Known to vLLM and this project's server; others answer with text.
    return_tokens_as_token_ids: true,
    add_special_tokens: false,
  }),
  read(texts, answer) {
    return choicesOf(answer, texts.length).map((choice, i) => {
      const { ids, from } = texts[i]!;
      const { tokens, token_logprobs: logps } = (choice.logprobs ?? {}) as Readonly<Record<string, unknown>>;
      if (!Array.isArray(tokens) || !Array.isArray(logps))
        throw wrong("no logprobs of the echoed prompt: the server does not score given text");
      // What was written after the prompt, if anything, comes last.
      if (tokens.length < ids.length || logps.length < ids.length)
        throw wrong(`${tokens.length} tokens, expected ${ids.length}, one per token sent`);
      const named = tokens.slice(0, ids.length).map((token) => /^token_id:(\d+)$/.exec(String(token))?.[1]);
      if (named.every((id) => id !== undefined)) checkEcho(named.map(Number), ids);
      return logps.slice(from, ids.length).map((logp, j) => logpOf(logp, from + j));
    });
  },
};

type Choice = Readonly<Record<string, unknown>> & { readonly index?: unknown };

/** The choices in the order of their texts. */
function choicesOf(answer: unknown, count: number): Choice[] {
  const { choices } = (answer ?? {}) as { choices?: unknown };
  if (!Array.isArray(choices) || choices.length !== count)
    throw wrong(`${Array.isArray(choices) ? choices.length : "no"} choices, expected ${count}`);
  const list = choices as Choice[];
  const ordered = list.every(({ index }, i) => index === undefined || index === i)
    ? list
    : [...list].sort((x, y) => Number(x.index) - Number(y.index));
  if (ordered.some(({ index }, i) => index !== undefined && index !== i))
    throw wrong("choices of other prompts");
  return ordered;
}

function checkEcho(echoed: readonly unknown[], ids: readonly number[]): void {
  const at = ids.findIndex((id, i) => echoed[i] !== id);
  if (at >= 0 || echoed.length !== ids.length)
    throw wrong(`other tokens than were sent (at place ${at}: ${String(echoed[at])}, expected ${ids[at]})`);
}

/** Rounding may put the log-probability of a sure token a little above 0; vLLM writes -9999 for what JSON cannot say, -∞. */
const [ABOVE_ZERO, MINUS_INFINITY] = [1e-4, -9999];

function logpOf(value: unknown, place: number): number {
  if (typeof value === "number" && value > MINUS_INFINITY && value <= ABOVE_ZERO) return value;
  throw wrong(`log-probability ${String(value)} at place ${place}, expected a finite number of at most 0`);
}

const wrong = (problem: string) => new AlignError("remote", `the answer has ${problem}.`);
