/** A report whose every text is hostile: what a browser's parser makes of it is the page's own markup and nothing else. */
import { expect, test } from "vitest";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { renderHtml } from "../../src/report/page/page.ts";
import { CONTENT_POLICY } from "../../src/report/page/script.ts";
import { fullReport } from "./fixture.ts";

const HOSTILE = [
  "<script>alert(1)</script>",
  "</script><script>alert(2)</script>",
  "</title></style></textarea><img src=x onerror=alert(3)>",
  '"><svg/onload=alert(4)>',
  "' autofocus onfocus='alert(5)",
  "<a href='javascript:alert(6)'>x</a> [x](javascript:alert(7))",
  "--> ]]> <!-- <![CDATA[",
  "a\u0000b\u202egnp.exe\u2066\u2028",
  "| cell | `code` | ![x](http://evil/x.png) | <b>",
  "&lt;script&gt; &#60;script&#62; \ud800",
];

/** Every text of the report with a hostile one behind it; ids, enumerations and digests are kept. */
function poison(value: unknown, key = "", n = { at: 0 }): unknown {
  const fixed =
    /^(format|severity|kind|type|unit|yScale|digest|commit|id|verdict|preferred|scale|x|y|align|test|step)$/;
  if (typeof value === "string")
    return fixed.test(key) ? value : `${value} ${HOSTILE[n.at++ % HOSTILE.length]}`;
  if (Array.isArray(value)) return value.map((item) => poison(item, key, n));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, poison(member, name, n)]));
}

/** Tags as the HTML standard's tokenizer cuts them: `<` and a letter or a slash opens one, quotes hide `>`; script and style hold text. */
function tagsOf(page: string): { name: string; attributes: Map<string, string> }[] {
  const tags: { name: string; attributes: Map<string, string> }[] = [];
  let at = 0;
  while (true) {
    const open = page.slice(at).search(/<[a-z/!?]/i);
    if (open < 0) return tags;
    const tag =
      /^<\/?([a-z!][^\s/>]*)((?:\s+|\/|[^\s"'>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)>/i.exec(
        page.slice(at + open),
      );
    if (tag === null) throw new Error(`no tag at ${page.slice(at + open, at + open + 80)}`);
    const name = tag[1]!.toLowerCase();
    const attributes = [...tag[2]!.matchAll(/([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)];
    if (tag[0][1] !== "/")
      tags.push({
        name,
        attributes: new Map(attributes.map(([, key, a, b, c]) => [key!.toLowerCase(), a ?? b ?? c ?? ""])),
      });
    at += open + tag[0].length;
    if (tag[0][1] !== "/" && (name === "script" || name === "style")) at = page.indexOf(`</${name}`, at);
  }
}

const sound = tagsOf(renderHtml(fullReport()));
const report = poison(fullReport()) as ReturnType<typeof fullReport>;

test("the page has the same elements as with harmless texts, one script, and a policy that allows no other", () => {
  const page = renderHtml(report);
  const tags = tagsOf(page);
  expect(page).toContain("&lt;script&gt;alert(1)");
  const kinds = (list: typeof tags) => [...new Set(list.map(({ name }) => name))].sort();
  expect(kinds(tags)).toEqual(kinds(sound));
  expect(tags.filter(({ name }) => name === "script")).toHaveLength(1);
  for (const name of ["img", "iframe", "object", "embed", "link", "base", "form"])
    expect(tags.filter((tag) => tag.name === name)).toEqual([]);
  const policy = tags.find(({ attributes }) => attributes.get("http-equiv") === "Content-Security-Policy");
  expect(policy?.attributes.get("content")?.replaceAll("&#39;", "'")).toBe(CONTENT_POLICY);
  expect(CONTENT_POLICY).toMatch(/default-src 'none'.*script-src 'sha256-/);
});

test("no attribute is a handler, and every link stays in the page", () => {
  for (const { attributes } of tagsOf(renderHtml(report)))
    for (const [name, value] of attributes) {
      expect(name).not.toMatch(/^on/);
      if (name === "href" || name === "src") expect(value).toMatch(/^#/);
    }
});

test("hidden characters are spelt out in page and Markdown", () => {
  for (const text of [renderHtml(report), renderMarkdown(report)]) {
    for (const hidden of ["\u0000", "\u202e", "\u2066", "\u2028"]) expect(text).not.toContain(hidden);
    expect(text).toContain("⟨U+202E⟩");
    expect(text.isWellFormed()).toBe(true);
  }
});

test("the Markdown has no tag, link or image of the data's making, and its tables keep their columns", () => {
  const text = renderMarkdown(report).replace(/^(`{3,})[\s\S]*?^\1$/gm, "");
  expect(text).not.toMatch(/<(script|img|svg|a|b)\b/i);
  expect(text).not.toMatch(/(?<!\\)\]\((javascript|http:\/\/evil)/);
  const widths = (block: string) =>
    block.split("\n").map((line) => line.replace(/\\\|/g, "").split("|").length);
  for (const [block] of text.matchAll(/(?:^\|.*\|\n?)+/gm))
    expect(new Set(widths(block.trimEnd())).size).toBe(1);
});
