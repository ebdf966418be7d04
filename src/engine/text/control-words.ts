/**
 * Control words that the data spells: text such as `</s>` or `<|im_end|>` in a message becomes the very token that ends a turn, and
 * tokenizers do not tell it from the template's own (huggingface/transformers#47853). What is the template's and what is the data's
 * is told by rendering a second time with every character of the data that could be part of such a word replaced by one that cannot.
 */
import type { Message } from "./template.ts";

/** A tokenizer's control words: its special tokens and role markers, without the token of unknown text. */
export type ControlWords = {
  readonly ids: ReadonlySet<number>;
  /** Any of them, the longest where several begin at one place; undefined where there are none. */
  readonly pattern: RegExp | undefined;
  readonly words: ReadonlySet<string>;
  /** What stands in for each character of them. */
  readonly mask: ReadonlyMap<string, string>;
};

/** Begin of a private-use area: characters that no template and no control word has. */
const PRIVATE = 0xe000;

/** Control words from their texts and ids. */
export function controlWords(words: ReadonlyMap<string, number>): ControlWords {
  const longestFirst = [...words.keys()].toSorted((x, y) => y.length - x.length);
  const escaped = longestFirst.map((word) => word.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  const units = [...new Set(longestFirst.join("").split(""))].filter((unit) => unit.trim() !== "");
  return {
    ids: new Set(words.values()),
    pattern: escaped.length === 0 ? undefined : new RegExp(escaped.join("|"), "g"),
    words: new Set(longestFirst),
    mask: new Map(units.map((unit, i) => [unit, String.fromCharCode(PRIVATE + i)])),
  };
}

/** Tags such as `<think>` or `</tool_call>`, which templates look for in a message. */
const TAG = /<\/?\w+>/g;

/**
 * True when a rendered conversation holds a control word with a part of it, even one character, from the data.
 *
 * @param rendered - `render(messages)`
 * @param render - renders other messages in the same way
 */
export function spellsControlWord(
  control: ControlWords,
  messages: readonly Message[],
  rendered: string,
  render: (messages: readonly Message[]) => string,
): boolean {
  const found = matchesOf(control, rendered);
  if (found.length === 0) return false;
  let masked: string;
  try {
    masked = render(messages.map((message) => maskText(message, control) as Message));
  } catch {
    // A template that refuses the mask looks into its messages: then a word counts where it stands whole in one.
    return textsOf(messages).some((text) => matchesOf(control, text).length > 0);
  }
  if (!corresponds(rendered, masked, control)) return found.length > matchesOf(control, masked).length;
  return found.some(([start, end]) => rendered.slice(start, end) !== masked.slice(start, end));
}

/** Every control word in a text, as `[start, end)`. */
function matchesOf({ pattern }: ControlWords, text: string): (readonly [number, number])[] {
  if (pattern === undefined) return [];
  return [...text.matchAll(pattern)].map(({ index, 0: word }) => [index, index + word.length] as const);
}

/** Members whose values templates compare, never write as they are. */
const COMPARED = ["role", "type", "chat_template_kwargs"];

/** Masks all texts of a message but the compared ones. */
function maskText(value: unknown, mask: ControlWords, key = ""): unknown {
  if (COMPARED.includes(key)) return value;
  if (typeof value === "string") return masked(value, mask);
  if (Array.isArray(value)) return value.map((item) => maskText(item, mask));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, maskText(item, mask, name)]));
}

function masked(text: string, { mask, words }: ControlWords): string {
  const plain = (part: string) =>
    part
      .split("")
      .map((unit) => mask.get(unit) ?? unit)
      .join("");
  let result = "";
  let at = 0;
  for (const { index, 0: tag } of text.matchAll(TAG)) {
    if (words.has(tag)) continue;
    result += plain(text.slice(at, index)) + tag;
    at = index + tag.length;
  }
  return result + plain(text.slice(at));
}

/** True when the masked rendering is the rendering, character by character but for the mask. */
function corresponds(rendered: string, maskedText: string, { mask }: ControlWords): boolean {
  if (rendered.length !== maskedText.length) return false;
  for (let i = 0; i < rendered.length; i++) {
    const unit = rendered[i]!;
    if (unit !== maskedText[i] && mask.get(unit) !== maskedText[i]) return false;
  }
  return true;
}

function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}
