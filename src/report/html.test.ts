import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeHtml, html, join, trusted } from "./html.ts";

describe("escapeHtml", () => {
  it("disarms tags, quotes and closing titles", () => {
    expect(escapeHtml(`<script>alert("x")</script>`)).toBe(
      "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;",
    );
    expect(escapeHtml("</title>&amp;'")).toBe("&lt;/title&gt;&amp;amp;&#39;");
  });
  it("shows what hides: controls, direction overrides, separators, lone surrogates", () => {
    expect(escapeHtml("a\u0000b\u001bc")).toBe("a⟨U+0000⟩b⟨U+001B⟩c");
    expect(escapeHtml("gnp\u202Eexe")).toBe("gnp⟨U+202E⟩exe");
    expect(escapeHtml("\u2066x\u2028\ufeff")).toBe("⟨U+2066⟩x⟨U+2028⟩⟨U+FEFF⟩");
    expect(escapeHtml("\ud800x")).toBe("\ufffdx");
  });
  it("leaves words of every script alone, with tabs, newlines and joined emoji", () => {
    const text = "Grüße\tשלום\nمرحبا 你好 👩‍👧";
    expect(escapeHtml(text)).toBe(text);
    expect(escapeHtml("a\r\nb")).toBe("a\nb");
  });
  it("never lets a special character through", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(escapeHtml(text)).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
      }),
    );
  });
});

describe("html", () => {
  it("escapes text, keeps markup, drops nothing-values and joins lists", () => {
    const items = ["<a>", "b"].map((item) => html`<li>${item}</li>`);
    expect(html`<ul class="${'"'}">${items}${undefined}${null}${false}${0}</ul>`.markup).toBe(
      '<ul class="&quot;"><li>&lt;a&gt;</li><li>b</li>0</ul>',
    );
    expect(join(["<", trusted("<br>")], "\n").markup).toBe("&lt;\n<br>");
  });
});
