/** How much a browser has to fetch. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { pageFolder } from "../../src/interfaces/studio/page-files.ts";

const folder = join(pageFolder(), "assets");
const names = readdirSync(folder).filter((name) => /\.(js|css)$/.test(name));
const packed = (name: string) => gzipSync(readFileSync(join(folder, name))).length;
const sum = (list: readonly string[]) => list.reduce((total, name) => total + packed(name), 0);

test("script and style, gzipped: 60 kB before the first page is there, 120 kB in all", () => {
  const index = readFileSync(join(pageFolder(), "index.html"), "utf8");
  const first = names.filter((name) => index.includes(name));
  expect(first.length).toBeGreaterThanOrEqual(2);
  expect(sum(first)).toBeLessThan(60_000);
  expect(sum(names)).toBeLessThan(120_000);
});

test("the page has no script or style within it, and asks nothing of elsewhere", () => {
  const index = readFileSync(join(pageFolder(), "index.html"), "utf8");
  expect(index).not.toMatch(/<script(?![^>]*\ssrc=)[^>]*>|<style|\sstyle=|\son\w+=|https?:/);
  for (const name of names.filter((each) => each.endsWith(".css")))
    expect(readFileSync(join(folder, name), "utf8")).not.toMatch(/@import|url\((?!data:)/);
});
