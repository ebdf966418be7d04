import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFileAtomic } from "./files.ts";
import { startOf } from "./holders.ts";
import { removeDeadTemporaries, removeTemporaries, temporaryFor } from "./temporaries.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-temporaries-"));
});
afterEach(() => rm(folder, { recursive: true }));

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const KILL_AT = file("../../../test/helpers/kill-at.mjs");

/** Writes a file, and is killed with half of it written aside. */
function killedWriting(path: string): void {
  const program = `import { writeFileAtomic } from ${JSON.stringify(file("./files.ts"))}; await writeFileAtomic(process.argv[1], "whole");`;
  const node = ["--import", KILL_AT, "--import", "tsx", "--input-type=module", "--eval", program, path];
  // Its folder is made, the file opened, and half of it written.
  const { signal } = spawnSync(process.execPath, node, { env: { ...process.env, KILL_AT: "3" } });
  expect(signal).toBe("SIGKILL");
}

test("what a killed writer left is removed by the first that writes in the same folder, whatever it writes", async () => {
  killedWriting(join(folder, "a"));
  expect(await readdir(folder)).toEqual([expect.stringMatching(/^\.tmp-a-/)]);
  await writeFileAtomic(join(folder, "b"), "b");
  expect(await readdir(folder)).toEqual(["b"]);
});

test("a run removes what dead writers left in all its folders; living writers' and others' files stay", async () => {
  const deep = join(folder, "stages", "x");
  await mkdir(deep, { recursive: true });
  killedWriting(join(deep, "a"));
  const mine = await temporaryFor(join(deep, "mine"));
  // On another machine: its processes are not looked up, its silence counts.
  const elsewhere = (name: string) => join(deep, `.tmp-${name}-0badcafe-1-1-00000000`);
  const dayAgo = new Date(Date.now() - 25 * 3600_000);
  await mkdir(elsewhere("old"));
  await utimes(elsewhere("old"), dayAgo, dayAgo);
  await mkdir(elsewhere("filled"));
  await writeFile(join(elsewhere("filled"), "part"), "");
  await utimes(elsewhere("filled"), dayAgo, dayAgo);
  // The id of a living process, whose owner started later.
  const reused = basename(mine).replace(`-${await startOf(process.pid)}-`, "-1-");
  for (const path of [mine, elsewhere("new"), join(deep, ".tmp-notes"), join(deep, reused)])
    await writeFile(path, "");
  await removeDeadTemporaries(folder);
  const kept = [basename(mine), basename(elsewhere("new")), basename(elsewhere("filled")), ".tmp-notes"];
  if (process.platform !== "linux") kept.push(basename(mine));
  expect((await readdir(deep)).sort()).toEqual([...new Set(kept)].sort());
  await removeDeadTemporaries(join(folder, "absent"));
});

test("who is alone in a folder removes all, and nothing else", async () => {
  await writeFile(join(folder, ".tmp-x-1-abc"), "");
  await mkdir(join(folder, ".tmp-model-1-abc", "deep"), { recursive: true });
  await writeFile(join(folder, "keep.tmp-"), "");
  await removeTemporaries(folder);
  expect(await readdir(folder)).toEqual(["keep.tmp-"]);
  await removeTemporaries(join(folder, "absent"));
});
