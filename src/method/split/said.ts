/**
 * What is said in a text, however it is written down: its letters and digits, without white space, punctuation, case, names of roles and
 * control tokens of templates. A transcript, a chat template's text and a list of messages of one dialogue come out alike, so that a dialogue
 * is found again inside another row.
 */
import type { Text } from "../data/rows.ts";

/** Letters of a text, and where its words are. */
export type Said = {
  /** Letters, digits and symbols in lower case, nothing between them. */
  readonly letters: string;
  /** For each place before, between and after letters: `STARTS` where a word begins, `ENDS` where one ends. `[letters + 1]` */
  readonly marks: Uint8Array;
  /** Letters before the first turn of a user: a system prompt, or words that introduce a transcript. 0 where there are none. */
  readonly begin: number;
};

/** A word begins here. */
export const STARTS = 1;
/** A word ends here. */
export const ENDS = 2;

/** Tokens that templates put around turns (after NFKC and in lower case). */
const CONTROL =
  /<\|[^|<>]{1,40}\|>|<\/?s>|<(?:bos|eos|pad|start_of_turn|end_of_turn)>|\[\/?inst\]|<<\/?sys>>/g;

/** Where a transcript's first user speaks; what a system message says ends before it. */
const FIRST_USER =
  /<<\/sys>>|<\|im_start\|>user|<\|start_header_id\|>user|<\|user\|>|<start_of_turn>user|(?:^|\s)(?:#+ *)?(?:human|user) *:/;

/** Names of speakers and of their turns: dropped wherever they stand, on both sides of a comparison. */
const ROLES = new Set(
  "human user assistant system bot gpt model chatgpt ai prompter developer instruction instructions response input question answer".split(
    " ",
  ),
);

/** Scripts without spaces: each sign is a word of its own. */
const UNSPACED = ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"]
  .map((script) => `\\p{Script=${script}}`)
  .join("");
const WORD = new RegExp(
  `[${UNSPACED}]\\p{M}*|[[\\p{L}\\p{M}\\p{N}\\p{Emoji_Presentation}\\p{Sm}]--[${UNSPACED}<>\\|~]]+`,
  "gv",
);

/** The letters of a text. */
export function saidIn(text: Text): Said {
  const { before, rest } = typeof text === "string" ? transcript(text) : conversation(text);
  const words = [...wordsOf(before), ...wordsOf(rest)];
  const begin = before === "" ? 0 : wordsOf(before).join("").length;
  const letters = words.join("");
  const marks = new Uint8Array(letters.length + 1);
  let at = 0;
  for (const word of words) {
    marks[at]! |= STARTS;
    at += word.length;
    marks[at]! |= ENDS;
  }
  return { letters, marks, begin };
}

const plain = (text: string) => text.normalize("NFKC").toLowerCase();

/** What comes before the first user's turn, and the rest. */
function transcript(text: string): { before: string; rest: string } {
  const written = plain(text);
  const found = FIRST_USER.exec(written);
  return found === null
    ? { before: "", rest: written }
    : { before: written.slice(0, found.index), rest: written.slice(found.index) };
}

function conversation(messages: Exclude<Text, string>): { before: string; rest: string } {
  const first = messages.findIndex(({ role }) => role !== "system" && role !== "developer");
  const said = (turns: Exclude<Text, string>) => plain(turns.map(({ content }) => content).join("\n"));
  return first < 0
    ? { before: "", rest: said(messages) }
    : { before: said(messages.slice(0, first)), rest: said(messages.slice(first)) };
}

function wordsOf(text: string): string[] {
  const words = text.replaceAll(CONTROL, " ").match(WORD) ?? [];
  return words.filter((word) => !ROLES.has(word));
}
