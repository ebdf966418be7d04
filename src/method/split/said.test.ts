import { expect, test } from "vitest";
import { ENDS, STARTS, saidIn } from "./said.ts";

const letters = (text: Parameters<typeof saidIn>[0]) => saidIn(text).letters;

test("one dialogue has the same letters in every written form", () => {
  const messages = [
    { role: "user", content: "What is 2 + 2?" },
    { role: "assistant", content: "It is 4." },
    { role: "user", content: "Sure?" },
  ];
  const forms = [
    "\n\nHuman: What is 2 + 2?\n\nAssistant: It is 4.\n\nHuman: Sure?\n\nAssistant:",
    "###Human:  what is 2 + 2? ###Assistant: It is 4.\n\n###Human: Sure?",
    "USER: What is 2 + 2? ASSISTANT: It is 4.</s>USER: Sure? ASSISTANT:",
    "<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\nIt is 4.<|im_end|>\n<|im_start|>user\nSure?<|im_end|>",
    "<s>[INST] What is 2 + 2? [/INST] It is 4. </s><s>[INST] Sure? [/INST]",
    "<start_of_turn>user\nWhat is 2 + 2?<end_of_turn>\n<start_of_turn>model\nIt is 4.<end_of_turn>\n<start_of_turn>user\nSure?",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhat is 2 + 2?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nIt is 4.<|eot_id|>Sure?",
  ];
  for (const form of forms) expect(letters(form)).toBe("whatis2+2itis4sure");
  expect(letters(messages)).toBe("whatis2+2itis4sure");
});

test("what a system prompt says is told apart", () => {
  const ask = (text: string) => {
    const { letters: all, begin } = saidIn(text);
    return [all.slice(0, begin), all.slice(begin)];
  };
  expect(ask("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>")).toEqual([
    "bekind",
    "hi",
  ]);
  expect(ask("[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST]")).toEqual(["bekind", "hi"]);
  expect(ask("A chat with a curious being. USER: Hi ASSISTANT:")).toEqual(["achatwithacuriousbeing", "hi"]);
  expect(ask("no transcript at all")).toEqual(["", "notranscriptatall"]);
  const { begin } = saidIn([
    { role: "system", content: "Be kind." },
    { role: "user", content: "Hi" },
  ]);
  expect(begin).toBe(6);
});

test("words begin and end where they do; in scripts without spaces after each sign", () => {
  expect([...saidIn("It is 4.").marks]).toEqual([STARTS, 0, STARTS | ENDS, 0, STARTS | ENDS, ENDS]);
  expect([...saidIn("你好").marks]).toEqual([STARTS, STARTS | ENDS, ENDS]);
  expect(letters("Ｆｕｌｌ　ｗｉｄｔｈ 👍")).toBe("fullwidth👍");
  expect(letters("?!…")).toBe("");
});
