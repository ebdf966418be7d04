/** `POST /v1/chat/completions`: a conversation in the model's own chat template, continued. Judges are asked this way. */
import { z } from "zod";
import { encodePrompt } from "../../engine/text/pair.ts";
import type { Message } from "../../engine/text/template.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { TokenScore } from "../../method/objective/alternatives.ts";
import { checked } from "./body.ts";
import type { Serving } from "./completions.ts";
import { MAX_LOGPROBS } from "./limits.ts";
import { modelNamed } from "./models.ts";
import { wrongField } from "./problem.ts";
import {
  checkLength,
  checkWrites,
  samplingShape,
  usageOf,
  writingOf,
  writtenText,
} from "./sampling-request.ts";
import { refuseEffects } from "./tolerance.ts";

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });
const message = z.strictObject({
  role: z.string().min(1).max(40),
  content: z.union([z.string(), z.array(textPart)], { error: "expected text, or a list of text parts." }),
  name: z.string().nullish(),
});
const schema = z.object({
  ...samplingShape,
  messages: z.array(message).min(1).max(1000),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().int().min(0).max(MAX_LOGPROBS).nullish(),
});

/** Fields of completions that chats do not have here. */
const NEUTRAL = {
  prompt_logprobs: [],
  echo: [false],
  add_special_tokens: [false],
  add_generation_prompt: [true],
};

/** Answers a chat. @throws Problem 400 or 404 for a request that is wrong */
export async function chat(
  { engine, models, limits }: Serving,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<object> {
  refuseEffects(body, NEUTRAL);
  const request = checked(schema, body);
  const model = modelNamed(models, request.model);
  checkWrites(model);
  const { tokenizer } = model;
  if (tokenizer.chatTemplate === undefined)
    throw wrongField(
      "messages",
      `${model.name} has no chat template, expected a model with one. Ask /v1/completions.`,
    );
  if (request.top_logprobs != null && request.logprobs !== true)
    throw wrongField("top_logprobs", "has no effect without logprobs, expected logprobs: true.");
  const messages = request.messages.map(plainMessage);
  checkLength(
    model,
    messages.reduce((total, { content }) => total + content.length, 0),
    "messages",
  );
  const { prompt } = encodePrompt(tokenizer, messages, 2 ** 31);
  const asked = request.max_completion_tokens ?? request.max_tokens ?? undefined;
  const size = { field: "messages", prompt: prompt.length, asked, otherwise: limits.maxNewTokens };
  const how = { ...writingOf(request, model, limits, size), stream: 0 };
  const text = await engine.write(model, prompt, how, signal);
  const k = request.top_logprobs ?? 0;
  const row = { prompt, responses: [text.ids] };
  const wanted = request.logprobs === true && text.ids.length > 0;
  const scores = wanted ? await engine.scoreTokens(model, row, k, signal) : [[]];
  const { text: content, finish_reason, stop_reason } = writtenText(tokenizer, prompt, text, how.stop);
  const choice = {
    index: 0,
    message: { role: "assistant", content },
    logprobs:
      request.logprobs === true
        ? { content: scores[0]!.map((score) => contentOf(tokenizer, k, score)) }
        : null,
    finish_reason,
    stop_reason,
    ...(request.return_token_ids === true ? { token_ids: text.ids } : {}),
  };
  return {
    id: `chatcmpl-${crypto.randomUUID()}`,
    object: "chat.completion",
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    choices: [choice],
    usage: usageOf([prompt], [text]),
    ...(request.return_token_ids === true ? { prompt_token_ids: prompt } : {}),
  };
}

function plainMessage({ role, content, name }: z.output<typeof message>): Message {
  const text = typeof content === "string" ? content : content.map((part) => part.text).join("\n");
  return { role, content: text, ...(name == null ? {} : { name }) };
}

function contentOf(tokenizer: Tokenizer, k: number, { id, logp, top }: TokenScore): object {
  const entry = (token: number, logprob: number) => {
    const piece = tokenizer.pieces([token])[0]!;
    return { token: piece, logprob, bytes: [...new TextEncoder().encode(piece)] };
  };
  return { ...entry(id, logp), top_logprobs: top.slice(0, k).map((other) => entry(other.id, other.logp)) };
}
