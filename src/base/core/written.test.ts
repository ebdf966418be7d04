import { mkdtemp, open, rename, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readContents } from "./contents.ts";
import { digestFile, sha256 } from "./digest.ts";
import { openFileAtomic, writeDirAtomic, writeFileAtomic } from "./files.ts";
import { takeWritten } from "./written.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "written-"));
});
afterAll(() => rm(folder, { recursive: true }));

const large = Uint8Array.from({ length: 3_000_000 }, (_, i) => i % 251);

test("a large file's digest is taken as it is written, whatever the pieces, and lasts through renames", async () => {
  const place = join(folder, "model");
  await writeDirAtomic(place, async (aside) => {
    const file = await openFileAtomic(join(aside, "shard-0"));
    await file.write("ä header\n");
    for (let at = 0; at < large.length; at += 700_000) await file.write(large.subarray(at, at + 700_000));
    await file.commit();
    await rename(join(aside, "shard-0"), join(aside, "weights"));
    await writeFileAtomic(join(aside, "config.json"), "{}");
  });
  const whole = Buffer.concat([Buffer.from("ä header\n"), large]);
  expect(await readContents(place)).toEqual({
    "config.json": { bytes: 2, sha256: sha256("{}") },
    weights: { bytes: whole.length, sha256: sha256(whole) },
  });
  expect(await digestFile(join(place, "weights"))).toBe(sha256(whole));
});

test("a file that has changed since, or was written by others, is read", async () => {
  const path = join(folder, "changed");
  await writeFileAtomic(path, large);
  await change(path, 7);
  const later = new Date(Date.now() + 5000);
  await utimes(path, later, later);
  expect(await takeWritten(path)).toBeUndefined();
  const changed = large.slice();
  changed[0] = 7;
  expect((await readContents(folder))["changed"]!.sha256).toBe(sha256(changed));
  await writeFileAtomic(path, large);
  expect(await takeWritten(path)).toBe(sha256(large));
  expect(await takeWritten(path)).toBeUndefined();
});

async function change(path: string, byte: number): Promise<void> {
  const file = await open(path, "r+");
  await file.write(Uint8Array.of(byte), 0, 1, 0);
  await file.close();
}
