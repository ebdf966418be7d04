import { describe, expect, it } from "vitest";
import { CheckpointError, ConfigError } from "../core/errors.ts";
import { parseChatTemplate } from "./template.ts";

const tokens = { bos_token: "<s>", eos_token: "</s>" };
const chat = [
  { role: "user", content: "hi" },
  { role: "assistant", content: "ho" },
];

describe("parseChatTemplate", () => {
  it("renders messages with the model's special tokens and opens the assistant's turn when asked", () => {
    const source =
      "{{ bos_token }}{% for m in messages %}\n[{{ m.role }}] {{ m.content }}{{ eos_token }}{% endfor %}" +
      "{% if add_generation_prompt %}[assistant]{% endif %}";
    const template = parseChatTemplate("f", source, tokens);
    // Jinja as Hugging Face sets it up drops the line break after a block.
    expect(template.render(chat, false)).toBe("<s>[user] hi</s>[assistant] ho</s>");
    expect(template.render(chat.slice(0, 1), true)).toBe("<s>[user] hi</s>[assistant]");
  });

  it("has a digest of its text", () => {
    const digest = (source: string) => parseChatTemplate("f", source, tokens).digest;
    expect(digest("{{ bos_token }}")).toBe(digest("{{ bos_token }}"));
    expect(digest("{{ bos_token }}")).not.toBe(digest("{{ eos_token }}"));
  });

  it("writes the same date every day", () => {
    const source = "{{ strftime_now('%d %b %Y, %A %d-%m-%y %H:%M %q%%') }}|{{ date_string }}";
    const text = parseChatTemplate("f", source, tokens).render([], false);
    // 26 July 2024 was a Friday; an unknown directive stays as it is.
    expect(text).toBe("26 Jul 2024, Friday 26-07-24 00:00 %q%|26 Jul 2024");
  });

  it("says what the template refuses, and refuses what is no template", () => {
    const strict = "{% if messages[0].role != 'user' %}{{ raise_exception('user first') }}{% endif %}";
    const template = parseChatTemplate("f", strict, tokens);
    expect(() => template.render([chat[1]!], false)).toThrow(ConfigError);
    expect(() => template.render([chat[1]!], false)).toThrow(/roles assistant: user first/);
    expect(() => parseChatTemplate("f", "{% if %}", tokens)).toThrow(CheckpointError);
  });
});
