import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AT_START, readTail } from "./tail.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-tail-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("whole lines since the last look, each once; half a line waits; a file that was moved goes on", async () => {
  const path = join(folder, "a");
  expect(await readTail(path, AT_START)).toEqual({ lines: [], mark: AT_START, again: false });
  await writeFile(path, "one\ntw");
  const first = await readTail(path, AT_START);
  expect(first).toMatchObject({ lines: ["one"], again: false });
  expect(await readTail(path, first.mark)).toEqual({ lines: [], mark: first.mark, again: false });
  await appendFile(path, "o\nthree\n");
  await rename(path, join(folder, "b"));
  expect(await readTail(join(folder, "b"), first.mark)).toMatchObject({
    lines: ["two", "three"],
    again: false,
  });
});

test("a file that was cut off, or written anew with as many bytes and more, is read from its start", async () => {
  const path = join(folder, "c");
  await writeFile(path, "1\n2\n3\n");
  const { mark } = await readTail(path, AT_START);
  await truncate(path, 4);
  const cut = await readTail(path, mark);
  expect(cut).toMatchObject({ lines: ["1", "2"], again: true });
  await writeFile(path, "1\n5\n6\n7\n");
  expect(await readTail(path, mark)).toMatchObject({ lines: ["1", "5", "6", "7"], again: true });
  await rm(path);
  expect(await readTail(path, mark)).toEqual({ lines: [], mark: AT_START, again: true });
});
