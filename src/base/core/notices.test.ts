import { expect, test } from "vitest";
import { notice, onNotice } from "./notices.ts";

test("a listener hears each text once, and nothing after it has gone", () => {
  const heard: string[] = [];
  notice("before");
  const stop = onNotice((text) => heard.push(text));
  for (const text of ["a", "b", "a"]) notice(text);
  stop();
  notice("c");
  expect(heard).toEqual(["a", "b"]);
});
