/** The few shapes all data takes once it is read. Field names are TRL's; see `field.md` 3.1. */
import { canonicalJson, sha256 } from "../../base/core/digest.ts";
import { saidIn } from "../../engine/text/said.ts";
import type { Message as ChatMessage } from "../../engine/text/template.ts";

/**
 * One turn of a conversation. Further members (`name`, `reasoning_content`, `tool_calls`, …) go to the chat template as they are; the first message
 * of a prompt may carry the template's inputs (`engine/text/template-inputs.ts`).
 */
export type Message = ChatMessage;

/** Plain text, or the turns of a conversation. */
export type Text = string | readonly Message[];

/**
 * What may be odd about a row: `tie` people preferred neither; `empty` a response says nothing; `identical`
 * both responses are the same; `score-contradicts` the rejected response has the higher score; `extra-turn` a response goes on with another speaker's turn.
 */
export type RowFlag = "tie" | "empty" | "identical" | "score-contradicts" | "extra-turn";

/** Why a person was asked about a pair. */
export const ASKED = ["random", "useful"] as const;
/** One of them. */
export type Asked = (typeof ASKED)[number];

/** What the data said beside the texts. Everything here is optional and nothing of it reaches a labeller but `group`, `subset` and `asked`. */
export type RowMeta = {
  readonly flags?: readonly RowFlag[];
  /** Rows of one group share content: a split keeps them on one side. Named within one reading: names of two files do not compare. */
  readonly group?: string;
  /** The part of the data the row belongs to, such as RewardBench's `subset`. */
  readonly subset?: string;
  /** The pair was chosen by `ask`, at random or because it was useful: it is no draw of the data, and is never held out. */
  readonly asked?: Asked;
  /** The row of lists that the pair is of, and the places of its responses in them. */
  readonly item?: { readonly row: string; readonly chosen: number; readonly rejected: number };
  readonly scoreChosen?: number;
  readonly scoreRejected?: number;
};

/** A human preference: `chosen` was preferred to `rejected`, unless `meta.flags` holds `tie`. */
export type PreferenceRow = {
  readonly id: string;
  readonly prompt: Text;
  readonly chosen: Text;
  readonly rejected: Text;
  readonly meta?: RowMeta;
};

/** What a candidate pair may carry to a labeller: nothing that tells what a person chose. */
export type PairMeta = Pick<RowMeta, "group" | "subset" | "asked">;

/** Two responses in an order that says nothing about which is better. All that a labeller ever sees. */
export type CandidatePair = {
  readonly id: string;
  readonly prompt: Text;
  readonly a: Text;
  readonly b: Text;
  readonly meta?: PairMeta;
};

/** What a person said of a candidate pair; lives in a file of its own and is joined by `id` when something is measured. */
export type HumanLabel = { readonly id: string; readonly preferred: "a" | "b" | "tie" };

/** The text of a string, or of all turns joined by newlines: contents, with reasoning and calls where a turn has them. */
export function plainText(text: Text): string {
  return typeof text === "string" ? text : text.flatMap(saidIn).join("\n");
}

/** True when a text holds nothing but white space. */
export function isEmptyText(text: Text): boolean {
  return plainText(text).trim() === "";
}

/** True when two texts are equal; a string never equals a message list. */
export function sameText(a: Text, b: Text): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

/**
 * SHA-256 of the prompt, hex, as Zephyr and distilabel write it. A lone user message counts as its content, so
 * that `"x"` and `[{role: "user", content: "x"}]` are the same prompt; longer lists are digested as canonical JSON.
 */
export function promptId(prompt: Text): string {
  if (typeof prompt === "string") return sha256(prompt);
  const [only] = prompt;
  const bare = prompt.length === 1 && only?.role === "user" && Object.keys(only).length === 2;
  return sha256(bare ? only.content : canonicalJson(prompt));
}

/** True when people preferred neither response. */
export function isTie(row: PreferenceRow): boolean {
  return row.meta?.flags?.includes("tie") ?? false;
}
