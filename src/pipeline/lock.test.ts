import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InterruptedError } from "../core/errors.ts";
import { HERE } from "../core/holders.ts";
import { takeLock } from "./lock.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-lock-"));
  path = join(folder, "lock");
});
afterEach(() => rm(folder, { recursive: true }));

/** No process has this id: the largest that Linux gives is 2^22. */
const DEAD = 2 ** 22 + 5;
const holder = (part: object) =>
  writeFile(path, JSON.stringify({ pid: DEAD, ...HERE, started: "", token: "x", ...part }));

test("one at a time, in some order, nobody twice", async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    const lock = await takeLock(path, { pollMs: 2 });
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 3));
    inside--;
    await lock.release();
  };
  await Promise.all(Array.from({ length: 12 }, work));
  expect(most).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

test("a dead process's lock is taken over, by one of several that wait for it", async () => {
  await holder({});
  let inside = 0;
  let most = 0;
  const work = async () => {
    const lock = await takeLock(path, { pollMs: 2 });
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 3));
    inside--;
    await lock.release();
  };
  await Promise.all(Array.from({ length: 12 }, work));
  expect(most).toBe(1);
});

test.runIf(process.platform === "linux")(
  "a process id that was given to another process since is a dead holder",
  async () => {
    await holder({ pid: process.pid, started: "1" });
    await (await takeLock(path, { pollMs: 2 })).release();
  },
);

test("a holder on another host is believed until it has been silent for long", async () => {
  await holder({ host: "elsewhere" });
  const waits: string[] = [];
  const signal = AbortSignal.timeout(60);
  const options = { pollMs: 5, staleMs: 60_000, onWait: ({ host }: { host: string }) => waits.push(host) };
  await expect(takeLock(path, { ...options, signal })).rejects.toBeInstanceOf(InterruptedError);
  expect(waits).toEqual(["elsewhere"]);
  const longAgo = new Date(Date.now() - 61_000);
  await utimes(path, longAgo, longAgo);
  const lock = await takeLock(path, options);
  expect(JSON.parse(await readFile(path, "utf8")).host).toBe(HERE.host);
  await lock.release();
});

test("a lock file that was never written in full counts by its age", async () => {
  await writeFile(path, "");
  const longAgo = new Date(Date.now() - 61_000);
  await utimes(path, longAgo, longAgo);
  await (await takeLock(path, { pollMs: 2, staleMs: 60_000 })).release();
});

test("a guard that its process died with does not hold anybody up", async () => {
  await holder({});
  await writeFile(`${path}.takeover`, "");
  const longAgo = new Date(Date.now() - 11_000);
  await utimes(`${path}.takeover`, longAgo, longAgo);
  await (await takeLock(path, { pollMs: 2 })).release();
  expect(await readdir(folder)).toEqual([]);
});

test("giving back a lock that somebody took over leaves theirs", async () => {
  const lock = await takeLock(path);
  await holder({ pid: process.pid, token: "theirs" });
  await lock.release();
  expect(JSON.parse(await readFile(path, "utf8")).token).toBe("theirs");
});
