/** The version stands in three files, and is one. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const read = (name: string) => readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), "utf8");

test("package.json, package-lock.json and the newest section of CHANGELOG.md name one version", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const lock = JSON.parse(read("package-lock.json")) as {
    version: string;
    packages: Record<string, { version: string }>;
  };
  const newest = /^## (\d+\.\d+\.\d+) /m.exec(read("CHANGELOG.md"))?.[1];
  expect([lock.version, lock.packages[""]?.version, newest]).toEqual([version, version, version]);
});
