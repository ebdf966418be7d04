import { expect, test } from "vitest";
import { aheadWords, costOf, pricesSchema, spendingWords } from "./spending.ts";

const prices = { input: 2.5, output: 10 };

test("a cost is tokens of questions and of replies, each at its price per million", () => {
  // 0.4 million at 2.5 and 0.05 million at 10.
  expect(costOf([400_000, 50_000], prices)).toBeCloseTo(1.5, 12);
  expect(costOf([0, 0], prices)).toBe(0);
  expect(pricesSchema.safeParse({ input: -1, output: 1 }).success).toBe(false);
});

test("what was spent is told with replies whose tokens nobody told, and without money where there are no prices", () => {
  const spent = { replies: 1200, tokens: [400_000, 50_000], uncounted: 0 } as const;
  expect(spendingWords(spent, prices)).toBe("1,200 replies, 400,000 + 50,000 tokens, cost 1.50");
  expect(spendingWords(spent, undefined)).toBe("1,200 replies, 400,000 + 50,000 tokens");
  expect(spendingWords({ replies: 12, tokens: [108, 24], uncounted: 3 }, prices)).toBe(
    "12 replies, 108 + 24 tokens, cost 0.00051 (of 3 replies the endpoint told no tokens)",
  );
});

test("before the work, questions count a token per four characters and replies their limit", () => {
  // 1,000 questions of 4,000 characters: 1,000,000 tokens at 2.5; 100,000 of replies at 10.
  expect(aheadWords({ questions: 1000, characters: 4_000_000, maxTokens: 100 }, prices)).toBe(
    "1,000 questions, about 1,000,000 tokens (four characters each), and up to 100,000 of replies (100 each): about 3.50 at most, at 2.5 and 10 per million tokens; replies that are kept cost nothing",
  );
  expect(aheadWords({ questions: 2, characters: 8, maxTokens: undefined }, undefined)).toMatch(
    /^2 questions, about 2 tokens .* up to 32 of replies \(16 each, far more where the judge thinks: max_tokens sets a limit\): no prices are given/,
  );
});
