import fc from "fast-check";
import { expect, test } from "vitest";
import { createLog } from "./log.ts";
import { printed, printedJson } from "./visible.ts";

const HOSTILE = "a\u001b]0;title\u0007b\u009b2Jc\u202ed\u0000\u007f";
// Beside tab and newline, no control, no override of direction.
const COMMANDS = /(?![\t\n])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

test("escape sequences, C1 and bidi are shown", () => {
  expect(printed(HOSTILE)).toBe("a⟨U+001B⟩]0;title⟨U+0007⟩b⟨U+009B⟩2Jc⟨U+202E⟩d⟨U+0000⟩⟨U+007F⟩");
});

test("with colours our own styles stay, and none that hides, blinks or moves", () => {
  expect(printed("\u001b[1mx\u001b[22m \u001b[48;5;26;38;5;231my\u001b[0m", true)).toBe(
    "\u001b[1mx\u001b[22m \u001b[48;5;26;38;5;231my\u001b[0m",
  );
  for (const bad of ["[8m", "[5m", "[2J", "[1A", "]8;;http://x"])
    expect(printed(`\u001b${bad}`, true)).toBe(`⟨U+001B⟩${bad}`);
});

test("whatever a text is, nothing of it commands a terminal, in words, JSON or a log", () => {
  const unit = fc.constantFrom(
    "\u001b",
    "[",
    "2J",
    "\u009b",
    "\u202e",
    "\u2066",
    "\r",
    "\u0007",
    "x",
    "\n",
    "\ud800",
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 30 }), (units) => {
      const text = units.join("");
      expect(printed(text)).not.toMatch(COMMANDS);
      expect(printedJson({ text })).not.toMatch(COMMANDS);
      expect(JSON.parse(printedJson({ [text]: text }))).toEqual({ [text]: text });
    }),
  );
  let out = "";
  const log = createLog({ write: (text) => (out += text) });
  log.warn(HOSTILE);
  log.progress(HOSTILE, 0, "rows").end(HOSTILE);
  expect(out).not.toMatch(COMMANDS);
});
