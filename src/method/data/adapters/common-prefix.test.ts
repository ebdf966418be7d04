import fc from "fast-check";
import { describe, expect, test } from "vitest";
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

describe("scripts without spaces: a word ends without white space", () => {
  const cut = (a: string, b: string) => splitTexts(a, b).prompt;

  test("Chinese and Japanese, with wide and narrow punctuation", () => {
    expect(cut("问：雪为什么白？答：光被散开。", "问：雪为什么白？答：我不清楚。")).toBe(
      "问：雪为什么白？答：",
    );
    expect(cut("问:雪为什么白?答:光被散开。", "问:雪为什么白?答:我不清楚。")).toBe("问:雪为什么白?答:");
    // 因为 and 因此 are two words: neither is cut after 因
    expect(cut("问：为何？答：因为冷", "问：为何？答：因此暖")).toBe("问：为何？答：");
    // what both begin their answer with belongs to the prompt, as in "The sky is"
    expect(cut("雪は白い", "雪は冷たい")).toBe("雪は");
    expect(cut("質問:雪はなぜ白い?答え:わかりません", "質問:雪はなぜ白い?答え:散乱です")).toBe(
      "質問:雪はなぜ白い?答え:",
    );
    expect(cut("你好", "你好吗")).toBe("你好");
  });

  test("Thai keeps words whole; Korean, Arabic and Hebrew have spaces", () => {
    expect(cut("ทำไมหิมะสีขาวเพราะแสง", "ทำไมหิมะสีขาวเพราะฝน")).toBe("ทำไมหิมะสีขาวเพราะ");
    expect(cut("ถาม: ทำไม? ตอบ: แสง", "ถาม: ทำไม? ตอบ: ฝน")).toBe("ถาม: ทำไม? ตอบ:");
    expect(cut("질문: 왜? 답: 빛이", "질문: 왜? 답: 빛의")).toBe("질문: 왜? 답:");
    expect(cut("질문:왜?답:빛", "질문:왜?답:물")).toBe("질문:왜?답:");
    expect(cut("س: لماذا؟ ج: ضوء", "س: لماذا؟ ج: ضوضاء")).toBe("س: لماذا؟ ج:");
    expect(cut("שאלה: למה? תשובה: כי", "שאלה: למה? תשובה: כיף")).toBe("שאלה: למה? תשובה:");
  });

  test("words of spaced scripts, numbers and characters of several parts are never cut", () => {
    expect(cut("答：iPhone好", "答：iPad好")).toBe("答：");
    expect(cut("答：12年", "答：15年")).toBe("答：");
    expect(cut("心情：😀🎉", "心情：😀🎊")).toBe("心情：");
    expect(cut("家：👨‍👩‍👧", "家：👨‍👩‍👦")).toBe("家：");
    expect(cut("字：が", "字：か")).toBe("字：");
    expect(cut("A:Blue", "A:Green")).toBe("");
  });

  test("no place parts a surrogate pair or a character from its marks", () => {
    const text = fc.string({
      unit: fc.constantFrom(..."天 あ か\u3099 ก กำ ่ 😀 🎉 👍🏽 e\u0301 x 1 ： \n 𠮷".split(" "), " "),
      maxLength: 12,
    });
    const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
    fc.assert(
      fc.property(text, text, text, (front, a, b) => {
        const { prompt } = splitTexts(front + a, front + b);
        for (const whole of [front + a, front + b]) {
          const ends = [...graphemes.segment(whole)].map(({ index }) => index);
          expect([...ends, whole.length]).toContain(prompt.length);
        }
      }),
      { numRuns: 2000 },
    );
  });
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
  const system = { role: "system", content: "Be brief." };
  expect(() => splitMessages([system, user, say("a")], [user, say("b")])).toThrow(
    'differ from message 1 on, one of "system"',
  );
  const other = { role: "user", content: "another question" };
  expect(() => splitMessages([user, say("a")], [other, say("b")])).toThrow('one of "user"');
  const [longer, shorter] = [
    [user, say("a"), other, say("c")],
    [user, say("b")],
  ];
  expect(splitMessages(longer, shorter)).toMatchObject({ prompt: [user], second: [say("b")] });
});
