import { Template } from "@huggingface/jinja";
import { describe, expect, it } from "vitest";
import { CheckpointError, ConfigError } from "../../base/core/errors.ts";
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

  it("takes off the characters that a template names, as Python does, and no others", () => {
    const render = (expression: string, content: string) =>
      parseChatTemplate("f", `{{ ${expression} }}`, {}).render([{ role: "user", content }], false);
    // Values by CPython: ' a\\n'.lstrip('\\n') and so on.
    expect(render("messages[0].content.lstrip('\\n')", "\n\n a \n")).toBe(" a \n");
    expect(render("messages[0].content.rstrip('\\n')", "\n a \n\n")).toBe("\n a ");
    expect(render("messages[0]['content'].strip('xy')", "yxa xyz x")).toBe("a xyz ");
    expect(render("messages[0].content.strip()", " \n a \n")).toBe("a");
    expect(
      render("messages[0].content.split('|')[0].rstrip('.').split('-')[-1].lstrip('+')", "b-+ a..|c"),
    ).toBe(" a");
  });

  it("says what the template refuses, and refuses what is no template", () => {
    const strict = "{% if messages[0].role != 'user' %}{{ raise_exception('user first') }}{% endif %}";
    const template = parseChatTemplate("f", strict, tokens);
    expect(() => template.render([chat[1]!], false)).toThrow(ConfigError);
    expect(() => template.render([chat[1]!], false)).toThrow(/roles assistant: user first/);
    expect(() => parseChatTemplate("f", "{% if %}", tokens)).toThrow(CheckpointError);
  });
});

describe("a template that would run for ever", () => {
  const render = (source: string) =>
    parseChatTemplate("t.jinja", source, {}).render([{ role: "user", content: "x" }], false);

  it.each([
    ["a range", "{% for i in range(10**12) %}x{% endfor %}"],
    ["a range without a loop", "{{ range(2000000000) | length }}"],
    ["loops in loops", `${"{% for a in range(100) %}".repeat(6)}${"{% endfor %}".repeat(6)}`],
    [
      "a macro that calls itself twice",
      "{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    ],
    [
      "text that doubles",
      "{% set n = namespace(t='xxxxxxxx') %}{% for i in range(40) %}{% set n.t = n.t ~ n.t %}{% endfor %}{{ n.t }}",
    ],
    [
      "lists that double",
      "{% set n = namespace(t=[1]) %}{% for i in range(60) %}{% set n.t = n.t + n.t %}{% endfor %}",
    ],
    [
      "lists that hold themselves twice",
      "{% set n = namespace(t=['x']) %}{% for i in range(60) %}{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.t | tojson }}",
    ],
    [
      "a mapping that holds itself twice",
      "{% set n = namespace(t={}) %}{% for i in range(60) %}{% set n.t = {'a': n.t, 'b': n.t} %}{% endfor %}{{ n.t }}",
    ],
    [
      "replacements of replacements",
      "{% set n = namespace(t='xx') %}{% for i in range(9) %}{% set n.t = n.t.replace('x', n.t) %}{% endfor %}",
    ],
    ["a filter over a block", "{% filter indent(300000000, true) %}{{ 'x' }}{% endfilter %}"],
    ["JSON with a wide margin", "{{ [[1]] | tojson(indent=400000000) }}"],
    ["a long separator", `{{ range(4000) | list | join('${"x".repeat(2000)}') }}`],
    [
      "looking at a long text for ever",
      "{% set n = namespace(t='xy') %}{% for i in range(20) %}{% set n.t = n.t ~ n.t %}{% endfor %}{% for i in range(100000) %}{% if 'z' in n.t %}{% endif %}{% endfor %}",
    ],
    ["blocks in a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"],
  ])("is stopped: %s", (_, source) => {
    expect(() => render(source)).toThrow(/chat template of t\.jinja: refuses messages of roles user/);
  });

  it("ordinary loops, ranges with two and three limits and macros are as they were", () => {
    expect(
      render(
        "{% for i in range(2, 8, 3) %}{{ i }},{% endfor %}{% for i in range(3) %}{{ loop.index }}{% endfor %}{% for i in range(3, 0, -1) %}{{ i }}{% endfor %}",
      ),
    ).toBe("2,5,123321");
    expect(
      render("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m('a') }} in the range (of) {{ m('range') }}"),
    ).toBe("<a> in the range (of) <range>");
  });

  it("what is within the bounds is written as the library alone writes it", () => {
    const source = `{%- set ns = namespace(text='', n=0) -%}{%- for m in messages -%}{%- set ns.text = ns.text ~ m.role.upper() ~ ': ' ~ m.content.replace('a', 'bb', 1) -%}
      {%- set ns.n = ns.n + 1 -%}{%- endfor -%}{{ ns.text }}|{{ ns.n }}|{{ messages | map(attribute='role') | join(', ') }}|{{ messages | tojson(indent=2) }}|
      {%- filter upper %}x{{ messages | length }}{% endfilter %}{{ 'a\\nb' | indent(2) }}{{ 'aaa' | replace('a', 'b') }}{{ messages[-1:] | length }}{{ 'a' in messages[0].content }}`;
    const messages = [
      { role: "user", content: "a banana" },
      { role: "assistant", content: "banana a" },
    ];
    const given = parseChatTemplate("t.jinja", source, {}).render(messages, false);
    expect(given).toBe(new Template(source).render({ messages }));
    expect(given).toContain("USER: bb banana");
  });

  it("a template of megabytes is refused before it is parsed", () => {
    expect(() => parseChatTemplate("t.jinja", "x".repeat(2 ** 21), {})).toThrow(
      /t\.jinja: chat template has 2097152 characters/,
    );
  });
});
