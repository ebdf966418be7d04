import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const prompts: string[] = JSON.parse(
  readFileSync(new URL("../../assets/demo/prompts.json", import.meta.url), "utf8"),
);
const wordsOf = (prompt: string) => prompt.split(" ");

test("there are 480 story openings, all strings", () => {
  expect(prompts).toHaveLength(480);
  expect(prompts.every((prompt) => typeof prompt === "string")).toBe(true);
});

test("each has 6 to 20 words", () => {
  expect(prompts.filter((prompt) => wordsOf(prompt).length < 6 || wordsOf(prompt).length > 20)).toEqual([]);
});

test("each is plain ASCII with single spaces, from a capital letter to a visible character", () => {
  expect(prompts.filter((prompt) => !/^[A-Z][!-~]*(?: [!-~]+)+$/.test(prompt))).toEqual([]);
});

test("no two are the same or share their first six words, whatever the case and the commas", () => {
  const openings = prompts.map((prompt) =>
    (prompt.toLowerCase().match(/[a-z']+/g) ?? []).slice(0, 6).join(" "),
  );
  expect(openings.filter((opening, i) => openings.indexOf(opening) !== i)).toEqual([]);
});

test("some end after a full stop and most in mid-sentence", () => {
  const finished = prompts.filter((prompt) => /[.!?]"?$/.test(prompt)).length;
  expect(finished).toBeGreaterThanOrEqual(60);
  expect(finished).toBeLessThanOrEqual(120);
});
