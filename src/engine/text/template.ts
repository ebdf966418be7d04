/**
 * Chat templates: the model's own Jinja template turns a list of messages into text. Plain-string data needs none.
 * The template is part of what a model is, so it has a digest, compared wherever a model is used again.
 */
import { Template } from "@huggingface/jinja";
import { sha256 } from "../../base/core/digest.ts";
import { CheckpointError, ConfigError, innerMessage } from "../../base/core/errors.ts";
import { boundLoops, loopLimits } from "./template-bounds.ts";
import { splitTemplateInputs } from "./template-inputs.ts";
import { renderBounded, useFilterExpressions } from "./template-interpreter.ts";
import { stripFunctions, useOwnStrip } from "./template-strip.ts";

/**
 * One turn of a conversation; further members (`name`, `tool_calls`, …) are handed to the template, but for `template_inputs` of the first
 * message (`template-inputs.ts`).
 */
export type Message = { readonly role: string; readonly content: string; readonly [key: string]: unknown };

/** A parsed chat template. */
export interface ChatTemplate {
  /** The template as written. */
  readonly source: string;
  /** SHA-256 of `source`. */
  readonly digest: string;
  /**
   * Messages as text, special tokens included.
   * @param addGenerationPrompt - also open the assistant's turn, so that the text ends where an answer begins
   * @throws ConfigError when the template refuses the messages
   */
  render(messages: readonly Message[], addGenerationPrompt: boolean): string;
}

/** Most characters of a template; a conversation that it writes is bounded as any value in it. */
const MAX_TEMPLATE = 2 ** 20;

/** Templates that print the date would make the same data tokenise differently tomorrow: it is always this day. */
const FIXED_DATE = new Date(Date.UTC(2024, 6, 26));

/**
 * Parses a template.
 *
 * @param file - where it comes from, for messages
 * @param specialTokens - `bos_token`, `eos_token` … as the template refers to them
 * @throws CheckpointError when the template is not valid Jinja
 */
export function parseChatTemplate(
  file: string,
  source: string,
  specialTokens: Readonly<Record<string, string>>,
): ChatTemplate {
  if (source.length > MAX_TEMPLATE)
    throw new CheckpointError(
      file,
      `chat template has ${source.length} characters, expected at most ${MAX_TEMPLATE}.`,
    );
  let template: Template;
  try {
    // The library declares its own strftime_now, which reads the clock and cannot be declared again.
    template = new Template(source.replace(/\bstrftime_now\b/g, "fixed_date_now"));
    boundLoops(template);
    useOwnStrip(template);
    useFilterExpressions(template);
  } catch (error) {
    throw new CheckpointError(file, `chat template is not valid: ${innerMessage(error)}.`, { cause: error });
  }
  return {
    source,
    digest: sha256(source),
    render: (messages, addGenerationPrompt) => {
      try {
        const { messages: bare, inputs } = splitTemplateInputs(messages);
        const text = renderBounded(template, {
          ...specialTokens,
          ...inputs.chat_template_kwargs,
          messages: bare,
          // As transformers does: none, not undefined, where there are no tools.
          tools: inputs.tools ?? null,
          add_generation_prompt: addGenerationPrompt,
          date_string: formatDate("%d %b %Y"),
          fixed_date_now: formatDate,
          ...loopLimits(),
          ...stripFunctions(),
        });
        return text;
      } catch (error) {
        const roles = messages.map(({ role }) => role).join(", ");
        throw new ConfigError(
          `chat template of ${file}: refuses messages of roles ${roles}: ${innerMessage(error)}.`,
          {
            cause: error,
          },
        );
      }
    },
  };
}

/** `strftime` of the fixed date, for the directives templates use. */
function formatDate(format: string): string {
  const part = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }).format(FIXED_DATE);
  const values: Record<string, string> = {
    d: part({ day: "2-digit" }),
    m: part({ month: "2-digit" }),
    Y: part({ year: "numeric" }),
    y: part({ year: "2-digit" }),
    b: part({ month: "short" }),
    B: part({ month: "long" }),
    a: part({ weekday: "short" }),
    A: part({ weekday: "long" }),
    H: "00",
    I: "12",
    M: "00",
    S: "00",
    p: "AM",
    "%": "%",
  };
  return String(format).replace(/%(.)/g, (whole, directive: string) => values[directive] ?? whole);
}
