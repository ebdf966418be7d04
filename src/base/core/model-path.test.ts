import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelPath } from "./model-path.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "wt-links-"));
  await writeFile(join(root, "secret.txt"), "private");
});
afterAll(() => rm(root, { recursive: true }));

async function folderWith(name: string, link: string, target: string): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), "{}");
  await symlink(target, join(folder, link));
  return folder;
}

test.each([
  ["absolute", () => join(root, "secret.txt")],
  ["relative", () => join("..", "secret.txt")],
  ["a folder of its name's begin", () => join("..", "begin-other", "vocab.txt")],
])("a link that leads out of a model folder is refused: %s", async (name, target) => {
  await mkdir(join(root, "begin-other"), { recursive: true });
  await writeFile(join(root, "begin-other", "vocab.txt"), "x");
  const folder = await folderWith(name.startsWith("a folder") ? "begin" : name, "tokenizer.model", target());
  await expect(modelPath(folder)).rejects.toThrow(
    /tokenizer\.model: is a link to .*, expected files of the folder/,
  );
});

test("links inside the folder, to nothing, and from a hub cache's snapshot to its blobs are files as others", async () => {
  const inside = await folderWith("inside", "a.json", "config.json");
  expect(await modelPath(inside)).toBe(inside);
  const nothing = await folderWith("nothing", "a.json", "not-there.json");
  expect(await modelPath(nothing)).toBe(nothing);
  await mkdir(join(root, "cache", "blobs"), { recursive: true });
  await writeFile(join(root, "cache", "blobs", "0123"), "{}");
  const snapshot = await folderWith(join("cache", "snapshots", "main"), "a.json", "../../blobs/0123");
  expect(await modelPath(snapshot)).toBe(snapshot);
  // A folder that is itself a link is what it leads to.
  await symlink(inside, join(root, "linked"));
  expect(await modelPath(join(root, "linked"))).toBe(join(root, "linked"));
});

test("a blob of the cache that leads out of it is refused", async () => {
  await mkdir(join(root, "bad", "blobs"), { recursive: true });
  await symlink(join(root, "secret.txt"), join(root, "bad", "blobs", "0123"));
  const snapshot = await folderWith(join("bad", "snapshots", "main"), "a.json", "../../blobs/0123");
  await expect(modelPath(snapshot)).rejects.toThrow("is a link to");
});
