/**
 * HTML that is escaped unless it was made here. Text of models and data reaches a page only through `escapeHtml`,
 * which also makes control characters and direction overrides visible, so that no text can disguise itself.
 */

import { visible } from "../base/core/visible.ts";

/** Markup that is safe to put in a page as it is. Made by `html`, `join` and `trusted` only. */
export type Html = { readonly markup: string };

/** What a template takes: text is escaped, markup is not, nothing (`undefined`, `null`, `false`) is nothing. */
export type HtmlPart = Html | string | number | undefined | null | false | readonly HtmlPart[];

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as HTML text or attribute value: markup escaped, hidden characters shown as `⟨U+202E⟩`, lone surrogates as U+FFFD. */
export function escapeHtml(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** Template tag: `` html`<p>${text}</p>` `` with every text value escaped. */
export function html(parts: TemplateStringsArray, ...values: HtmlPart[]): Html {
  let markup = parts[0]!;
  for (let i = 0; i < values.length; i++) markup += partMarkup(values[i]) + parts[i + 1]!;
  return { markup };
}

/** Parts one after the other, `separator` between them (markup, such as a newline). */
export function join(parts: readonly HtmlPart[], separator = ""): Html {
  return { markup: parts.map(partMarkup).join(separator) };
}

/** Declares markup safe. For constants of this project only (style sheet, script), never for data. */
export function trusted(markup: string): Html {
  return { markup };
}

function partMarkup(part: HtmlPart): string {
  if (part === undefined || part === null || part === false) return "";
  if (typeof part === "string") return escapeHtml(part);
  if (typeof part === "number") return String(part);
  return "markup" in part ? part.markup : part.map(partMarkup).join("");
}
