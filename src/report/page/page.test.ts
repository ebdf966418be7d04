import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fullReport, smallestReport } from "../../../test/report/fixture.ts";
import type { ReportData } from "../data.ts";
import { renderHtml } from "./page.ts";

const EVIL = `</title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>"'\u202e\u0000`;

/** The report with its every string replaced; what is no data of a model (enumerations) stays. */
function poisoned(value: unknown, key = ""): unknown {
  const fixed = ["kind", "preferred", "severity", "format", "xScale", "source"];
  if (typeof value === "string") return fixed.includes(key) ? value : `${EVIL}${value}`;
  if (Array.isArray(value)) return value.map((item) => poisoned(item, key));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, poisoned(item, name)]));
  return value;
}

describe("the page", () => {
  const page = renderHtml(fullReport());

  it("loads nothing: no address but anchors, no import, no font", () => {
    expect(page).not.toMatch(/(src|href)="(?!#)/);
    expect(page).not.toMatch(/https?:|@import|@font-face|url\(/);
  });
  it("allows its own script by digest and no other", () => {
    const script = /<script>([\s\S]*?)<\/script>/.exec(page)![1]!;
    const digest = createHash("sha256").update(script).digest("base64");
    expect(page).toContain(`script-src &#39;sha256-${digest}&#39;`);
    expect(page.match(/<script/g)).toHaveLength(1);
  });
  it("has balanced tags", () => {
    const open: string[] = [];
    const empty = ["meta", "line", "rect", "path", "br", "img"];
    const markup = page.replace(/<!doctype html>/, "").replace(/<(style|script)>[\s\S]*?<\/\1>/g, "");
    for (const [tag, close, name] of markup.matchAll(/<(\/?)([a-z0-9]+)[^>]*?>/g)) {
      if (tag.endsWith("/>") || empty.includes(name!)) continue;
      if (close === "") open.push(name!);
      else expect(open.pop(), tag).toBe(name);
    }
    expect(open).toEqual([]);
  });
  it("lists every section, once, by an anchor that exists", () => {
    const links = [...page.matchAll(/<li><a href="#([^"]+)"/g)].map(([, id]) => id);
    const sections = [...page.matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id);
    expect(links).toEqual(sections);
    expect(new Set(sections).size).toBe(sections.length);
    expect(sections[0]).toBe("result");
    expect(sections).toContain("glossary");
  });
  it("gives every chart a name and a description", () => {
    const charts = page.match(/<svg[\s\S]*?<\/svg>/g)!;
    expect(charts.length).toBeGreaterThan(12);
    for (const chart of charts)
      expect(chart).toMatch(/role="img" aria-label="[^"]+"><title>[^<]+<\/title><desc>[^<]+<\/desc>/);
  });
  it("shows no number that is none", () => {
    expect(page.replace(/<script>[\s\S]*?<\/script>/, "")).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });
  it("is the same bytes for the same data", () => {
    expect(renderHtml(fullReport())).toBe(page);
    expect(renderHtml(fullReport(8))).not.toBe(page);
  });
  it("lets no text of the data become markup, wherever it stands", () => {
    const evil = renderHtml(poisoned(fullReport()) as ReportData);
    expect(evil.match(/<script/g)).toHaveLength(1);
    expect(evil.match(/<\/script/g)).toHaveLength(1);
    expect(evil.match(/<\/style/g)).toHaveLength(1);
    expect(evil).not.toContain("<img");
    for (const hidden of ["\u202e", "\u0000"]) expect(evil).not.toContain(hidden);
    expect(evil).toContain("⟨U+202E⟩");
  });
  it("leaves out what is missing", () => {
    const small = renderHtml(smallestReport());
    expect(small.match(/<h2>[^<]*/g)).toEqual(["<h2>How to reproduce this"]);
    expect(small).not.toMatch(/class="(headline|warnings|figures)/);
  });
  it("survives each section missing alone, and each alone present", () => {
    const full = fullReport();
    for (const key of Object.keys(full) as (keyof ReportData)[]) {
      if (key in smallestReport()) continue;
      const { [key]: one, ...rest } = full;
      expect(renderHtml(rest as ReportData)).toContain("</html>");
      expect(renderHtml({ ...smallestReport(), [key]: one })).toContain("</html>");
    }
  });
  it("shows no section for empty lists and for what has n 0", () => {
    const none = { estimate: 0, low: 0, high: 0, n: 0 };
    const hollow = renderHtml({
      ...smallestReport(),
      arms: [],
      differences: [{ a: "a", b: "b", metric: "m", unit: "prompts", value: none, headline: true }],
      curves: [{ stage: "s", metric: "m", points: [] }],
      histograms: [{ title: "h", xLabel: "x", edges: [0, 1], series: [{ name: "s", counts: [0] }] }],
      agreement: [{ labeller: "a", against: "b", agreement: none }],
      coverage: [{ labeller: "a", against: "b", points: [] }],
      lengthBias: [{ labeller: "a", longerPreferred: none }],
      studies: [{ id: "s", title: "S", tables: [{ columns: [{ title: "x" }], rows: [[null]] }] }],
      warnings: [],
      notes: [],
    });
    expect(hollow.match(/<h2>[^<]*/g)).toEqual(["<h2>How to reproduce this"]);
  });
});
