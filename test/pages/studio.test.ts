import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { AUDIT_KEYS } from "../../src/interfaces/studio/audit/keys.ts";
import { KEYS, type KeyRow, keyName } from "../../src/interfaces/studio/keys.ts";

const TABLES: readonly { readonly name: string; readonly rows: readonly KeyRow<unknown>[] }[] = [
  { name: "answering", rows: KEYS },
  { name: "an audit", rows: AUDIT_KEYS },
];

test.each(TABLES)("the keys of $name in docs/studio.md are those of the table", ({ rows: table }) => {
  const page = readFileSync(new URL("../../docs/studio.md", import.meta.url), "utf8");
  const rows = table.map(
    ({ keys, meaning }) => `| ${keys.map((key) => `\`${keyName(key)}\``).join(" ")} | ${meaning} |`,
  );
  expect(page).toContain(["| key | meaning |", "| --- | --- |", ...rows, ""].join("\n"));
});
