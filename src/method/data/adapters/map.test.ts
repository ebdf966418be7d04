import { expect, test } from "vitest";
import { ConfigError } from "../../../base/core/errors.ts";
import { parseColumnMap } from "./column-map.ts";
import { mapAdapter } from "./map.ts";

test("a map names the columns, nested ones with dots", () => {
  const adapter = mapAdapter(
    parseColumnMap("prompt=info.question,chosen=good,rejected=bad,id=key,group=topic"),
  );
  expect(adapter.parse({ info: { question: "p" }, good: "c", bad: "r", key: 5, topic: "t" })).toEqual({
    id: "5",
    prompt: "p",
    promptIs: "turns",
    first: "c",
    second: "r",
    preferred: "first",
    groupKeys: ["group t"],
  });
});

test("without a prompt the shared front is the prompt; response_a and response_b make a pool", () => {
  expect(
    mapAdapter(parseColumnMap("chosen=good,rejected=bad")).parse({ good: "A b", bad: "A c" }),
  ).toMatchObject({ prompt: "A", first: " b" });
  expect(
    mapAdapter(parseColumnMap("prompt=q,response_a=x,response_b=y")).parse({ q: "p", x: "1", y: "2" }),
  ).toMatchObject({ first: "1", preferred: "none" });
});

test("every mistake in a map is told at once", () => {
  expect(() => parseColumnMap("promt=a,chosen")).toThrow(ConfigError);
  expect(() => parseColumnMap("promt=a,chosen")).toThrow(
    /did you mean "prompt"[\s\S]*"chosen" is no assignment/,
  );
  expect(() => parseColumnMap("prompt=a,chosen=b")).toThrow(/needs chosen and rejected/);
  expect(() => parseColumnMap("prompt=a,prompt=b,chosen=c,rejected=d")).toThrow(/given twice/);
  expect(() => parseColumnMap("response_a=b,response_b=c")).toThrow(/a pool needs prompt/);
});
