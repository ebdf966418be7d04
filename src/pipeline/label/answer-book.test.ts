import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AnswerEvent } from "../../method/labels/answer-events.ts";
import { openAnswerBook, readAnswerBook } from "./answer-book.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-book-"));
});
afterAll(() => rm(folder, { recursive: true }));

const event = (n: number): AnswerEvent => ({
  kind: "answer",
  uuid: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
  at: "2026-11-30T08:00:00.000Z",
  ...{ id: `pair ${n}`, answer: "a", order: "ab", repeat: false, ms: 1000 },
});
const idsOf = (events: readonly AnswerEvent[]) => events.map(({ uuid }) => Number(uuid.slice(-12)));

test("what was appended is in the file when append returns; sent twice it is kept once", async () => {
  const path = join(folder, "anna.jsonl");
  const book = await openAnswerBook(path);
  await book.append([event(1), event(2), event(1)]);
  expect(idsOf(await readAnswerBook(path))).toEqual([1, 2]);
  await Promise.all([book.append([event(2), event(3)]), book.append([event(3), event(4)])]);
  await book.close();
  expect((await readFile(path, "utf8")).trimEnd().split("\n")).toHaveLength(4);
  const again = await openAnswerBook(path);
  expect(idsOf(again.events)).toEqual([1, 2, 3, 4]);
  await again.close();
});

test("a last line that was cut off is kept aside, and the file goes on behind the last whole one", async () => {
  const path = join(folder, "torn.jsonl");
  const whole = `${JSON.stringify(event(1))}\n`;
  const torn = JSON.stringify(event(2)).slice(0, 60);
  await writeFile(path, whole + torn);
  const book = await openAnswerBook(path);
  expect(idsOf(book.events)).toEqual([1]);
  expect(await readFile(`${path}.torn`, "utf8")).toBe(`${torn}\n`);
  await book.append([event(3)]);
  await book.close();
  expect(await readFile(path, "utf8")).toBe(`${whole}${JSON.stringify(event(3))}\n`);
});

test("a line in the middle that is no event is told with its place, and nothing is changed", async () => {
  const path = join(folder, "broken.jsonl");
  const text = `${JSON.stringify(event(1))}\n{"kind":"answer"}\n${JSON.stringify(event(2))}\n`;
  await writeFile(path, text);
  await expect(openAnswerBook(path)).rejects.toThrow("broken.jsonl:2: is no event of answers.");
  expect(await readFile(path, "utf8")).toBe(text);
  // The lock was given back with the error.
  await expect(openAnswerBook(path)).rejects.toThrow("broken.jsonl:2");
  expect(existsSync(`${path}.lock`)).toBe(false);
});

test("one writes, a second reads and says so, and writes once the first is gone", async () => {
  const path = join(folder, "shared.jsonl");
  const first = await openAnswerBook(path);
  await first.append([event(1)]);
  // A writer is at work in the middle of a line.
  await appendFile(path, '{"half');
  const second = await openAnswerBook(path);
  expect(second.readOnly).toContain(`answers are being written by process ${process.pid}`);
  expect(idsOf(second.events)).toEqual([1]);
  expect(existsSync(`${path}.torn`)).toBe(false);
  await expect(second.append([event(2)])).rejects.toThrow("this one only reads");
  await second.close();
  await first.close();
  const third = await openAnswerBook(path);
  expect(third.readOnly).toBeUndefined();
  await third.append([event(2)]);
  expect(idsOf(third.events)).toEqual([1, 2]);
  await third.close();
});

const mounted = mkdtempSync(join(tmpdir(), "wt-full-"));
let small = false;
try {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", mounted], { stdio: "ignore" });
  small = true;
} catch {
  // Mounting needs rights that most machines do not give.
}

describe.skipIf(!small)("a full disk (skipped where a small file system cannot be mounted)", () => {
  afterAll(() => {
    execFileSync("umount", [mounted]);
  });

  test("what does not fit is refused whole, what was acknowledged stays, and room makes it go on", async () => {
    const path = join(mounted, "anna.jsonl");
    const filler = join(mounted, "filler");
    const book = await openAnswerBook(path);
    await book.append([event(1)]);
    await writeFile(filler, "x".repeat(4096));
    const many = Array.from({ length: 200 }, (_, i) => event(100 + i));
    await expect(book.append(many)).rejects.toThrow(/ENOSPC.*The disk is full: free space/);
    expect(idsOf(await readAnswerBook(path))).toEqual([1]);
    await rm(filler);
    await book.append([event(2)]);
    await book.close();
    expect(await readFile(path, "utf8")).toBe(`${JSON.stringify(event(1))}\n${JSON.stringify(event(2))}\n`);
  });
});
