import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../base/core/errors.ts";
import { encodePair, encodePrompt, encodePromptResponse } from "./pair.ts";
import { buildTokenizer, type Tokenizer } from "./tokenizer.ts";

const ALPHABET = ["_", "a", "b", "c", "d", "e", "_a", "_b", "ab", "abc", "<s>", "</s>"];
/**
 * Characters a to e and "_" for a space; the merges make "_a", "_b", "ab" and "abc".
 * Ids: _ 0, a 1, b 2, c 3, d 4, e 5, _a 6, _b 7, ab 8, abc 9, <s> 10, </s> 11.
 */
function tiny(
  settings: { addBos?: boolean; eos?: boolean; bos?: boolean; template?: string } = {},
): Tokenizer {
  const { addBos = true, eos = true, bos = true, template } = settings;
  const special = { ...(bos ? { bos_token: "<s>" } : {}), ...(eos ? { eos_token: "</s>" } : {}) };
  return buildTokenizer("tiny", {
    tokenizer: {
      added_tokens: [
        { id: 10, content: "<s>", special: true, normalized: false },
        { id: 11, content: "</s>", special: true, normalized: false },
      ],
      normalizer: { type: "Replace", pattern: { String: " " }, content: "_" },
      post_processor: addBos ? beginning("<s>") : null,
      decoder: { type: "Replace", pattern: { String: "_" }, content: " " },
      model: {
        type: "BPE",
        unk_token: null,
        vocab: Object.fromEntries(ALPHABET.map((token, id) => [token, id])),
        merges: ["_ a", "_ b", "a b", "ab c"],
      },
    },
    tokenizerConfig: {},
    specialTokens: special,
    config: {},
    generationConfig: {},
    chatTemplate: template,
  });
}

/** A post-processor that puts this token before a text. */
const beginning = (id: string) => ({
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [],
  special_tokens: {},
});

const roomy = { maxLength: 100, maxPromptLength: 50 };

describe("encodePair", () => {
  it("puts one BOS before the prompt and one EOS after each response", () => {
    const pair = encodePair(tiny(), { prompt: "cd", a: " ad", b: " be" }, roomy);
    // "cd ad" is c d _a d; "cd be" is c d _b e.
    expect(pair).toEqual({
      prompt: [10, 3, 4],
      a: [6, 4, 11],
      b: [7, 5, 11],
      flags: [],
      repairedBoundary: false,
    });
  });

  it("gives a token that straddles the boundary to the response", () => {
    // "d " alone is d _, but "d a" is d _a and "d b" is d _b: the space goes with the responses.
    const pair = encodePair(tiny(), { prompt: "d ", a: "a", b: "b" }, roomy);
    expect(pair).toMatchObject({ prompt: [10, 4], a: [6, 11], b: [7, 11], flags: ["repaired_boundary"] });
    expect(pair.repairedBoundary).toBe(true);
  });

  it("uses one prompt for both when only one response straddles", () => {
    // "d c" is d _ c (no token straddles), "d a" is d _a: the space moves to both responses.
    const pair = encodePair(tiny(), { prompt: "d ", a: "c", b: "a" }, roomy);
    expect(pair).toMatchObject({ prompt: [10, 4], a: [0, 3, 11], b: [6, 11], flags: ["repaired_boundary"] });
  });

  it("backs off over every token that the response changes", () => {
    // "dab" alone is d ab; with "c" it is d abc, with "b" it is d ab b.
    const pair = encodePair(tiny(), { prompt: "dab", a: "c", b: "b" }, roomy);
    expect(pair).toMatchObject({ prompt: [10, 4], a: [9, 11], b: [8, 2, 11] });
  });

  it("spells the whole text, whatever it is, and shares the prompt's ids", () => {
    const text = fc
      .array(fc.constantFrom(" ", "a", "b", "c", "d"), { maxLength: 12 })
      .map((parts) => parts.join(""));
    const tokenizer = tiny();
    fc.assert(
      fc.property(text, text, text, (prompt, a, b) => {
        const pair = encodePair(tokenizer, { prompt, a, b }, roomy);
        for (const [ids, response] of [
          [pair.a, a],
          [pair.b, b],
        ] as const) {
          expect(ids.at(-1)).toBe(11);
          expect(ids.filter((id) => id === 11 || id === 10)).toEqual([11]);
          expect(pair.prompt.filter((id) => id === 10 || id === 11)).toEqual([10]);
          // Exactly the tokens of the one text, between BOS and EOS; blanks at its end give way to EOS only where it was spelt.
          expect([...pair.prompt, ...ids]).toEqual([10, ...tokenizer.encode(prompt + response), 11]);
        }
        expect(pair.flags.includes("empty_a")).toBe(a.trim() === "");
        expect(pair.flags.includes("identical")).toBe(pair.a.join() === pair.b.join());
      }),
    );
  });

  it("does not double a BOS or EOS that the text spells, and tells of those inside", () => {
    const pair = encodePair(tiny(), { prompt: "<s>c", a: "d</s>", b: "e</s></s> " }, roomy);
    expect(pair).toMatchObject({ prompt: [10, 3], a: [4, 11], b: [5, 11], flags: [] });
    expect(encodePair(tiny(), { prompt: "c</s>d", a: "d", b: "e" }, roomy).flags).toEqual(["inner_special"]);
    expect(encodePair(tiny(), { prompt: "c", a: "d", b: "e<s>e" }, roomy).flags).toEqual(["inner_special"]);
  });

  it("adds no BOS where the model wants none, and no EOS where it has none", () => {
    const pair = encodePair(tiny({ addBos: false, eos: false }), { prompt: "c", a: "d", b: "e" }, roomy);
    expect(pair).toMatchObject({ prompt: [3], a: [4], b: [5], flags: [] });
  });

  it("lets BOS, or EOS where there is none, stand in for an empty prompt", () => {
    const responses = { prompt: "", a: "d", b: "e" };
    expect(encodePair(tiny(), responses, roomy)).toMatchObject({ prompt: [10], flags: ["empty_prompt"] });
    expect(encodePair(tiny({ addBos: false }), responses, roomy).prompt).toEqual([10]);
    expect(encodePair(tiny({ addBos: false, bos: false }), responses, roomy).prompt).toEqual([11]);
    const neither = tiny({ addBos: false, bos: false, eos: false });
    expect(() => encodePair(neither, responses, roomy)).toThrow(ConfigError);
  });

  it("flags responses without text and responses that are the same", () => {
    const pair = encodePair(tiny(), { prompt: "c", a: "", b: "d" }, roomy);
    expect(pair).toMatchObject({ prompt: [10, 3], a: [11], b: [4, 11], flags: ["empty_a"] });
    expect(encodePair(tiny(), { prompt: "c", a: "d", b: "  " }, roomy).flags).toEqual(["empty_b"]);
    expect(encodePair(tiny(), { prompt: "c", a: "d", b: "d" }, roomy).flags).toEqual(["identical"]);
  });

  it("keeps a prompt's end and its BOS, and a response's begin", () => {
    const limits = { maxLength: 6, maxPromptLength: 3 };
    const pair = encodePair(tiny(), { prompt: "ddcde", a: "dddd", b: "ee" }, limits);
    // BOS and the last two of d d c d e; then 6 - 3 = 3 tokens of room: "dddd" is cut, "ee" with EOS fits.
    expect(pair).toEqual({
      prompt: [10, 4, 5],
      a: [4, 4, 4],
      b: [5, 5, 11],
      flags: ["truncated_prompt", "truncated_a"],
      repairedBoundary: false,
    });
  });

  it("flags pairs that truncation makes identical", () => {
    const pair = encodePair(
      tiny(),
      { prompt: "c", a: "dddd", b: "ddde" },
      { maxLength: 5, maxPromptLength: 2 },
    );
    expect(pair).toMatchObject({
      a: [4, 4, 4],
      b: [4, 4, 4],
      flags: ["truncated_a", "truncated_b", "identical"],
    });
  });

  it("never exceeds the limits and never leaves a response without a token", () => {
    const text = fc
      .array(fc.constantFrom(" ", "a", "b", "c"), { maxLength: 20 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(
        text,
        text,
        text,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        (prompt, a, b, p, r) => {
          const pair = encodePair(tiny(), { prompt, a, b }, { maxLength: p + r, maxPromptLength: p });
          expect(pair.prompt.length).toBeGreaterThan(0);
          expect(pair.prompt.length).toBeLessThanOrEqual(p);
          for (const [ids, flag] of [
            [pair.a, "truncated_a"],
            [pair.b, "truncated_b"],
          ] as const) {
            expect(ids.length).toBeGreaterThan(0);
            expect(pair.prompt.length + ids.length).toBeLessThanOrEqual(p + r);
            expect(pair.flags.includes(flag)).toBe(ids.at(-1) !== 11);
          }
        },
      ),
    );
  });

  it.each([
    [4, 4],
    [4, 0],
    [4.5, 2],
    [Number.NaN, 2],
  ])("refuses limits that leave no room: %d tokens, %d of them prompt", (maxLength, maxPromptLength) => {
    const pair = { prompt: "c", a: "d", b: "e" };
    expect(() => encodePair(tiny(), pair, { maxLength, maxPromptLength })).toThrow(ConfigError);
  });
});

describe("conversations", () => {
  // As ChatML: each turn is content and EOS, followed by a blank that is not part of the answer.
  const source =
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{{ eos_token }}{% else %}e{{ m.content }}{{ eos_token }} {% endif %}{% endfor %}" +
    "{% if add_generation_prompt %}e{% endif %}";
  const prompt = [{ role: "user", content: "c" }];
  const answer = (content: string) => [{ role: "assistant", content }];

  it("are rendered by the template, which alone places BOS and EOS", () => {
    const pair = encodePair(tiny({ template: source }), { prompt, a: answer("d"), b: "dd" }, roomy);
    // <s> c </s> e | d </s> _: the answer is what the template writes, its blank too; the EOS between the turns is no flaw.
    expect(pair).toMatchObject({ prompt: [10, 3, 11, 5], a: [4, 11, 0], b: [4, 4, 11, 0], flags: [] });
    expect(encodePrompt(tiny({ template: source }), prompt, 10)).toEqual({
      prompt: [10, 3, 11, 5],
      flags: [],
    });
  });

  it("get no BOS that the template does not write", () => {
    const bare = source.replace("{{ bos_token }}", "");
    expect(encodePair(tiny({ template: bare }), { prompt, a: "d", b: "e" }, roomy).prompt).toEqual([
      3, 11, 5,
    ]);
  });

  it("end where the tokens part when the answer is written otherwise than it is opened", () => {
    const odd = source.replace("{% if add_generation_prompt %}e", "{% if add_generation_prompt %}b");
    // Alone <s> c </s> b, with an answer <s> c </s> e d …: the header goes with the answer.
    expect(encodePair(tiny({ template: odd }), { prompt, a: "d", b: "e" }, roomy)).toMatchObject({
      prompt: [10, 3, 11],
      a: [5, 4, 11, 0],
      b: [5, 5, 11, 0],
      flags: ["repaired_boundary"],
    });
    const other = "{% if add_generation_prompt %}a{% else %}c{{ messages[1].content }}{% endif %}";
    expect(() => encodePair(tiny({ template: other }), { prompt, a: "d", b: "e" }, roomy)).toThrow(
      /no token in common with its prompt alone/,
    );
  });

  it("get EOS where the template ends an answer without a special token, after its blanks", () => {
    const open = source.replace("e{{ m.content }}{{ eos_token }} ", "e{{ m.content }} ");
    expect(encodePair(tiny({ template: open }), { prompt, a: "d", b: "e" }, roomy)).toMatchObject({
      a: [4, 0, 11],
      b: [5, 0, 11],
    });
  });

  it("count as cut only where more than blanks after the end is lost", () => {
    const limits = { maxLength: 6, maxPromptLength: 4 };
    const pair = encodePair(tiny({ template: source }), { prompt, a: "d", b: "dd" }, limits);
    expect(pair).toMatchObject({ a: [4, 11], b: [4, 4], flags: ["truncated_b"] });
  });

  it("say what the template leaves out of an answer", () => {
    const short = source.replace("e{{ m.content }}", "e{{ m.content.split('a')[-1] }}");
    const flagsOf = (a: string) => encodePair(tiny({ template: short }), { prompt, a, b: "e" }, roomy).flags;
    expect(flagsOf("ddad")).toEqual(["dropped_text"]);
    expect(flagsOf("dd")).toEqual([]);
  });

  it("are refused without a template, and mixed with text", () => {
    expect(() => encodePair(tiny(), { prompt, a: "d", b: "e" }, roomy)).toThrow(/the model has none/);
    expect(() => encodePair(tiny(), { prompt: "c", a: answer("d"), b: "e" }, roomy)).toThrow(
      /expected both to be alike/,
    );
  });
});

describe("encodePromptResponse and encodePrompt", () => {
  it("make the ids that a pair has", () => {
    const tokenizer = tiny();
    const pair = encodePair(tokenizer, { prompt: "cd", a: " ad", b: " be" }, roomy);
    const row = encodePromptResponse(tokenizer, { prompt: "cd", response: " ad" }, roomy);
    expect(row).toEqual({ prompt: pair.prompt, response: pair.a, flags: [], repairedBoundary: false });
    expect(encodePrompt(tokenizer, "cd", 10)).toEqual({ prompt: pair.prompt, flags: [] });
  });

  it("flag a cut response and an empty one by their own names", () => {
    const limits = { maxLength: 4, maxPromptLength: 2 };
    const cut = encodePromptResponse(tiny(), { prompt: "c", response: "dddd" }, limits);
    expect(cut).toMatchObject({ response: [4, 4], flags: ["truncated_response"] });
    expect(encodePromptResponse(tiny(), { prompt: "c", response: " " }, roomy).flags).toEqual([
      "empty_response",
    ]);
  });

  it("keep the end of a long prompt", () => {
    expect(encodePrompt(tiny(), "ddcde", 3)).toEqual({ prompt: [10, 4, 5], flags: ["truncated_prompt"] });
    expect(encodePrompt(tiny(), "ddcde", 1)).toEqual({ prompt: [5], flags: ["truncated_prompt"] });
    expect(encodePrompt(tiny(), "", 3)).toEqual({ prompt: [10], flags: ["empty_prompt"] });
  });
});
