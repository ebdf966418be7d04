import fc from "fast-check";
import { expect, test } from "vitest";
import { splitMessages, splitTexts } from "./common-prefix.ts";

test("the prompt ends after the last turn mark that both share", () => {
  expect(splitTexts("Human: hi\n\nAssistant: I am well", "Human: hi\n\nAssistant: I am not")).toEqual({
    prompt: "Human: hi\n\nAssistant:",
    first: " I am well",
    second: " I am not",
  });
  expect(splitTexts("[INST] q [/INST] yes", "[INST] q [/INST] yellow")).toMatchObject({
    prompt: "[INST] q [/INST]",
    first: " yes",
  });
});

test("without a mark it ends before the white space at the first difference, as TRL's extract_prompt cuts", () => {
  // shared "The sky is " → the space goes with the responses
  expect(splitTexts("The sky is blue.", "The sky is green.")).toMatchObject({
    prompt: "The sky is",
    first: " blue.",
    second: " green.",
  });
  // shared "The sky is gr" → no word is cut
  expect(splitTexts("The sky is grey.", "The sky is green.")).toMatchObject({
    prompt: "The sky is",
    first: " grey.",
    second: " green.",
  });
  expect(splitTexts("Q: why?\nBecause", "Q: why?\nBecoming")).toMatchObject({
    prompt: "Q: why?\n",
    first: "Because",
    second: "Becoming",
  });
  expect(splitTexts("blue", "black")).toMatchObject({ prompt: "", first: "blue", second: "black" });
  expect(splitTexts("a b", "a b c")).toMatchObject({ prompt: "a b", first: "", second: " c" });
});

test("prompt plus response is always the whole text", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (front, a, b) => {
      const { prompt, first, second } = splitTexts(front + a, front + b);
      expect([prompt + first, prompt + second]).toEqual([front + a, front + b]);
    }),
  );
});

test("conversations share whole messages", () => {
  const user = { role: "user", content: "hi" };
  const say = (content: string) => ({ role: "assistant", content });
  expect(splitMessages([user, say("a")], [user, say("b")])).toEqual({
    prompt: [user],
    first: [say("a")],
    second: [say("b")],
  });
  expect(splitMessages([user, say("a")], [user, say("a")])).toEqual({
    prompt: [user],
    first: [say("a")],
    second: [say("a")],
  });
  expect(() => splitMessages([user], [user, say("b")])).toThrow("beginning of the other");
});
