/** Finished stages whose files were changed behind the back of a run: refused by the file's name, whatever it holds; `status --verify` finds each. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
let recipe: string;
const out = () => join(folder, "out");
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-changed-"));
  recipe = await writeTinyRecipe(folder);
  const made = await weakTeacher(["run", recipe, "--out", out()]);
  expect(made.code, made.stderr).toBe(0);
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

/** The first file of the run's stages whose path ends so. */
async function find(pattern: RegExp): Promise<string> {
  const all = (await readdir(join(out(), "stages"), { recursive: true })).sort();
  const found = all.find((path) => pattern.test(path));
  expect(found, `${pattern} in ${all.join("\n")}`).toBeDefined();
  return join(out(), "stages", found!);
}

/** The first two lines in each other's place: the size stays. */
const swapLines = (text: Buffer) => {
  const lines = text.toString("utf8").split("\n");
  return Buffer.from([lines[1], lines[0], ...lines.slice(2)].join("\n"));
};

const flip = (bytes: Buffer) => {
  const changed = Buffer.from(bytes);
  changed[changed.length - 3]! ^= 1;
  return changed;
};

test.each([
  ["human labels swapped", /^data-.*hidden\/.*\.jsonl$/, swapLines],
  ["generations edited", /^generate-.*\.jsonl$/, (text: Buffer) => Buffer.concat([text, Buffer.from("\n")])],
  ["a model's bytes", /^teacher-.*model\.safetensors$/, flip],
])(
  "%s: refused by run and found by status --verify",
  async (_, pattern, change) => {
    const file = await find(pattern);
    const before = await readFile(file);
    await writeFile(file, change(before));
    const again = await weakTeacher(["run", recipe, "--out", out()]);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(
      / has changed, expected .*, got .*: it is not what its stage made\. Put the file back, or/,
    );
    expect(again.stderr).toContain(basename(file));
    const verified = await weakTeacher(["status", out(), "--verify"]);
    expect(verified.code).toBe(1);
    expect(verified.stdout).toContain(basename(dirname(file)).replace(/^(hidden|model)$/, basename(file)));
    expect(verified.stderr).toContain("1 of the finished stages have changed");
    await writeFile(file, before);
    const whole = await weakTeacher(["status", out(), "--verify", "--json"]);
    expect(whole.code, whole.stderr).toBe(0);
    expect(JSON.parse(whole.stdout)).toMatchObject({ problems: [] });
  },
  60_000,
);
