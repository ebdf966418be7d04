/** Decoder reward models as gold: read in their own chat template, and what is done with texts that do not fit. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { type GoldItem, goldSpecSchema, openGoldScorer } from "./gold.ts";

const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}";

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gold-chat-"));
  runtime = openRuntime({ threads: 1 });
  for (const name of ["plain", "chat"]) {
    await writeTinyModel(join(folder, name), { family: "llama", seed: 4, task: "reward", positions: 256 });
  }
  const file = join(folder, "chat", "tokenizer_config.json");
  await writeJsonAtomic(file, { ...((await readJson(file)) as object), chat_template: TEMPLATE });
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});

async function score(model: string, items: readonly GoldItem[], options: object = {}): Promise<number[]> {
  const spec = goldSpecSchema.parse({ type: "reward-model", model: join(folder, model), ...options });
  const gold = await openGoldScorer({ runtime }, spec);
  try {
    return await gold.score(items);
  } finally {
    await gold.close();
  }
}

const digest = async (options: object) => {
  const spec = goldSpecSchema.parse({ type: "reward-model", model: join(folder, "chat"), ...options });
  const gold = await openGoldScorer({ runtime }, spec);
  await gold.close();
  return gold.digest;
};

const TRANSCRIPT = {
  prompt: "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Go\n\nAssistant:",
  response: " No.",
};
const MESSAGES = {
  prompt: [
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Yes?" },
    { role: "user", content: "Go" },
  ],
  response: "No.",
};

describe("a decoder reward model", () => {
  test("with a chat template reads a transcript as the conversation that it is, by default and when told", async () => {
    const [conversation] = await score("chat", [MESSAGES]);
    expect(await score("chat", [TRANSCRIPT])).toEqual([conversation]);
    expect(await score("chat", [TRANSCRIPT], { reads: "chat" })).toEqual([conversation]);
    // The same ids, spelt out, through the model of equal weights that has no template.
    const spelt = { prompt: "[INST] Hi [/INST] Yes?</s>[INST] Go [/INST]", response: " No." };
    const [text] = await score("plain", [spelt]);
    expect(conversation).toBeCloseTo(text!, 5);
  });

  test("told to, or without a template, reads text as it stands; the two are different scorers", async () => {
    const [plain] = await score("plain", [TRANSCRIPT]);
    const [text] = await score("chat", [TRANSCRIPT], { reads: "text" });
    const [chat] = await score("chat", [TRANSCRIPT]);
    expect(text).toBe(plain);
    expect(Math.abs(chat! - text!)).toBeGreaterThan(1e-3);
    expect(await digest({})).toBe(await digest({ reads: "chat" }));
    expect(await digest({})).not.toBe(await digest({ reads: "text" }));
  });

  test("asked for a template that it does not have, says so", async () => {
    await expect(score("plain", [TRANSCRIPT], { reads: "chat" })).rejects.toThrow(
      /plain: reads: chat needs a chat template/,
    );
  });

  test("cut-prompt keeps the response whole and the prompt's end; a response that fills all is refused", async () => {
    const prompt = `${"x".repeat(100)}the end`;
    const options = { tooLong: "cut-prompt", maxLength: 24 };
    // 24 tokens: BOS, 13 of the prompt's end, 9 bytes of the response, EOS.
    const [cut] = await score("plain", [{ prompt, response: " response" }], options);
    const [kept] = await score("plain", [{ prompt: prompt.slice(-13), response: " response" }], {
      maxPromptLength: 14,
      maxLength: 24,
    });
    expect(cut).toBeCloseTo(kept!, 5);
    await expect(score("plain", [{ prompt, response: "y".repeat(30) }], options)).rejects.toThrow(
      /does not fit \(truncated_response\)/,
    );
    await expect(score("plain", [{ prompt, response: " response" }], { maxLength: 24 })).rejects.toThrow(
      /does not fit \(truncated_prompt\)/,
    );
  });
});
