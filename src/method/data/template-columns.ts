/**
 * What a prompt gives the chat template beside its messages, as columns of its own: `tools` and `chat_template_kwargs`, as TRL has them. In
 * memory the prompt's first message carries them (`engine/text/template-inputs.ts`).
 */
import {
  splitTemplateInputs,
  type TemplateInputs,
  withTemplateInputs,
} from "../../engine/text/template-inputs.ts";
import type { Text } from "./rows.ts";

/** The columns, in the order they are written in; a row without them has none. */
export const TEMPLATE_COLUMNS = ["tools", "chat_template_kwargs"] as const;

/** A prompt without its inputs, and the inputs as columns. */
export function promptColumns(prompt: Text): { prompt: Text } & TemplateInputs {
  if (typeof prompt === "string") return { prompt };
  const { messages, inputs } = splitTemplateInputs(prompt);
  return { prompt: messages, ...inputs };
}

/** A prompt with the inputs of its row's columns. */
export function promptWithColumns(
  prompt: Text,
  { tools, chat_template_kwargs: kwargs }: TemplateInputs,
): Text {
  if (typeof prompt === "string") return prompt;
  return withTemplateInputs(prompt, { tools, chat_template_kwargs: kwargs });
}

/** True when a text holds more than roles and contents: members for the template, tools, arguments. */
export const hasTemplateMembers = (text: Text): boolean =>
  typeof text !== "string" && text.some((message) => Object.keys(message).length > 2);
