import { expect, test } from "vitest";
import { normaliseText } from "../data/normalise.ts";
import type { PreferenceRow } from "../data/rows.ts";
import { dropDuplicates, findLeakage, validateRows } from "./validate.ts";

const row = (
  id: string,
  prompt: string,
  chosen: string,
  rejected: string,
  meta?: PreferenceRow["meta"],
): PreferenceRow => ({ id, prompt, chosen, rejected, ...(meta === undefined ? {} : { meta }) });

test("everything odd is found, by id", () => {
  const report = validateRows([
    row("a", "p", "x", "y"),
    row("b", "p", "x", "y"),
    row("c", "p", "y", "x"),
    row("d", "q", "z", "z"),
    row("e", "r", " ", "y"),
    row("f", "s", "x", ""),
    row("g", "", "x", "y"),
    row("h", "t", "x", "y", { flags: ["tie"] }),
    row("i", "t", "y", "x"),
  ]);
  expect(report).toEqual({
    rows: 9,
    duplicateRows: [["a", "b"]],
    duplicatePrompts: [
      ["a", "b", "c"],
      ["h", "i"],
    ],
    contradictions: [["a", "b", "c"]],
    identicalPairs: ["d"],
    emptyChosen: ["e"],
    emptyRejected: ["f"],
    emptyPrompts: ["g"],
  });
});

test("dropping duplicates keeps the least id, whatever the order", () => {
  const [a, b, c] = [row("a", "p", "x", "y"), row("b", "p", "x", "y"), row("c", "p", "y", "x")];
  expect(dropDuplicates([b, a, c])).toEqual({ rows: [a, c], removed: ["b"] });
  expect(dropDuplicates([a, { ...b, meta: { flags: ["tie"] } }]).removed).toEqual([]);
});

test("leakage between two sets: the same prompt, nearly the same, and a shared group", () => {
  const train = [
    row("a", "What is it?", "x", "y"),
    row("b", "Hello", "x", "y", { group: "g" }),
    row("c", "", "u", "v"),
  ];
  const test_ = [
    row("d", "what is  it", "x", "y"),
    row("e", "Hello", "x", "y"),
    row("f", "Bye", "x", "y", { group: "g" }),
    row("h", "", "v", "U."),
  ];
  expect(findLeakage(train, test_)).toEqual({
    samePrompt: { a: ["b"], b: ["e"] },
    nearPrompt: { a: ["a", "b", "c"], b: ["d", "e", "h"] },
    sameGroup: { a: ["b"], b: ["f"] },
  });
  expect(findLeakage(train, [row("z", "New", "x", "y")])).toEqual({
    samePrompt: { a: [], b: [] },
    nearPrompt: { a: [], b: [] },
    sameGroup: { a: [], b: [] },
  });
});

test("normalising forgets case, spacing, punctuation and compatibility forms, but not accents or scripts", () => {
  expect(normaliseText("  The ＣＡＴ,\n\tsat! ")).toBe("the cat sat");
  expect(normaliseText("Éa")).not.toBe(normaliseText("Ea"));
  expect(normaliseText("你好。")).toBe("你好");
  expect(normaliseText(" ?! ")).toBe("?!");
});
