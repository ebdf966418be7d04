/**
 * A client of any OpenAI-compatible `/v1/chat/completions` endpoint: bounded time, size and concurrency, retries with back-off,
 * replies kept on disk under a digest of the question. The key is read from an environment variable and goes nowhere but into
 * the Authorization header.
 */
import { join } from "node:path";
import { digestOf } from "../core/digest.ts";
import { AlignError, ConfigError, InterruptedError, messageOf } from "../core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../core/files.ts";

/** How to reach an endpoint. */
export type ChatOptions = {
  /** Base address, such as `https://api.example.com/v1`; without user, password and query. */
  readonly url: string;
  readonly model: string;
  /** Name of the environment variable that holds the key; without it no key is sent. */
  readonly apiKeyEnv?: string | undefined;
  /** Folder of the replies; the same question is never asked twice. */
  readonly cache: string;
  /** For one attempt, default 60,000 ms. */
  readonly timeoutMs?: number;
  /** Further attempts after a failure that may pass, default 5. */
  readonly retries?: number;
  /** First pause between attempts, doubled each time, default 1,000 ms; at most 60 s. */
  readonly backoffMs?: number;
  /** Requests on their way at one time, default 8. */
  readonly concurrency?: number;
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
   * @throws AlignError "remote" when the endpoint refuses or stays silent; InterruptedError when `signal` fires
   */
  ask(questions: readonly string[], signal?: AbortSignal): Promise<ChatReply[]>;
  counts(): ChatCounts;
}

const MAX_REPLY_BYTES = 2 ** 20;
const MAX_PAUSE_MS = 60_000;

/**
 * Opens a client; nothing is sent yet.
 * @throws ConfigError when the address is not plain http(s), a number is out of range, or the environment variable is not set
 */
export function openChat(options: ChatOptions): ChatClient {
  const setup = resolve(options);
  const total = { asked: 0, cached: 0, retried: 0 };
  const askOne = async (question: string, signal: AbortSignal): Promise<ChatReply> => {
    const body = requestBody(setup, question);
    const digest = digestOf({ url: setup.url, body });
    const file = join(options.cache, digest.slice(0, 2), `${digest}.json`);
    if (await exists(file)) {
      total.cached++;
      return { ...replyIn(await readJson(file, MAX_REPLY_BYTES), file), cached: true };
    }
    const reply = await attempts(setup, body, signal, () => total.retried++);
    total.asked++;
    await writeJsonAtomic(file, reply);
    return { ...reply, cached: false };
  };
  return {
    url: setup.url,
    ask: (questions, signal) => inParallel(questions, setup.concurrency, askOne, signal),
    counts: () => ({ ...total }),
  };
}

type Setup = Required<Omit<ChatOptions, "apiKeyEnv" | "cache">> & { readonly key: string | undefined };

function resolve(options: ChatOptions): Setup {
  const { model, apiKeyEnv } = options;
  const numbers = { timeoutMs: 60_000, retries: 5, backoffMs: 1_000, concurrency: 8, maxTokens: 16 };
  for (const name of Object.keys(numbers) as (keyof typeof numbers)[]) {
    const value = options[name] ?? numbers[name];
    const least = name === "retries" || name === "backoffMs" ? 0 : 1;
    if (!(Number.isInteger(value) && value >= least))
      throw new ConfigError(
        `judge: ${name} is out of range, expected an integer from ${least}, got ${value}.`,
      );
    numbers[name] = value;
  }
  const key = apiKeyEnv === undefined ? undefined : process.env[apiKeyEnv];
  if (apiKeyEnv !== undefined && !key)
    throw new ConfigError(
      `judge: the environment variable ${apiKeyEnv} is not set, expected the endpoint's key in it.`,
    );
  return { ...numbers, url: plainUrl(options.url), model, key };
}

function plainUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search;
  // The address is not repeated: a wrong one may hold a secret.
  if (!plain)
    throw new ConfigError(
      "judge: url is wrong, expected a plain http or https address without user, password and query. Name the key's environment variable in apiKeyEnv.",
    );
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

function requestBody({ model, maxTokens }: Setup, question: string) {
  return { model, messages: [{ role: "user", content: question }], temperature: 0, max_tokens: maxTokens };
}

type Stored = { readonly text: string; readonly model: string };

/** One question until it is answered, refused for good, or out of attempts. */
async function attempts(
  setup: Setup,
  body: unknown,
  signal: AbortSignal,
  onRetry: () => void,
): Promise<Stored> {
  for (let attempt = 0; ; attempt++) {
    const result = await once(setup, body, signal);
    if ("reply" in result) return result.reply;
    if (signal.aborted) throw new InterruptedError("judge");
    if (!result.passing || attempt >= setup.retries)
      throw new AlignError(
        "remote",
        `${setup.url}: ${result.problem} after ${attempt + 1} attempt${attempt === 0 ? "" : "s"}. Replies so far are kept; run the same command to go on.`,
      );
    onRetry();
    const pause = result.retryAfterMs ?? setup.backoffMs * 2 ** attempt * (0.5 + Math.random() / 2);
    await sleep(Math.min(pause, MAX_PAUSE_MS), signal);
  }
}

type Outcome =
  | { readonly reply: Stored }
  | { readonly problem: string; readonly passing: boolean; readonly retryAfterMs?: number };

async function once(setup: Setup, body: unknown, signal: AbortSignal): Promise<Outcome> {
  const timeout = AbortSignal.timeout(setup.timeoutMs);
  try {
    const response = await fetch(`${setup.url}/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(setup.key === undefined ? {} : { authorization: `Bearer ${setup.key}` }),
      },
      body: JSON.stringify(body),
      // The key must not follow a redirect to somebody else.
      redirect: "error",
      signal: AbortSignal.any([signal, timeout]),
    });
    const text = await boundedText(response);
    return response.ok ? replyOf(text, setup) : refusal(response, text, setup);
  } catch (error) {
    if (timeout.aborted) return { problem: `gave no answer within ${setup.timeoutMs} ms`, passing: true };
    const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : "";
    return { problem: `cannot be reached, ${hide(messageOf(error) + cause, setup)}`, passing: true };
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_REPLY_BYTES) throw new Error(`its reply is longer than ${MAX_REPLY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function replyOf(text: string, setup: Setup): Outcome {
  try {
    const { choices, model } = JSON.parse(text) as {
      choices?: { message?: { content?: unknown } }[];
      model?: unknown;
    };
    const content = choices?.[0]?.message?.content;
    if (typeof content === "string")
      return { reply: { text: content, model: typeof model === "string" ? model : setup.model } };
  } catch {
    // Told below, like any other reply that is none.
  }
  const start = hide(text.slice(0, 200), setup);
  return { problem: `answered without choices[0].message.content: ${start}`, passing: false };
}

function refusal({ status, headers }: Response, text: string, setup: Setup): Outcome {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return {
    problem: `answered ${status}: ${hide(text.slice(0, 200), setup)}`,
    passing: status === 408 || status === 409 || status === 429 || status >= 500,
    ...(Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: 1000 * seconds } : {}),
  };
}

/** Some servers repeat the key in their errors. */
function hide(text: string, { key }: Setup): string {
  return key === undefined ? text : text.replaceAll(key, "***");
}

function replyIn(value: unknown, file: string): Stored {
  const { text, model } = (value ?? {}) as Record<string, unknown>;
  if (typeof text !== "string" || typeof model !== "string")
    throw new AlignError("data", `${file}: is no reply, expected text and model. Delete it.`);
  return { text, model };
}

/** Results in the order of the items, at most `width` at work; the first error stops the rest and is thrown when they have stopped. */
async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  outer: AbortSignal | undefined,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const errors: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length && errors.length === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index]!, signal);
      } catch (error) {
        errors.push(error);
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
  return results;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(new InterruptedError("judge"));
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new InterruptedError("judge"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
