import { mkdtemp, open, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readContents } from "../../base/core/contents.ts";
import { stageProblem } from "./verify.ts";

const reads = vi.hoisted(() => ({ files: [] as string[] }));
vi.mock(import("../../base/core/digest.ts"), async (original) => {
  const real = await original();
  const digestFile = (path: string) => {
    reads.files.push(path);
    return real.digestFile(path);
  };
  return { ...real, digestFile };
});

const BIG = 5 * 2 ** 20;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "verify-"));
  vi.stubEnv("XDG_CACHE_HOME", `${folder}.cache`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  await rm(folder, { recursive: true });
  await rm(`${folder}.cache`, { recursive: true, force: true });
});

/** Turns a bit of a file and puts its size and time of change back, as a disk that forgets would. */
async function flipUnseen(path: string, at: number): Promise<void> {
  const { atime, mtime } = await stat(path);
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0]! ^= 1;
  await file.write(byte, 0, 1, at);
  await file.close();
  await utimes(path, atime, mtime);
}

test("a bit of a big file turned is noticed, by a look at all files always", async () => {
  const model = join(folder, "model.safetensors");
  await writeFile(model, Buffer.alloc(BIG, 7));
  const made = { outputs: await readContents(folder) };
  expect(await stageProblem(folder, made)).toBeUndefined();
  await flipUnseen(model, BIG - 1);
  for (const how of [{}, { all: true }])
    expect((await stageProblem(folder, made, how))?.text).toMatch(
      /^model.safetensors has changed, expected sha256 \w{12}, got \w{12}$/,
    );
});

test("a big file is read once, and by a later process not again while it looks as it did", async () => {
  const model = join(folder, "model.safetensors");
  await writeFile(model, Buffer.alloc(BIG, 7));
  await writeFile(join(folder, "small.json"), "{}");
  const made = { outputs: await readContents(folder) };
  // As if a minute had gone by: a file that was just written is not trusted by its times.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
  const readBy = async (look: typeof stageProblem, how = {}) => {
    reads.files.length = 0;
    expect(await look(folder, made, how)).toBeUndefined();
    return reads.files.map((path) => basename(path));
  };
  expect(await readBy(stageProblem)).toEqual(["model.safetensors", "small.json"]);
  expect(await readBy(stageProblem)).toEqual([]);
  vi.resetModules();
  const later = await import("./verify.ts");
  expect(await readBy(later.stageProblem)).toEqual(["small.json"]);
  expect(await readBy(later.stageProblem, { all: true })).toEqual(["model.safetensors", "small.json"]);
});
