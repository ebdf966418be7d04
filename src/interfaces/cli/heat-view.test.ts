import { expect, test } from "vitest";
import { formatExplanation, heatText } from "./heat-view.ts";

const tokens = [
  { text: " good", value: 1 },
  { text: "\n", value: -0.5 },
  { text: "\u001b[2J", value: 0.001 },
];

test("without colours every token carries its number", () => {
  expect(heatText(tokens, 1, false)).toBe("[ good +1.000][⏎ -0.500]\n[⟨U+001B⟩[2J +0.001]");
});

test("with colours the shade grows with the value, below zero is underlined, and a token cannot command the terminal", () => {
  const text = heatText(tokens, 1, true);
  // levels 4, -2 and 0
  expect(text).toBe(
    "\u001b[48;5;26;38;5;231m good\u001b[0m\u001b[4;48;5;215;38;5;16m⏎\u001b[0m\n⟨U+001B⟩[2J",
  );
});

test("the sums and who is preferred are said in words", () => {
  const explanation = {
    id: "x",
    prompt: ["p"],
    a: tokens,
    b: [{ text: "no", value: 2 }],
    scoreA: 0.501,
    scoreB: 2,
    flags: [],
  };
  const text = formatExplanation(explanation, (_, plain) => plain, false);
  expect(text).toContain("the teacher prefers b: +0.501 - +2.000 = -1.499");
  expect(text).toContain("response a, 3 tokens, score +0.501");
  expect(text).toContain("[token number]: what a token adds");
});
