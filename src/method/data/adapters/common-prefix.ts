/** Finds the prompt of data that holds only whole texts: what both of a pair begin with, up to a sensible place. */
import { canonicalJson } from "../../../base/core/digest.ts";
import type { Message, Text } from "../rows.ts";
import { RowProblem } from "./adapter.ts";
import { wordEndsOfBoth } from "./word-ends.ts";

/** Ends of a prompt in the usual written forms of conversations: the responses begin right after. */
const TURN_MARKS = [
  "\n\nAssistant:",
  "\nAssistant:",
  "<|im_start|>assistant\n",
  "<|start_header_id|>assistant<|end_header_id|>\n\n",
  "<start_of_turn>model\n",
  "<|assistant|>\n",
  "[/INST]",
  "### Response:\n",
  "### Assistant:",
] as const;

/** A text that holds turns of its own, in one of the usual written forms. */
export const SPEAKER_MARKS =
  /(^|\n)\s*(Human|Assistant|User|USER|ASSISTANT|### (Instruction|Response|Assistant|Human)):|<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|\[INST\]|<\|(assistant|user)\|>/;

/** Number of UTF-16 units two texts share at their front. */
export function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let n = 0;
  while (n < most && a.charCodeAt(n) === b.charCodeAt(n)) n++;
  return n;
}

/**
 * Splits two whole texts into prompt and responses: after the last turn mark they share, else before the white space
 * at or before the first difference, so that no word is cut and a response keeps its leading space (as TRL's
 * `extract_prompt` does). The prompt may be empty.
 */
export function splitTexts(
  a: string,
  b: string,
): { prompt: string; first: string; second: string; promptIs?: "guessed" } {
  const shared = a.slice(0, sharedLength(a, b));
  const marked = Math.max(...TURN_MARKS.map((mark) => endOf(shared, mark)));
  const cut = marked > 0 ? marked : lastBoundary(a, b, shared.length);
  const parts = { prompt: a.slice(0, cut), first: a.slice(cut), second: b.slice(cut) };
  return marked > 0 ? parts : { ...parts, promptIs: "guessed" };
}

function endOf(text: string, mark: string): number {
  const at = text.lastIndexOf(mark);
  return at < 0 ? 0 : at + mark.length;
}

/**
 * The last place at or before `length` where both texts go on with white space, are over, or start anew after a newline; in scripts without
 * spaces, where a word ends in both (`word-ends.ts`).
 */
function lastBoundary(a: string, b: string, length: number): number {
  const breaks = (text: string, at: number) => at === text.length || /\s/.test(text[at]!);
  const ends = wordEndsOfBoth(a, b, length);
  let cut = length;
  while (cut > 0 && a[cut - 1] !== "\n" && !(breaks(a, cut) && breaks(b, cut)) && !ends(cut)) cut--;
  // The white space itself belongs to the response; a newline ends the prompt.
  while (cut > 0 && a[cut - 1] === " ") cut--;
  return cut;
}

/** Who asks: what begins with a message of theirs is no response. */
const ASKING: readonly string[] = ["system", "developer", "user", "human"];

/**
 * Splits two conversations into the messages they share and the rest.
 * @throws RowProblem when one has no message of its own, or the prompts differ
 */
export function splitMessages(
  a: readonly Message[],
  b: readonly Message[],
): { prompt: Message[]; first: Message[]; second: Message[] } {
  let n = 0;
  while (n < a.length && n < b.length && canonicalJson(a[n]) === canonicalJson(b[n])) n++;
  // Equal conversations: the last turn is the response of both.
  if (n === a.length && n === b.length) n--;
  if (n >= a.length || n >= b.length)
    throw new RowProblem(
      "chosen, rejected",
      "one conversation is the beginning of the other",
      "Give each a response of its own.",
    );
  const asked = [a[n]!, b[n]!].find(({ role }) => ASKING.includes(role));
  if (asked !== undefined)
    throw new RowProblem(
      "chosen, rejected",
      `the conversations differ from message ${n + 1} on, one of "${asked.role}", so what comes after answers two prompts`,
      "Give both the same prompt.",
    );
  return { prompt: a.slice(0, n), first: a.slice(n), second: b.slice(n) };
}

/**
 * Splits whole texts or whole conversations.
 * @throws RowProblem when one is text and the other a list
 */
export function splitContents(
  a: Text,
  b: Text,
): { prompt: Text; first: Text; second: Text; promptIs?: "guessed" } {
  if (typeof a === "string" && typeof b === "string") return splitTexts(a, b);
  if (typeof a !== "string" && typeof b !== "string") return splitMessages(a, b);
  throw new RowProblem(
    "chosen, rejected",
    "one is text and the other a message list",
    "Give both in the same form.",
  );
}
