/**
 * How an endpoint wants to be asked, found out with the first question that is put to it: newer models take `max_completion_tokens` instead
 * of `max_tokens`, no temperature, no log-probabilities, and need room to think before they answer.
 */
import { z } from "zod";
import type { HttpClient, HttpRequest } from "../../base/core/http.ts";
import { type ChatReply, readChatReply } from "./chat-reply.ts";

/** The form of a request. */
export const chatFormSchema = z.strictObject({
  limit: z.enum(["max_tokens", "max_completion_tokens"]),
  maxTokens: z.number().int().min(1),
  /** Null: none is sent. */
  temperature: z.number().nullable(),
  /** Alternatives asked for at each token; null: none. */
  topLogprobs: z.number().int().min(1).nullable(),
});

/** How an endpoint is asked. */
export type ChatForm = z.output<typeof chatFormSchema>;

/** A request in a form. */
export type AskIn = (form: ChatForm) => Readonly<Record<string, unknown>>;

/** Budgets that are tried in turn where none was set. */
const BUDGETS = [16, 1024, 8192] as const;

/** What is known before the endpoint is asked. */
export type FormWishes = {
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly soft: boolean;
};

/** The form to begin with: the oldest names, no more tokens than a verdict needs. */
export function firstForm({ maxTokens, temperature, soft }: FormWishes): ChatForm {
  return {
    limit: "max_tokens",
    maxTokens: maxTokens ?? BUDGETS[0],
    temperature: temperature ?? 0,
    topLogprobs: soft ? TOPS[0] : null,
  };
}

/** Alternatives per token, in the order in which they are asked for: many endpoints give 20, some no more than 5. */
const TOPS = [20, 5] as const;

/**
 * Asks one question until the endpoint takes it and, where no budget was set, the answer is whole.
 * @param readable - whether a reply can be read
 * @throws AlignError "remote" with the endpoint's own words when it refuses for a reason that no other form mends
 */
export async function findForm(
  http: HttpClient,
  wishes: FormWishes,
  ask: {
    readonly bodyOf: AskIn;
    readonly model: string;
    readonly readable: (reply: ChatReply) => boolean;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly form: ChatForm; readonly reply: ChatReply }> {
  const { bodyOf, model, readable, signal } = ask;
  const send = (form: ChatForm) => settle(http, form, wishes, { bodyOf, model, signal });
  let found = await send(firstForm(wishes));
  if (wishes.maxTokens !== undefined) return found;
  for (const maxTokens of BUDGETS.slice(1)) {
    if (found.reply.cut === undefined || readable(found.reply)) return found;
    // An endpoint whose context is shorter than this budget refuses it: what was found before stands.
    const longer = await send({ ...found.form, maxTokens }).catch(() => undefined);
    if (longer === undefined) return found;
    // More room that does not lead to a verdict is only dear, except for a thought that is not at its end.
    if (!readable(longer.reply) && longer.reply.cut !== "thinking" && found.reply.cut !== "thinking")
      return found;
    found = longer;
  }
  return found;
}

/** Changes the form as the endpoint's refusals ask for. */
async function settle(
  http: HttpClient,
  begin: ChatForm,
  wishes: FormWishes,
  { bodyOf, model, signal }: { readonly bodyOf: AskIn; readonly model: string; readonly signal: AbortSignal },
): Promise<{ form: ChatForm; reply: ChatReply }> {
  for (let form = begin; ; ) {
    const answer = await http.ask<{ readonly reply: ChatReply } | { readonly next: ChatForm }>({
      ...chatRequest(bodyOf(form), model, signal, (reply) => ({ reply })),
      refused: (text) => {
        const next = otherForm(form, wishes, text);
        return next === undefined ? undefined : { next };
      },
    });
    if ("reply" in answer) return { form, reply: answer.reply };
    form = answer.next;
  }
}

/** Asks in a known form, with the client's retries. @throws AlignError "remote" */
export function askFor(
  http: HttpClient,
  body: Readonly<Record<string, unknown>>,
  model: string,
  signal: AbortSignal,
): Promise<ChatReply> {
  return http.ask(chatRequest(body, model, signal, (reply) => reply));
}

function chatRequest<T>(
  body: Readonly<Record<string, unknown>>,
  model: string,
  signal: AbortSignal,
  made: (reply: ChatReply) => T,
): HttpRequest<T> {
  return {
    path: "/chat/completions",
    body,
    read: (value) => {
      const reply = readChatReply(value, model);
      return reply === undefined ? undefined : made(reply);
    },
    expected: "choices[0].message.content",
    signal,
  };
}

/** The form that a refusal asks for, by the member it names; undefined when it names none that can change. */
function otherForm(form: ChatForm, wishes: FormWishes, refusal: string): ChatForm | undefined {
  const named = paramOf(refusal);
  const about = (name: string) => (named === undefined ? refusal.includes(name) : named === name);
  const asked = form.topLogprobs;
  if (asked !== null && about("top_logprobs"))
    return { ...form, topLogprobs: TOPS.find((fewer) => fewer < asked) ?? null };
  if (asked !== null && about("logprobs")) return { ...form, topLogprobs: null };
  if (form.limit === "max_tokens" && about("max_tokens")) return { ...form, limit: "max_completion_tokens" };
  // A temperature that somebody asked for is not dropped in silence.
  if (form.temperature !== null && wishes.temperature === undefined && about("temperature"))
    return { ...form, temperature: null };
  return undefined;
}

/** OpenAI's error objects name the member they refuse. */
function paramOf(refusal: string): string | undefined {
  try {
    const { error } = JSON.parse(refusal) as { error?: { param?: unknown } };
    return typeof error?.param === "string" ? error.param : undefined;
  } catch {
    return undefined;
  }
}
