import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openClaims } from "./claims.ts";
import { InterruptedError } from "./errors.ts";
import { HERE, type Holder, holderIn, startOf } from "./holders.ts";
import { lookAtLock, removeDeadLock, takeLock } from "./lock.ts";
import type { Waiting } from "./waiting.ts";

const KILL_AT = fileURLToPath(new URL("../../../test/helpers/kill-at.mjs", import.meta.url));
const HOLDER = fileURLToPath(new URL("../../../test/helpers/lock-holder.ts", import.meta.url));

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

const longAgo = new Date(Date.now() - 600_000);

/** Waits for the lock until somebody is seen to hold it, and gives up. @returns host of the holder */
async function waitedFor(staleMs: number): Promise<string> {
  const stop = new AbortController();
  let host = "";
  const onWait: Waiting = ([seen]) => {
    host = seen!.host;
    stop.abort();
  };
  const waits = takeLock(path, { pollMs: 2, staleMs, onWait, signal: stop.signal });
  await expect(waits).rejects.toBeInstanceOf(InterruptedError);
  return host;
}

test("a holder on another host is believed until it has been silent for long by our own clock", async () => {
  await holder({ host: "elsewhere" });
  // Its clock may be wrong: an old date says nothing.
  await utimes(path, longAgo, longAgo);
  expect(await waitedFor(60_000)).toBe("elsewhere");
  const lock = await takeLock(path, { pollMs: 2, staleMs: 40 });
  expect(JSON.parse(await readFile(path, "utf8")).host).toBe(HERE.host);
  await lock.release();
});

test.runIf(process.platform === "linux")(
  "a living holder of this machine is believed however long it was silent: the machine may have slept",
  async () => {
    await holder({ pid: process.ppid, started: await startOf(process.ppid) });
    await utimes(path, longAgo, longAgo);
    expect(await waitedFor(0)).toBe(HERE.host);
    expect((await lookAtLock(path, 0))?.living).toBe(true);
  },
);

test.runIf(process.platform === "linux")(
  "a process that has ended and whose parent does not look is dead",
  async () => {
    // The shell's child ends at once; the program that the shell turns into never asks for its exit code.
    const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const [line] = (await once(parent.stdout, "data")) as [Buffer];
      const pid = Number(String(line));
      const state = async () => (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.[0];
      await expect.poll(state, { timeout: 300_000 }).toBe("Z");
      const started = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]!.split(" ")[19]!;
      await holder({ pid, started });
      await (await takeLock(path, { pollMs: 2 })).release();
    } finally {
      parent.kill();
    }
  },
);

test("a lock file that names nobody counts by its silence, and is waited for with a word", async () => {
  await writeFile(path, "");
  const seen: (Holder | undefined)[] = [];
  const onWait: Waiting = (holders) => void seen.push(...holders);
  await (await takeLock(path, { pollMs: 2, staleMs: 40, onWait })).release();
  expect(seen.length).toBeGreaterThan(0);
  expect(new Set(seen)).toEqual(new Set([undefined]));
});

test("killed at any operation on files, a holder leaves a lock and a claim that are whole or absent, and nobody waits", async () => {
  for (let at = 1; ; at++) {
    const own = join(folder, String(at));
    await mkdir(own);
    const child = spawn(process.execPath, ["--import", KILL_AT, "--import", "tsx", HOLDER, own], {
      env: { ...process.env, KILL_AT: String(at) },
      stdio: "inherit",
    });
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    if (signal === null) {
      expect({ code, at }).toMatchObject({ code: 0 });
      // Writing aside, linking and removing, of a lock and of a claim, at the least.
      expect(at).toBeGreaterThan(8);
      return;
    }
    for (const name of ["lock", "x.claim"]) {
      const text = await readFile(join(own, name), "utf8").catch(() => undefined);
      if (text !== undefined)
        expect(holderIn(text), `${name}, killed at ${at}`).toMatchObject({ pid: child.pid });
    }
    const waits: unknown[] = [];
    const lock = await takeLock(join(own, "lock"), {
      pollMs: 2,
      onWait: (holders) => void waits.push(holders),
    });
    const claim = await (await openClaims(own)).take("x");
    expect(waits, `killed at ${at}`).toEqual([]);
    await claim!.release();
    await lock.release();
    expect(await readdir(own), `killed at ${at}`).toEqual([]);
  }
});

test("a guard that its process died with does not hold anybody up, and does not stay", async () => {
  const guard = JSON.stringify({ pid: DEAD, ...HERE, started: "", token: "guard" });
  await holder({});
  await writeFile(`${path}.takeover`, guard);
  const waits: unknown[] = [];
  await (await takeLock(path, { pollMs: 2, onWait: (holders) => void waits.push(holders) })).release();
  expect(waits).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
  // Its holder had removed the lock already.
  await writeFile(`${path}.takeover`, guard);
  await removeDeadLock(path);
  expect(await readdir(folder)).toEqual([]);
});

test("giving back a lock that somebody took over leaves theirs", async () => {
  const lock = await takeLock(path);
  await holder({ pid: process.pid, token: "theirs" });
  await lock.release();
  expect(JSON.parse(await readFile(path, "utf8")).token).toBe("theirs");
});
