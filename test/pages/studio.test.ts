import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { KEYS, keyName } from "../../src/interfaces/studio/keys.ts";

test("the keys in docs/studio.md are those of the table", () => {
  const page = readFileSync(new URL("../../docs/studio.md", import.meta.url), "utf8");
  const rows = KEYS.map(
    ({ keys, meaning }) => `| ${keys.map((key) => `\`${keyName(key)}\``).join(" ")} | ${meaning} |`,
  );
  expect(page).toContain(["| key | meaning |", "| --- | --- |", ...rows, ""].join("\n"));
});
