/**
 * A client of any OpenAI-compatible `/v1/chat/completions` endpoint: replies kept on disk under a digest of the request, so that nothing is
 * paid for twice. The first question finds out how the endpoint wants to be asked (`chat-form.ts`); bounds, retries and keys are
 * `http-client.ts`'s.
 */
import { join } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { AlignError, ConfigError, show } from "../../base/core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { type HttpOptions, openHttp } from "../../base/core/http.ts";
import { inParallel } from "../../base/core/parallel.ts";
import { askFor, type ChatForm, chatFormSchema, findForm, firstForm } from "./chat-form.ts";
import { type ChatReply, chatReplySchema } from "./chat-reply.ts";
import type { TokensUsed } from "./spending.ts";

/** How to reach an endpoint. */
export type ChatOptions = HttpOptions & {
  readonly model: string;
  /** Folder of the replies; the same question is never asked twice. */
  readonly cache: string;
  /** Most tokens in a reply; default found out. */
  readonly maxTokens?: number | undefined;
  /** Default 0, or none where the endpoint takes none. */
  readonly temperature?: number | undefined;
  /** Further members of every request. */
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** Ask for the alternatives of each token, default false. */
  readonly soft?: boolean | undefined;
  /** Whether a reply can be read: the work stops when the first ones cannot. */
  readonly readable: (reply: ChatReply) => boolean;
};

/** Counters since the client was opened. */
export type ChatCounts = {
  readonly asked: number;
  readonly cached: number;
  readonly retried: number;
  /** Tokens of questions and replies that were asked for now, as the endpoint counts them. */
  readonly tokens: TokensUsed;
  /** The same of replies that were kept, and how many of those asked for now the endpoint told no tokens of. */
  readonly keptTokens: TokensUsed;
  readonly uncounted: number;
  /** Replies that could not be read, those of them cut while thinking, and the first few, cut to 80 characters. */
  readonly unreadable: number;
  readonly cutThinking: number;
  readonly examples: readonly string[];
};

/** A question, and which of several replies to it. */
export type ChatQuestion = { readonly text: string; readonly sample?: number | undefined };

/** A client. */
export interface ChatClient {
  /** Base address as it is asked, without a slash at its end. */
  readonly url: string;
  /**
   * Replies in the order of the questions.
   * @throws ConfigError for a question that is too long; AlignError "remote" when the endpoint refuses or stays silent, or when none of
   *   the first replies can be read; InterruptedError when `signal` fires
   */
  ask(questions: readonly ChatQuestion[], signal?: AbortSignal): Promise<ChatReply[]>;
  /** How the endpoint is asked; undefined until something was. */
  form(): ChatForm | undefined;
  counts(): ChatCounts;
  /** Is told of every reply, asked for or kept. */
  watch(heard: () => void): void;
}

/** A reply with the alternatives of some thousand tokens. */
const MAX_REPLY_BYTES = 8 * 2 ** 20;
const MAX_QUESTION_BYTES = 4 * 2 ** 20;
/** The work stops when so many replies have come and none could be read. */
const FIRST_REPLIES = 8;

/**
 * Opens a client; nothing is sent yet.
 * @throws ConfigError when the address is not plain http(s), a number is out of range, or the environment variable is not set
 */
export function openChat(options: ChatOptions): ChatClient {
  const { model, cache, maxTokens, temperature, body: more = {}, soft = false, readable } = options;
  if (maxTokens !== undefined && !(Number.isInteger(maxTokens) && maxTokens >= 1))
    throw new ConfigError(`judge: maxTokens is out of range, expected an integer from 1, got ${maxTokens}.`);
  const http = openHttp("judge", options, MAX_REPLY_BYTES);
  const wishes = { maxTokens, temperature, soft };
  const tally = openTally(readable);
  const bodyOf = (text: string, form: ChatForm) => ({ ...requestOf(model, text, form), ...more });
  const formFile = join(
    cache,
    `form-${digestOf({ url: http.url, model, more, ...wishes }).slice(0, 16)}.json`,
  );
  let known: Promise<ChatForm | undefined> | undefined;
  let form: ChatForm | undefined;

  /** One question finds the form while the others wait; where it fails, the next one tries. */
  const withForm = async (file: (form: ChatForm) => string, text: string, signal: AbortSignal) => {
    known ??= readKept(formFile, (value) => chatFormSchema.parse(value));
    form ??= await known;
    if (form !== undefined) return undefined;
    // Replies of 0.1 were asked for in the first form: kept ones need no endpoint.
    if (await exists(file(firstForm(wishes)))) return undefined;
    const found = await findForm(http, wishes, { bodyOf: (f) => bodyOf(text, f), model, readable, signal });
    form = found.form;
    await writeJsonAtomic(formFile, form);
    return found.reply;
  };
  const finding = oneAtATime();

  const askOne = async ({ text, sample = 0 }: ChatQuestion, signal: AbortSignal): Promise<ChatReply> => {
    checkSize(text);
    const fileOf = (f: ChatForm) => {
      const digest = digestOf({ url: http.url, body: bodyOf(text, f), ...(sample === 0 ? {} : { sample }) });
      return join(cache, digest.slice(0, 2), `${digest}.json`);
    };
    const first = form === undefined ? await finding(() => withForm(fileOf, text, signal)) : undefined;
    const used = form ?? firstForm(wishes);
    const file = fileOf(used);
    const kept = await readKept(file, (value) => chatReplySchema.parse(value));
    if (kept !== undefined) return tally.kept(kept);
    const reply = first ?? (await askFor(http, bodyOf(text, used), model, signal));
    await writeJsonAtomic(file, reply);
    tally.came(reply);
    return reply;
  };
  return {
    url: http.url,
    ask: (questions, signal) => inParallel(questions, http.concurrency, askOne, signal),
    form: () => form,
    counts: () => ({ ...tally.counts(), retried: http.retried() }),
    watch: tally.watch,
  };
}

/** The members of a request, in the order 0.1 had them. */
function requestOf(model: string, question: string, form: ChatForm): Record<string, unknown> {
  const { limit, maxTokens, temperature, topLogprobs } = form;
  return {
    model,
    messages: [{ role: "user", content: question }],
    ...(temperature === null ? {} : { temperature }),
    [limit]: maxTokens,
    ...(topLogprobs === null ? {} : { logprobs: true, top_logprobs: topLogprobs }),
  };
}

/** Counts replies, and stops the work when none of the first can be read. */
function openTally(readable: ChatOptions["readable"]) {
  const total = { asked: 0, cached: 0, unreadable: 0, cutThinking: 0, read: 0, uncounted: 0 };
  const used = { now: [0, 0], kept: [0, 0] } as Record<"now" | "kept", [number, number]>;
  let heard = () => {};
  const add = (when: "now" | "kept", { usage: [questions, replies] = [0, 0] }: ChatReply) => {
    used[when] = [used[when][0] + questions, used[when][1] + replies];
    heard();
  };
  const examples: string[] = [];
  const judge = (reply: ChatReply) => {
    if (readable(reply)) {
      total.read++;
      return;
    }
    total.unreadable++;
    if (reply.cut === "thinking") total.cutThinking++;
    if (examples.length < 5) examples.push(exampleOf(reply));
    if (total.read === 0 && total.unreadable >= FIRST_REPLIES)
      throw nothingRead(total.unreadable, total.cutThinking, examples);
  };
  return {
    kept: (reply: ChatReply) => {
      total.cached++;
      add("kept", reply);
      judge(reply);
      return reply;
    },
    came: (reply: ChatReply) => {
      total.asked++;
      if (reply.usage === undefined) total.uncounted++;
      add("now", reply);
      judge(reply);
    },
    counts: () => ({
      asked: total.asked,
      cached: total.cached,
      tokens: used.now,
      keptTokens: used.kept,
      uncounted: total.uncounted,
      unreadable: total.unreadable,
      cutThinking: total.cutThinking,
      examples: [...examples],
    }),
    watch(listener: () => void) {
      heard = listener;
    },
  };
}

function exampleOf({ text, cut }: ChatReply): string {
  const said = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return cut === undefined
    ? said
    : `${said} (cut ${cut === "thinking" ? "while thinking" : "at its budget"})`;
}

function nothingRead(count: number, thinking: number, examples: readonly string[]): AlignError {
  const shown = examples
    .slice(0, 3)
    .map((text) => show(text))
    .join(", ");
  const advice =
    thinking > 0
      ? "The judge was still thinking when its budget ended: give it more with max_tokens (--judge-max-tokens), or let it think less with body (--judge-body), such as reasoning_effort or chat_template_kwargs."
      : 'Ask for a verdict that can be read (1, 2, [[A]], JSON, or a last line "Answer: 1"), or say how to read it with verdict (--judge-verdict).';
  return new AlignError(
    "remote",
    `judge: none of the first ${count} replies could be read as a verdict: ${shown}. ${advice} The replies are kept; the same command goes on.`,
  );
}

/** Runs tasks one after another, whether or not the one before failed. */
function oneAtATime() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(task: () => Promise<T>): Promise<T> => {
    const next = last.then(task, task);
    last = next.catch(() => {});
    return next;
  };
}

async function readKept<T>(file: string, parse: (value: unknown) => T): Promise<T | undefined> {
  if (!(await exists(file))) return undefined;
  const value = await readJson(file, MAX_REPLY_BYTES);
  try {
    return parse(value);
  } catch (error) {
    throw new AlignError("data", `${file}: is no reply of a judge. Delete it.`, { cause: error });
  }
}

/** Refused here, with a reason: an endpoint would answer a text of this size with an error of its own, after it was sent. */
function checkSize(question: string): void {
  const bytes = Buffer.byteLength(question);
  if (bytes > MAX_QUESTION_BYTES)
    throw new ConfigError(
      `judge: a question is too long, expected at most ${MAX_QUESTION_BYTES} bytes, got ${bytes}. Shorten the texts of the pair.`,
    );
}
