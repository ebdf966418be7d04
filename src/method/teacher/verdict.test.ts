import { describe, expect, test } from "vitest";
import { patternReader, readVerdict, softVote, verdictReader } from "./verdict.ts";

test.each([
  ["1", 1],
  [" 2\n", 2],
  ["**1**", 1],
  ["Response 2.", 2],
  ["Better response: 1", 1],
  ["<think>2 is long. 1?</think>\n2", 2],
  ["A", 1],
  ["(b)", 2],
  ["Response B is better... [[B]]", 2],
  ["Both are on topic; the first is kinder and safer. [[1]]", 1],
  ["The verdict: [[A]].\nSo once more: [[a]]", 1],
  ["[[C]]", "tie"],
  ["tie", "tie"],
  ['{"reason": "kinder", "winner": 1}', 1],
  ['```json\n{"verdict": "B", "reason": "says [1]"}\n```', 2],
  ['{"winner": "response_2"}', 2],
  ['{"better": "tie"}', "tie"],
  ["Answer: 1", 1],
  ["It is safer and kinder.\n\n**Answer:** 2", 2],
  ["First point. Second point.\nMy final verdict is: Response A", 1],
  ["Therefore, the better response is 2.", 2],
])("the reply %j is read as %j", (text, vote) => {
  expect(readVerdict(text)?.vote).toBe(vote);
});

test.each([
  "12",
  "3",
  "1 or 2",
  "1 because it is better",
  "",
  "[[A]] or rather [[B]]",
  "<think>it is 1. Answer: 1",
  '{"winner": 1, "loser": 2, "verdict": 2}',
  "Both are fine, I think 1 or 2.",
  "Answer: it depends",
  "a good answer",
  `${" ".repeat(1e6)}x`,
])("the reply %j holds no verdict", (text) => {
  expect(readVerdict(text)).toBeUndefined();
});

test("a verdict is found where its word stands", () => {
  const text = "<think>2?</think> Answer 1 is odd.\n[[B]]";
  expect(text.slice(readVerdict(text)!.at)).toBe("B]]");
  const last = "Answer: maybe.\n  Answer: 2";
  expect(last.slice(readVerdict(last)!.at)).toBe("2");
});

describe("a pattern of the user's", () => {
  test("reads its first group, the last match counting", () => {
    const read = patternReader("score\\s+(\\w+) wins");
    expect(read("score a wins, no: score b wins")).toMatchObject({ vote: 2 });
    expect(read("score x wins")).toBeUndefined();
    expect(read("[[1]]")).toBeUndefined();
  });

  test("must be a regular expression with a group", () => {
    expect(() => patternReader("(")).toThrow(/verdict "\(" is no pattern/);
    expect(() => patternReader("[12]")).toThrow(/has no group, expected one around the verdict/);
  });
});

describe("a soft vote", () => {
  const log = Math.log;
  const reply = (text: string, at: number, token: string, top: [string, number][]) => ({
    text,
    model: "m",
    places: [{ at, token, top }],
  });

  test("is the share of the first side among the verdict's tokens, spellings added up", () => {
    const one = reply("1", 0, "1", [
      ["1", log(0.5)],
      [" 1", log(0.1)],
      ["2", log(0.2)],
      ["The", log(0.1)],
    ]);
    expect(softVote(one, { vote: 1, at: 0 })).toBeCloseTo(0.6 / 0.8, 12);
  });

  test("counts a tie half, and gives a side that is not listed no more than the least likely token", () => {
    const tie = reply("[[A]]", 2, "A", [
      ["A", log(0.6)],
      ["C", log(0.3)],
      ["x", log(0.05)],
    ]);
    // B has at most 0.05: (0.6 + 0.15) / (0.6 + 0.05 + 0.3).
    expect(softVote(tie, { vote: 1, at: 2 })).toBeCloseTo(0.75 / 0.95, 12);
  });

  test("leaves a tie's token out where replies may not call it one", () => {
    const tie = reply("1", 0, "1", [
      ["1", log(0.6)],
      ["tie", log(0.2)],
      ["2", log(0.15)],
    ]);
    expect(softVote(tie, { vote: 1, at: 0 }, false)).toBeCloseTo(0.6 / 0.75, 12);
    expect(verdictReader(undefined, false)("tie")).toBeUndefined();
    expect(verdictReader(undefined, true)("tie")?.vote).toBe("tie");
    expect(verdictReader("Verdict: (\\w+)", false)("Verdict: C")).toBeUndefined();
    expect(verdictReader("Verdict: (\\w+)", false)("Verdict: B")?.vote).toBe(2);
  });

  test("needs the place of the verdict among those given", () => {
    expect(softVote(reply("1 2", 2, "2", [["2", 0]]), { vote: 1, at: 0 })).toBeUndefined();
    expect(softVote({ text: "1", model: "m" }, { vote: 1, at: 0 })).toBeUndefined();
  });
});
