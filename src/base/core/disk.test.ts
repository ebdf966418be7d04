import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkFree, freeBytes, nearestFolder } from "./disk.ts";

const disk = vi.hoisted(() => ({ free: undefined as number | undefined }));
vi.mock(import("node:fs/promises"), async (original) => {
  const real = await original();
  const statfs = async (path: string) => {
    const info = await real.statfs(path);
    return disk.free === undefined ? info : { ...info, blocks: 1e9, bsize: 1, bavail: disk.free };
  };
  return { ...real, statfs: statfs as typeof real.statfs };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-disk-"));
});
afterEach(async () => {
  disk.free = undefined;
  await rm(folder, { recursive: true });
});

test("free space is that of the nearest folder that is there", async () => {
  expect(await nearestFolder(join(folder, "a", "b"))).toBe(folder);
  expect(await freeBytes(join(folder, "a", "b"))).toBeGreaterThan(0);
});

test("what fits is let through, what does not is told before anything is written", async () => {
  disk.free = 50e6;
  await checkFree(folder, 40e6, "the model");
  await expect(checkFree(folder, 50e6, "the model")).rejects.toThrow(
    `${folder}: the model takes 50.0 MB of disk, expected 51.0 MB free (what is written beside it included), got 50.0 MB. Nothing was written.`,
  );
});
