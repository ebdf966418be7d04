/** Conversations as their model's chat template writes them: alone, with their answers, and what of them is the data's own. */
import { ConfigError } from "../../base/core/errors.ts";
import { spellsControlWord } from "./control-words.ts";
import { saidIn } from "./said.ts";
import type { ChatTemplate, Message } from "./template.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A prompt and its responses as text, ready to be tokenised. */
export type RenderedTexts = {
  /** The prompt alone; of a conversation with the assistant's turn opened. */
  readonly prompt: string;
  /** The whole text with each response. */
  readonly full: readonly string[];
  /** The data spells a control word. */
  readonly spelt: boolean;
  /** The template left out text of a response. */
  readonly dropped: boolean;
};

/** A conversation to be continued, with the assistant's turn opened. @throws ConfigError as `renderedTexts` */
export function renderedPrompt(
  tokenizer: Tokenizer,
  messages: readonly Message[],
): { readonly text: string; readonly spelt: boolean } {
  const template = templateOf(tokenizer);
  const render = (some: readonly Message[]) => template.render(some, true);
  const text = render(messages);
  return { text, spelt: spellsControlWord(tokenizer.control, messages, text, render) };
}

/**
 * A conversation with each of its responses; a string is the assistant's turn.
 * @throws ConfigError without a template, or for messages that it refuses
 */
export function renderedTexts(
  tokenizer: Tokenizer,
  prompt: readonly Message[],
  responses: readonly (string | readonly Message[])[],
): RenderedTexts {
  const template = templateOf(tokenizer);
  const render = (messages: readonly Message[]) => template.render(messages, false);
  const wholes = responses.map((response) => {
    const turns = typeof response === "string" ? [{ role: "assistant", content: response }] : response;
    const messages = [...prompt, ...turns];
    const text = render(messages);
    return {
      text,
      spelt: spellsControlWord(tokenizer.control, messages, text, render),
      dropped: turns.some((turn) => !holds(text, turn)),
    };
  });
  return {
    prompt: template.render(prompt, true),
    full: wholes.map(({ text }) => text),
    spelt: wholes.some(({ spelt }) => spelt),
    dropped: wholes.some(({ dropped }) => dropped),
  };
}

/** True when a text holds a turn's content and its reasoning, however the template spaces them. Calls are written anew by templates. */
function holds(text: string, { tool_calls: _, ...turn }: Message): boolean {
  const bare = (some: string) => some.replace(/\s+/g, "");
  return saidIn({ ...turn, content: turn.content ?? "" }).every(
    (said) => typeof said !== "string" || bare(text).includes(bare(said)),
  );
}

function templateOf(tokenizer: Tokenizer): ChatTemplate {
  if (tokenizer.chatTemplate === undefined)
    throw new ConfigError(
      "chat template: the data has lists of messages, but the model has none. Use a model with a chat_template, or plain text.",
    );
  return tokenizer.chatTemplate;
}
