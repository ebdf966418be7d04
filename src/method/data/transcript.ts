/** Dialogues written as one text, as turns: for models that read conversations under their own chat template. */
import type { Message, Text } from "./rows.ts";

/** A speaker at the begin of a line, as in HH-RLHF ("\n\nHuman:") and its variants ("###Human:", "User:"). */
const SPEAKER = /(?:^|\n)[^\S\n]*(?:#+ *)?(Human|User|Assistant|AI) *:/gi;

/**
 * The turns of a transcript that a user begins and whose last turn, the assistant's, is to be written; any other text is one turn of the user.
 * Turns of one speaker in a row become one. Messages are given back as they are.
 */
export function conversationOf(prompt: Text): readonly Message[] {
  if (typeof prompt !== "string") return prompt;
  const marks = [...prompt.matchAll(SPEAKER)];
  const before = prompt.slice(0, marks[0]?.index ?? 0).trim();
  const turns = marks.map((mark, i) => ({
    role: /^(human|user)$/i.test(mark[1]!) ? "user" : "assistant",
    content: prompt.slice(mark.index + mark[0].length, marks[i + 1]?.index).trim(),
  }));
  const last = turns.pop();
  if (before !== "" || turns[0]?.role !== "user" || last?.role !== "assistant" || last.content !== "")
    return [{ role: "user", content: prompt.trim() }];
  const joined: Message[] = [];
  for (const turn of turns) {
    const previous = joined.at(-1);
    if (previous?.role !== turn.role) joined.push(turn);
    else {
      const content = [previous.content, turn.content].filter((text) => text !== "").join("\n\n");
      joined[joined.length - 1] = { ...previous, content };
    }
  }
  return joined;
}
