/**
 * A client of any OpenAI-compatible `/v1/chat/completions` endpoint: replies at temperature 0, kept on disk under a digest of the
 * question. Bounds, retries and keys are `http-client.ts`'s.
 */
import { join } from "node:path";
import { digestOf } from "../core/digest.ts";
import { AlignError, ConfigError } from "../core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../core/files.ts";
import { inParallel } from "../core/parallel.ts";
import { type HttpOptions, openHttp } from "./http-client.ts";

/** How to reach an endpoint. */
export type ChatOptions = HttpOptions & {
  readonly model: string;
  /** Folder of the replies; the same question is never asked twice. */
  readonly cache: string;
  /** Most tokens in a reply, default 16. */
  readonly maxTokens?: number;
};

/** A reply and who gave it. */
export type ChatReply = { readonly text: string; readonly model: string; readonly cached: boolean };

/** Counters since the client was opened. */
export type ChatCounts = { readonly asked: number; readonly cached: number; readonly retried: number };

/** A client. */
export interface ChatClient {
  /** Base address as it is asked, without a slash at its end. */
  readonly url: string;
  /**
   * Replies at temperature 0, in the order of the questions.
   * @throws ConfigError for a question that is too long; AlignError "remote" when the endpoint refuses or stays silent;
   *   InterruptedError when `signal` fires
   */
  ask(questions: readonly string[], signal?: AbortSignal): Promise<ChatReply[]>;
  counts(): ChatCounts;
}

const MAX_REPLY_BYTES = 2 ** 20;
const MAX_QUESTION_BYTES = 4 * 2 ** 20;

/**
 * Opens a client; nothing is sent yet.
 * @throws ConfigError when the address is not plain http(s), a number is out of range, or the environment variable is not set
 */
export function openChat(options: ChatOptions): ChatClient {
  const { model, cache, maxTokens = 16 } = options;
  if (!(Number.isInteger(maxTokens) && maxTokens >= 1))
    throw new ConfigError(`judge: maxTokens is out of range, expected an integer from 1, got ${maxTokens}.`);
  const http = openHttp("judge", options, MAX_REPLY_BYTES);
  const total = { asked: 0, cached: 0 };
  const askOne = async (question: string, signal: AbortSignal): Promise<ChatReply> => {
    checkSize(question);
    const body = {
      model,
      messages: [{ role: "user", content: question }],
      temperature: 0,
      max_tokens: maxTokens,
    };
    const digest = digestOf({ url: http.url, body });
    const file = join(cache, digest.slice(0, 2), `${digest}.json`);
    if (await exists(file)) {
      total.cached++;
      return { ...replyIn(await readJson(file, MAX_REPLY_BYTES), file), cached: true };
    }
    const reply = await http.ask({
      path: "/chat/completions",
      body,
      read: (value) => replyOf(value, model),
      expected: "choices[0].message.content",
      signal,
    });
    total.asked++;
    await writeJsonAtomic(file, reply);
    return { ...reply, cached: false };
  };
  return {
    url: http.url,
    ask: (questions, signal) => inParallel(questions, http.concurrency, askOne, signal),
    counts: () => ({ ...total, retried: http.retried() }),
  };
}

/** Refused here, with a reason: an endpoint would answer a text of this size with an error of its own, after it was sent. */
function checkSize(question: string): void {
  const bytes = Buffer.byteLength(question);
  if (bytes > MAX_QUESTION_BYTES)
    throw new ConfigError(
      `judge: a question is too long, expected at most ${MAX_QUESTION_BYTES} bytes, got ${bytes}. Shorten the texts of the pair.`,
    );
}

type Stored = { readonly text: string; readonly model: string };

function replyOf(value: unknown, asked: string): Stored | undefined {
  const { choices, model } = (value ?? {}) as {
    choices?: { message?: { content?: unknown } }[];
    model?: unknown;
  };
  const content = choices?.[0]?.message?.content;
  return typeof content === "string"
    ? { text: content, model: typeof model === "string" ? model : asked }
    : undefined;
}

function replyIn(value: unknown, file: string): Stored {
  const { text, model } = (value ?? {}) as Record<string, unknown>;
  if (typeof text !== "string" || typeof model !== "string")
    throw new AlignError("data", `${file}: is no reply, expected text and model. Delete it.`);
  return { text, model };
}
