/**
 * JSON over HTTP from servers that others run: bounded time, size and concurrency, retries with back-off that honour Retry-After. A
 * key is read from an environment variable and goes nowhere but into the Authorization header: not into errors, not to redirects.
 */
import { AlignError, ConfigError, InterruptedError, messageOf } from "./errors.ts";
import { sleep } from "./parallel.ts";
import { plainFetch } from "./plain-fetch.ts";

/** How to reach a server. */
export type HttpOptions = {
  /** Base address, such as `https://api.example.com/v1`; without user, password and query. */
  readonly url: string;
  /** Name of the environment variable that holds the key; without it no key is sent. */
  readonly apiKeyEnv?: string | undefined;
  /** For one attempt, default 60,000 ms. */
  readonly timeoutMs?: number | undefined;
  /** Further attempts after a failure that may pass, default 5. */
  readonly retries?: number | undefined;
  /** First pause between attempts, doubled each time and shortened by chance to no less than half, default 1,000 ms; at most 60 s. */
  readonly backoffMs?: number | undefined;
  /** Requests on their way at one time, default 8; for callers, who count them. */
  readonly concurrency?: number | undefined;
  /** Ask without the header by which `fetch` is taken for a browser. */
  readonly plain?: boolean | undefined;
};

/** One request. `read` gives undefined for a reply that is not what was asked for; `expected` says what that would be. */
export type HttpRequest<T> = {
  readonly path: string;
  /** Sent as JSON by POST; without it the request is a GET. */
  readonly body?: unknown;
  readonly read: (value: unknown) => T | undefined;
  readonly expected: string;
  /** Makes something of a refusal (400 or 422), for callers that can ask otherwise; undefined: it is an error. */
  readonly refused?: ((text: string) => T | undefined) | undefined;
  readonly signal: AbortSignal;
};

/** What a single attempt without retries found. */
export type Answer =
  | { readonly status: number; readonly text: string }
  | { readonly status: 0; readonly text: string };

/** A server that can be asked. */
export interface HttpClient {
  /** Base address as it is asked, without a slash at its end. */
  readonly url: string;
  readonly concurrency: number;
  /**
   * Asks until the server answers, refuses for good, or attempts run out.
   * @throws AlignError "remote" when it refuses or stays silent; InterruptedError when the signal fires
   */
  ask<T>(request: HttpRequest<T>): Promise<T>;
  /** Asks once; status 0 when nothing came back. For finding out what a server is. @throws InterruptedError */
  look(path: string, signal: AbortSignal, body?: unknown): Promise<Answer>;
  /** Attempts after the first, of all requests so far. */
  retried(): number;
}

const MAX_PAUSE_MS = 60_000;
const MAX_RETRY_AFTER_MS = 600_000;

/**
 * Opens a client; nothing is sent yet.
 * @param who - "judge", "remote teacher": begins every message about a setting
 * @param maxReplyBytes - a longer reply is an error
 * @throws ConfigError when the address is not plain http(s), a number is out of range, or the environment variable is not set
 */
export function openHttp(who: string, options: HttpOptions, maxReplyBytes: number): HttpClient {
  const setup = resolve(who, options, maxReplyBytes);
  const shared = { retried: 0, notBefore: 0 };
  return {
    url: setup.url,
    concurrency: setup.concurrency,
    ask: (request) => attempts(setup, shared, request),
    async look(path, signal, body) {
      const answer = await send(setup, { path, body, signal });
      if (signal.aborted) throw new InterruptedError(who);
      return "response" in answer
        ? { status: answer.response.status, text: answer.text }
        : { status: 0, text: answer.problem };
    },
    retried: () => shared.retried,
  };
}

type Setup = Required<Omit<HttpOptions, "apiKeyEnv" | "plain">> & {
  readonly [K in keyof Omit<HttpOptions, "apiKeyEnv" | "plain" | "url">]-?: number;
} & {
  readonly plain: boolean;
  readonly who: string;
  readonly key: string | undefined;
  readonly maxReplyBytes: number;
};

function resolve(who: string, options: HttpOptions, maxReplyBytes: number): Setup {
  const numbers = { timeoutMs: 60_000, retries: 5, backoffMs: 1_000, concurrency: 8 };
  for (const name of Object.keys(numbers) as (keyof typeof numbers)[]) {
    const value = options[name] ?? numbers[name];
    const least = name === "retries" || name === "backoffMs" ? 0 : 1;
    if (!(Number.isInteger(value) && value >= least))
      throw new ConfigError(
        `${who}: ${name} is out of range, expected an integer from ${least}, got ${value}.`,
      );
    numbers[name] = value;
  }
  return {
    ...numbers,
    plain: options.plain ?? false,
    who,
    maxReplyBytes,
    url: plainUrl(who, options.url),
    key: keyIn(who, options.apiKeyEnv),
  };
}

function keyIn(who: string, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const key = process.env[name];
  if (!key)
    throw new ConfigError(
      `${who}: the environment variable ${name} is not set, expected the endpoint's key in it.`,
    );
  return key;
}

function plainUrl(who: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search;
  // The address is not repeated: a wrong one may hold a secret.
  if (!plain)
    throw new ConfigError(
      `${who}: url is wrong, expected a plain http or https address without user, password and query. Name the key's environment variable in apiKeyEnv.`,
    );
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

/** `notBefore`: a server that said when to come back is left alone by all requests until then. */
type Shared = { retried: number; notBefore: number };

async function attempts<T>(setup: Setup, shared: Shared, request: HttpRequest<T>): Promise<T> {
  const { signal } = request;
  for (let attempt = 0; ; attempt++) {
    const wait = shared.notBefore - performance.now();
    if (wait > 0) await sleep(wait, signal, setup.who);
    const result = await once(setup, request);
    if ("value" in result) return result.value;
    if (signal.aborted) throw new InterruptedError(setup.who);
    if (!result.passing || attempt >= setup.retries)
      throw new AlignError(
        "remote",
        `${setup.url}: ${result.problem} after ${attempt + 1} attempt${attempt === 0 ? "" : "s"}. What was done so far is kept; run the same command to go on.`,
      );
    shared.retried++;
    await sleep(pauseOf(setup, shared, attempt, result), signal, setup.who);
  }
}

/** Chance spreads requests that failed together, so that they do not fail together again. */
function pauseOf(setup: Setup, shared: Shared, attempt: number, { retryAfterMs }: Failure): number {
  const backoff = Math.min(setup.backoffMs * 2 ** attempt, MAX_PAUSE_MS) * (0.5 + Math.random() / 2);
  if (retryAfterMs === undefined) return backoff;
  shared.notBefore = Math.max(shared.notBefore, performance.now() + retryAfterMs);
  return retryAfterMs * (1 + Math.random() / 10);
}

type Failure = { readonly problem: string; readonly passing: boolean; readonly retryAfterMs?: number };

async function once<T>(setup: Setup, request: HttpRequest<T>): Promise<{ readonly value: T } | Failure> {
  const sent = await send(setup, request);
  if ("problem" in sent) return { ...sent, passing: true };
  const { response, text } = sent;
  if (!response.ok) {
    const other = response.status === 400 || response.status === 422 ? request.refused?.(text) : undefined;
    return other === undefined ? refusal(setup, response, text) : { value: other };
  }
  const start = hide(text.slice(0, 200), setup);
  let value: unknown;
  try {
    value = JSON.parse(text, (_, member) => (typeof member === "string" ? masked(member, setup) : member));
  } catch {
    // A proxy's page, or a reply that was cut off: it may pass.
    return { problem: `answered with no JSON: ${start}`, passing: true };
  }
  const read = request.read(value);
  return read === undefined
    ? { problem: `answered without ${request.expected}: ${start}`, passing: false }
    : { value: read };
}

type Sent = { readonly response: Response; readonly text: string } | { readonly problem: string };

async function send(
  setup: Setup,
  { path, body, signal }: { path: string; body?: unknown; signal: AbortSignal },
): Promise<Sent> {
  const timeout = AbortSignal.timeout(setup.timeoutMs);
  try {
    const send = setup.plain ? plainFetch : fetch;
    const response = await send(`${setup.url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(setup.key === undefined ? {} : { authorization: `Bearer ${setup.key}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // The key must not follow a redirect to somebody else.
      redirect: "error",
      signal: AbortSignal.any([signal, timeout]),
    });
    // Before anybody reads it: replies are kept on disk, and quoted.
    return { response, text: masked(await boundedText(response, setup.maxReplyBytes), setup) };
  } catch (error) {
    if (timeout.aborted) return { problem: `gave no answer within ${setup.timeoutMs} ms` };
    const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : "";
    return { problem: `cannot be reached, ${hide(messageOf(error) + cause, setup)}` };
  }
}

async function boundedText(response: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > most) throw new Error(`its reply is longer than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function refusal(setup: Setup, { status, headers }: Response, text: string): Failure {
  const retryAfterMs = retryAfter(headers.get("retry-after"));
  return {
    problem: `answered ${status}: ${hide(text.slice(0, 200), setup)}`,
    passing: status === 408 || status === 409 || status === 429 || status >= 500,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Seconds or a date (RFC 9110, 10.2.3), as milliseconds from now. */
function retryAfter(header: string | null): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  const ms = /^\d+(\.\d+)?$/.test(header.trim()) ? 1000 * Number(header) : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined;
}

/** Some servers repeat the key in their errors. */
function hide(text: string, { key }: Setup): string {
  return key === undefined ? text : text.replaceAll(key, "***");
}

/** Shorter keys ("none", "EMPTY") are words that any reply may hold. */
const LEAST_KEY = 8;

/** A reply, or a text in it however it is spelt, without the key: replies are kept on disk. */
const masked = (text: string, setup: Setup): string =>
  (setup.key ?? "").length < LEAST_KEY ? text : hide(text, setup);
