/** A whole run on a file system that is really full, again and again with a little more room; skipped where none can be mounted. */
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { type Outcome, weakTeacher } from "./spawn.ts";

/** Rooms in KiB: for the data alone, for some stages, for a training that is refused before it writes, for all. */
const ROOMS = [48, 400, 1500];
const ENOUGH = 65_536;

const mounted = mkdtempSync(join(tmpdir(), "wt-full-"));
const mount = (...args: string[]) => execFileSync("mount", [...args, mounted], { stdio: "ignore" });
let small = false;
try {
  mount("-t", "tmpfs", "-o", `size=${ROOMS[0]}k`, "tmpfs");
  small = true;
} catch {
  // Mounting needs rights that most machines do not give.
}

describe.skipIf(!small)("a full disk (skipped where a small file system cannot be mounted)", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "full-disk-"));
  });
  afterAll(async () => {
    execFileSync("umount", [mounted]);
    await rm(folder, { recursive: true });
  });

  const report = async (out: string) => {
    const { times: _, ...rest } = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
    return rest;
  };

  test("stops a run with one message at each room, and with enough of it the run ends as if nothing had been", async () => {
    const recipe = await writeTinyRecipe(folder);
    const [whole, out] = [join(folder, "whole"), join(mounted, "run")];
    const undisturbed = weakTeacher(["run", recipe, "--out", whole]);
    const stops: Outcome[] = [];
    for (const room of ROOMS) {
      mount("-o", `remount,size=${room}k`);
      stops.push(await weakTeacher(["run", recipe, "--out", out]));
    }
    mount("-o", `remount,size=${ENOUGH}k`);
    expect(await weakTeacher(["run", recipe, "--out", out])).toMatchObject({ code: 0 });
    expect(await undisturbed).toMatchObject({ code: 0 });
    for (const { code, stderr } of stops) {
      expect(code).not.toBe(0);
      expect(stderr).toMatch(
        /The disk is full: free space and run the same command again|takes .* of disk, expected .* free/,
      );
    }
    expect(await report(out)).toEqual(await report(whole));
    const left = (await readdir(out, { recursive: true })).filter((path) =>
      /(^|\/)\.(tmp|lock|work|failed|old)-/.test(path),
    );
    expect(left).toEqual([]);
  });
});
