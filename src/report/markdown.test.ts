import { describe, expect, it } from "vitest";
import { fullReport, smallestReport } from "../../test/report/fixture.ts";
import { escapeMarkdown, fenced, markdownTable, renderMarkdown } from "./markdown.ts";

/** Cells of a Markdown table row, escaped bars left alone. */
const cells = (line: string) => line.replace(/\\\|/g, "").split("|").length - 2;

describe("Markdown", () => {
  it("escapes markup, bars and list starts, and keeps one line", () => {
    expect(escapeMarkdown("a|b <i> *c* [d](e)\nf")).toBe("a\\|b &lt;i\\> \\*c\\* \\[d\\](e) f");
    expect(escapeMarkdown("- x")).toBe("\\- x");
    expect(escapeMarkdown("1. x")).toBe("1\\. x");
    expect(escapeMarkdown("\u202Ex")).toBe("⟨U+202E⟩x");
  });
  it("leaves ranges readable where they cannot be read as links", () => {
    expect(escapeMarkdown("+0.31 [−0.22, 0.40], p < 0.001")).toBe("+0.31 [−0.22, 0.40], p < 0.001");
    expect(escapeMarkdown("a [1](x) [2][3] [4]: y")).toBe("a \\[1\\](x) \\[2\\][3] \\[4\\]: y");
    expect(escapeMarkdown("[1]")).toBe("\\[1\\]");
  });
  it("fences text that holds fences with a longer one", () => {
    expect(fenced("a\n```js\n```\n")).toBe("````text\na\n```js\n```\n````");
    expect(fenced("plain")).toBe("```text\nplain\n```");
  });
  it("writes the paper's columns with their mark and note", () => {
    const table = markdownTable({
      title: "T",
      paperItem: "WDPO, Table 10",
      columns: [{ title: "who" }, { title: "gold", source: "paper" }],
      rows: [["human", 4.63]],
    });
    expect(table).toBe(
      "**T (beside WDPO, Table 10)**\n\n| who | † paper: gold |\n| --- | ---: |\n| human | 4.63 |\n\n† The paper's numbers, not this run's: other models, data and scorers. Directions compare, levels do not.",
    );
  });
  it("has only well-formed tables: every row of a block has as many cells as its head", () => {
    const blocks = renderMarkdown(fullReport())
      .replace(/^(`{3,})[\s\S]*?^\1$/gm, "")
      .split("\n\n")
      .filter((block) => block.startsWith("|"));
    expect(blocks.length).toBeGreaterThan(10);
    for (const block of blocks) {
      const lines = block.split("\n");
      expect(lines[1]).toMatch(/^\|( -{3}:? \|)+$/);
      expect(new Set(lines.map(cells)).size, block).toBe(1);
    }
  });
  it("holds the headline with its interval and n, and no number that is none", () => {
    const text = renderMarkdown(fullReport());
    expect(text).toContain("weak labels above SFT start by 0.31 [0.23, 0.40] (n = 200 prompts)");
    expect(text).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });
  it("leaves out what is missing", () => {
    const heads = renderMarkdown(smallestReport()).match(/^#+ .*$/gm);
    expect(heads).toEqual(["# Nothing yet", "## How to reproduce this"]);
  });
});
