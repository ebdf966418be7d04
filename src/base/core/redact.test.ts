import { expect, test } from "vitest";
import { redact } from "./redact.ts";

const KEY = "planted-Secret-4711";

test.each([
  ["https://user:pa55@host/v1 failed", "https://***@host/v1 failed"],
  ["postgres://me@host/db", "postgres://***@host/db"],
  ["GET https://h/x?api_key=abc&n=1", "GET https://h/x?api_key=***&n=1"],
  ["https://h/x?n=1&X-Amz-Signature=abc#t", "https://h/x?n=1&X-Amz-Signature=***#t"],
  ["authorization: Bearer abcdefgh12345678", "authorization: Bearer ***"],
  ["hf_abcdefghijklmnopqrst is no name", "*** is no name"],
  [`key ${KEY} here`, "key *** here"],
])("%s", (text, expected) => {
  expect(redact(text, { MY_API_KEY: KEY, HOME: "/home/user" })).toBe(expected);
});

test("what is no secret is left alone", () => {
  for (const text of [
    "see https://host:8000/v1/x@y",
    "mail a@b.c",
    "tokens=5",
    "skill_set",
    "weight_key",
    "hub:a/b@main",
    "/home/user",
  ])
    expect(redact(text, { SHORT_KEY: "tokens", HOME: "/home/user" })).toBe(text);
});
