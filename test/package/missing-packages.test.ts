/**
 * An installation without the packages that may be missing: the built package in a folder whose `node_modules` lacks them, and an
 * `npm` on the PATH that stands in for the registry. `scripts/check-package.mjs` does the same with the real ones.
 */
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPTIONAL_PACKAGES } from "../../src/base/core/packages.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-missing-"));
  for (const part of ["dist", "recipes", "assets", "package.json"])
    await cp(join(root, part), join(folder, part), { recursive: true });
  await mkdir(join(folder, "node_modules"));
  for (const name of await readdir(join(root, "node_modules")))
    if (!(name in OPTIONAL_PACKAGES))
      await symlink(join(root, "node_modules", name), join(folder, "node_modules", name));
});
afterAll(() => rm(folder, { recursive: true }));

/** A folder with an `npm` that runs `script`. */
async function fakeNpm(name: string, script: string): Promise<string> {
  const bin = join(folder, name);
  await mkdir(bin);
  await writeFile(join(bin, "npm"), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, "npm"), 0o755);
  return bin;
}

type Outcome = { code: number; stdout: string; stderr: string };

function doctor(args: readonly string[], bin: string, cache: string): Promise<Outcome> {
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, XDG_CACHE_HOME: join(folder, cache) };
  const main = join(folder, "dist/interfaces/cli/main.js");
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      [main, "doctor", "--out", folder, ...args],
      { cwd: folder, env },
      (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    ),
  );
}

describe("packages that are not installed", () => {
  test("doctor says what is missing, why, and the command that gets it", async () => {
    const { code, stdout } = await doctor([], await fakeNpm("never", "exit 99"), "none");
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /BAD onnxruntime +onnxruntime-node is not installed\n.*weak-teacher doctor --fetch/,
    );
    expect(stdout).toMatch(/BAD device +cpu: not tried, for want of onnxruntime-node/);
    expect(stdout).toMatch(/ok {2}demo +llama2\.c-emscripten and vader-sentiment are not installed/);
  });

  test("doctor --fetch has npm install them once, without their installers; then all is well", async () => {
    const real = join(root, "node_modules");
    // npm install --prefix FOLDER --ignore-scripts … NAME@VERSION
    const bin = await fakeNpm(
      "links",
      `echo "$@" >> ${join(folder, "calls")}; for last; do :; done; name=\${last%@*}; mkdir -p "$3/node_modules"; ln -s "${real}/$name" "$3/node_modules/$name"`,
    );
    const first = await doctor(["--fetch"], bin, "cache");
    expect([first.code, first.stderr.match(/fetching/g)?.length], first.stdout + first.stderr).toEqual([
      0, 3,
    ]);
    expect(first.stdout).toMatch(/ok {2}device +cpu computes rightly/);
    const second = await doctor(["--fetch"], await fakeNpm("again", "exit 99"), "cache");
    expect([second.code, second.stderr]).toEqual([0, ""]);
    const packages = await readdir(join(folder, "cache/weak-teacher/packages"));
    expect(packages.map((name) => name.replace(/@.*/, "@"))).toEqual(
      Object.keys(OPTIONAL_PACKAGES)
        .sort()
        .map((n) => `${n}@`),
    );
  });

  test("an npm that fails is quoted, and leaves nothing behind that could be taken for a package", async () => {
    const bin = await fakeNpm("fails", "echo 'npm error code E403' >&2; exit 1");
    const { code, stderr } = await doctor(["--fetch"], bin, "failed");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /npm onnxruntime-node@1\.\d+\.\d+: ended with 1: npm error code E403\. Check that npm reaches/,
    );
    expect(await readdir(join(folder, "failed/weak-teacher/packages"))).toEqual([]);
  });
});
