import { describe, expect, it } from "vitest";
import { smallestReport } from "../../../test/report/fixture.ts";
import type { DisagreementExample } from "../data.ts";
import { renderMarkdown } from "../markdown.ts";
import { exampleHtml } from "./examples.ts";

const example: DisagreementExample = {
  id: "p1",
  prompt: "Once",
  a: "first",
  b: "second",
  verdicts: [
    { by: "human", preferred: "b" },
    { by: "teacher", preferred: "a", margin: 1.5, pChosen: 0.83 },
    { by: "judge", preferred: "tie" },
    { by: "length", preferred: "abstain" },
  ],
  goldA: 0.25,
  goldB: -1,
};

describe("an example on the page", () => {
  const [, a, b] = exampleHtml(example).markup.split("<h4>") as [string, string, string];
  it("puts each side's text, gold score and supporters together", () => {
    expect(a).toMatch(/>A<span class="by">teacher<\/span>.*gold \+0\.25.*first/s);
    expect(b).toMatch(/>B<span class="by">human<\/span>.*gold −1\.00.*second/s);
    expect(a).not.toContain("human");
  });
  it("says margins, ties and abstentions in words", () => {
    const { markup } = exampleHtml(example);
    for (const text of ["teacher: margin +1.50, confidence 83 %", "judge: tie", "length: abstained"])
      expect(markup).toContain(text);
  });
  it("tints both sides against the larger of the two", () => {
    const { markup } = exampleHtml({
      ...example,
      tokensA: [{ text: "first", value: 1 }],
      tokensB: [{ text: "second", value: -4 }],
    });
    // 1 of 4 is level 1, -4 of 4 is level -4
    expect(markup).toContain('<span class="token up1" title="+1.000">first</span>');
    expect(markup).toContain('<span class="token down4" title="−4.000">second</span>');
  });
  it("shows tokens as text, whatever is in them", () => {
    const { markup } = exampleHtml({
      ...example,
      tokensA: [
        { text: "<script>", value: 1 },
        { text: "</s>", value: 0.2 },
        { text: "\u202e\u001b", value: 0 },
      ],
    });
    expect(markup).not.toMatch(/<script|<\/s>/);
    expect(markup).toContain("&lt;script&gt;");
    expect(markup).toContain("&lt;/s&gt;");
    expect(markup).toContain("⟨U+202E⟩⟨U+001B⟩");
  });
});

describe("an example in Markdown", () => {
  it("names the same supporters and scores", () => {
    const text = renderMarkdown({ ...smallestReport(), examples: [example] });
    expect(text).toContain("**A** (gold +0.25), preferred by teacher\n\n```text\nfirst\n```");
    expect(text).toContain("**B** (gold −1.00), preferred by human\n\n```text\nsecond\n```");
  });
});
