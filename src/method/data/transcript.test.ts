import { expect, test } from "vitest";
import { conversationOf } from "./transcript.ts";

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

test("HH-RLHF's prompts become turns, the open one of the assistant left out", () => {
  expect(conversationOf("\n\nHuman: Hi\n\nAssistant:")).toEqual([user("Hi")]);
  expect(conversationOf("\n\nHuman: Hi\n\nAssistant: Hello.\nYes?\n\nHuman: Why: so?\n\nAssistant:")).toEqual(
    [user("Hi"), assistant("Hello.\nYes?"), user("Why: so?")],
  );
  expect(conversationOf("###Human: Hi\n###Assistant: ")).toEqual([user("Hi")]);
});

test("turns of one speaker in a row are one, for templates want them to alternate", () => {
  expect(conversationOf("\n\nHuman: Hi\n\nHuman: You?\n\nAssistant:")).toEqual([user("Hi\n\nYou?")]);
});

test("other texts are one turn of the user; messages stay as they are", () => {
  expect(conversationOf("SUBREDDIT: r/x\nPOST: y\nTL;DR:")).toEqual([
    user("SUBREDDIT: r/x\nPOST: y\nTL;DR:"),
  ]);
  expect(conversationOf("\n\nAssistant: Hi\n\nAssistant:")).toEqual([user("Assistant: Hi\n\nAssistant:")]);
  expect(conversationOf("Note.\n\nHuman: Hi\n\nAssistant:")).toEqual([
    user("Note.\n\nHuman: Hi\n\nAssistant:"),
  ]);
  expect(conversationOf("\n\nHuman: Hi")).toEqual([user("Human: Hi")]);
  const messages = [{ role: "system", content: "s" }, user("Hi")];
  expect(conversationOf(messages)).toBe(messages);
});
