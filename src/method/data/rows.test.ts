import { expect, test } from "vitest";
import { sha256 } from "../../base/core/digest.ts";
import { promptId, sameText } from "./rows.ts";

test("a prompt's id is the SHA-256 of its text, and of a lone user message's content", () => {
  // printf hi | sha256sum
  expect(promptId("hi")).toBe("8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4");
  expect(promptId([{ role: "user", content: "hi" }])).toBe(sha256("hi"));
  expect(promptId([{ role: "system", content: "hi" }])).not.toBe(sha256("hi"));
});

test("texts are the same only in the same form", () => {
  expect(sameText([{ role: "user", content: "a" }], [{ content: "a", role: "user" }])).toBe(true);
  expect(sameText("a", [{ role: "user", content: "a" }])).toBe(false);
});
