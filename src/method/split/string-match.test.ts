import { expect, test } from "vitest";
import { stringMatch } from "./string-match.ts";

const row = (id: string, prompt: string, chosen: string, rejected: string) => ({
  id,
  prompt,
  chosen,
  rejected,
});

test("the response that a prompt goes on with is taken for the rejected one", () => {
  const pairs = [
    row("right", "H: a\n\nA:", " good", " bad"),
    row("wrong", "H: b\n\nA:", " good", " bad"),
    row("both", "H: c\n\nA:", " good", " bad"),
    row("none", "H: d\n\nA:", " good", " bad"),
    row("part of a word", "H: e\n\nA:", " good", " bad"),
  ];
  const others = [
    "H: a\n\nA: bad\n\nH: on\n\nA:",
    "H: b\n\nA: good\n\nH: on\n\nA:",
    "H: c\n\nA: good\n\nH: on\n\nA:",
    "H: c\n\nA:  bad\n\nH: on\n\nA:",
    "H: e\n\nA: badly\n\nH: on\n\nA:",
  ].map((prompt) => ({ prompt }));
  expect(stringMatch(pairs, others)).toEqual({ pairs: 2, right: 1 });
});
