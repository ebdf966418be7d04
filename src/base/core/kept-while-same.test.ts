import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keptWhileSame, lookOf } from "./kept-while-same.ts";

const all = () => true;
const dayAgo = new Date(Date.now() - 86_400_000);

/** The times of a file's entry cannot be set: in tests only the clock can be moved. */
const realNow = Date.now;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-kept-"));
  await writeFile(join(folder, "a.json"), "1");
});
afterEach(async () => {
  Date.now = realNow;
  await rm(folder, { recursive: true });
});
const later = () => {
  Date.now = () => realNow() + 10_000;
};

test("a thing is made once of files that stay as they are", async () => {
  later();
  const kept = keptWhileSame<object>(2, all);
  const first = await kept(folder, async () => ({}));
  expect(await kept(folder, async () => ({}))).toBe(first);
});

test("and again when a file is written, comes or goes, even with the size and time it had", async () => {
  later();
  const kept = keptWhileSame<object>(2, all);
  const seen = [await kept(folder, async () => ({}))];
  const again = async () => seen.push(await kept(folder, async () => ({})));
  await writeFile(join(folder, "a.json"), "2");
  await again();
  await writeFile(join(folder, "b.json"), "");
  await again();
  await rm(join(folder, "b.json"));
  await again();
  await utimes(join(folder, "a.json"), dayAgo, dayAgo);
  await again();
  await writeFile(join(folder, "a.json"), "3");
  await utimes(join(folder, "a.json"), dayAgo, dayAgo);
  await again();
  // Without b.json the folder looks as it did before it came: the same files, so the same thing.
  expect(new Set(seen).size).toBe(seen.length - 1);
  expect(seen[3]).toBe(seen[1]);
});

test("nothing is kept of files changed just now, of none, of what fails, and of files that change meanwhile", async () => {
  const kept = keptWhileSame<object>(2, all);
  expect(await lookOf(folder, all)).toBeUndefined();
  expect(await kept(folder, async () => ({}))).not.toBe(await kept(folder, async () => ({})));
  later();
  expect(await lookOf(folder, () => false)).toBeUndefined();
  expect(await lookOf(join(folder, "none"), all)).toBeUndefined();
  await expect(kept(folder, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  const stale = await kept(folder, async () => {
    await writeFile(join(folder, "a.json"), "22");
    return {};
  });
  expect(await kept(folder, async () => ({}))).not.toBe(stale);
});

test("files that do not count may change, and the thing asked for longest ago goes first", async () => {
  later();
  const kept = keptWhileSame<object>(1, (name) => name.endsWith(".json"));
  const first = await kept(folder, async () => ({}));
  await writeFile(join(folder, "weights.bin"), "x");
  expect(await kept(folder, async () => ({}))).toBe(first);
  const other = await mkdtemp(join(tmpdir(), "wt-kept-"));
  await writeFile(join(other, "a.json"), "1");
  await kept(other, async () => ({}));
  expect(await kept(folder, async () => ({}))).not.toBe(first);
  await rm(other, { recursive: true });
});
