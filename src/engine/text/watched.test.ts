import { describe, expect, test } from "vitest";
import { CheckpointError, ConfigError } from "../../base/core/errors.ts";
import { TimeLimitError, withinTime } from "../../base/core/time-limit.ts";
import { buildTokenizer, type Tokenizer } from "./tokenizer.ts";

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz !"];
/** A tokenizer of single letters with some parts of its own. */
function tokenizerOf(parts: object): Tokenizer {
  const vocab = Object.fromEntries(LETTERS.map((letter, id) => [letter, id]));
  return buildTokenizer("models/x", {
    tokenizer: { added_tokens: [], model: { type: "BPE", vocab, merges: [], unk_token: "!" }, ...parts },
    tokenizerConfig: {},
    specialTokens: {},
    config: {},
    generationConfig: {},
    chatTemplate: undefined,
  });
}
const split = (Regex: string) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false });
const replace = (Regex: string) => ({ type: "Replace", pattern: { Regex }, content: "" });

describe("patterns that would stand still", () => {
  test.each([
    ["pre_tokenizer", { pre_tokenizer: split("(a+)+$") }],
    ["normalizer", { normalizer: replace("(a+)+$") }],
    ["pre_tokenizer", { pre_tokenizer: { type: "Sequence", pretokenizers: [split("(?:x|x)*z")] } }],
    ["normalizer", { normalizer: { type: "Sequence", normalizers: [replace("(?:(?:q*)*)*r")] } }],
  ])("in a %s are refused by name when it is loaded", (part, parts) => {
    expect(() => tokenizerOf(parts)).toThrow(CheckpointError);
    expect(() => tokenizerOf(parts)).toThrow(
      new RegExp(
        `models/x: its tokenizer takes longer than 1000 ms .*The pattern ".*" of its ${part} repeats what`,
      ),
    );
  });

  test("on texts that nobody thought of are stopped there; other texts are tokenised", () => {
    const tokenizer = tokenizerOf({ pre_tokenizer: split("(?:(?:qw)+)+z") });
    const hostile = `${"qw".repeat(40)}x`;
    expect(() => tokenizer.encode(hostile)).toThrow(ConfigError);
    expect(() => tokenizer.encode(hostile)).toThrow(/3000 ms for 81 characters.*"\(\?:\(\?:qw\)\+\)\+z"/);
    expect(tokenizer.decode(tokenizer.encode("qwqwz and so on"), {})).toContain("q");
    expect(tokenizer.encode("ab")).toEqual([0, 1]);
  });

  test("a form that may stand still and does not gives the pieces that it says", () => {
    const parts = (Regex: string) => ({ pre_tokenizer: split(Regex) });
    const text = "aab cab";
    expect(tokenizerOf(parts("(?:a+b?)+")).encode(text)).toEqual(tokenizerOf(parts("[ab]+")).encode(text));
  });

  test("patterns longer than any are refused", () => {
    expect(() => tokenizerOf({ pre_tokenizer: split("a".repeat(70_000)) })).toThrow(
      "a pattern of its pre_tokenizer has 70000 characters, expected at most 65536",
    );
  });
});

describe("withinTime", () => {
  test("gives what the work gives, throws what it throws, and can be used inside itself", () => {
    expect(withinTime(60_000, () => ({ a: 1 }))).toEqual({ a: 1 });
    const own = new ConfigError("mine");
    expect(() =>
      withinTime(60_000, () => {
        throw own;
      }),
    ).toThrow(own);
    const outer = () => withinTime(60_000, () => [withinTime(60_000, () => 1), withinTime(60_000, () => 2)]);
    expect(outer()).toEqual([1, 2]);
  });

  test("stops a regular expression and a loop", () => {
    expect(() => withinTime(50, () => /^(a+)+$/u.test(`${"a".repeat(60)}!`))).toThrow(TimeLimitError);
    expect(() =>
      withinTime(50, () => {
        for (;;);
      }),
    ).toThrow("took longer than 50 ms");
  });
});
