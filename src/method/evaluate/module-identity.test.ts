import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { moduleIdentity } from "./module-identity.ts";

let folder: string;
const FILES = {
  "score.mjs": [
    `import { readFile } from "node:fs/promises";`,
    `import deep from "./lib/deep.mjs";`,
    `import words from '@scope/words/list.js';`,
    `const lexicon = new URL("./lexicon.json", import.meta.url);`,
    `const old = require("./old");`,
    `const later = await import("../beside.mjs");`,
    `const none = "./nowhere.txt";`,
  ].join("\n"),
  "lib/deep.mjs": `export * from "../round.mjs";`,
  "round.mjs": `import "./score.mjs";`,
  "lexicon.json": `{ "good": 1 }`,
  "old.js": "module.exports = 1;",
  "../beside.mjs": "export default 1;",
  "node_modules/@scope/words/package.json": `{ "version": "1.2.3" }`,
};
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "wt-module-")), "scorer");
  for (const [name, text] of Object.entries(FILES)) await write(name, text);
});
afterEach(() => rm(dirname(folder), { recursive: true }));

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), text);
}
const identity = (at = folder) => moduleIdentity(join(at, "score.mjs"));

test("a module is its file, those it names through any number of others, and the versions of packages", async () => {
  const { files, packages } = await identity();
  const names = [...files.keys()].map((file) => basename(file)).sort();
  expect(names).toEqual(["beside.mjs", "deep.mjs", "lexicon.json", "old.js", "round.mjs", "score.mjs"]);
  expect([...packages]).toEqual([["@scope/words", "1.2.3"]]);
});

test("each of them, and nothing else, changes its identity", async () => {
  const before = (await identity()).digest;
  await write("unnamed.mjs", "export default 2;");
  expect((await identity()).digest).toBe(before);
  for (const [name, text] of Object.entries(FILES)) {
    await write(name, name.includes("package") ? `{ "version": "2.0.0" }` : `${text} `);
    expect((await identity()).digest, name).not.toBe(before);
    await write(name, text);
  }
  expect((await identity()).digest).toBe(before);
});

test("where it lies is no part of it; a package that is nowhere is said to be", async () => {
  const elsewhere = `${folder}-moved`;
  await cp(folder, elsewhere, { recursive: true });
  expect((await identity(elsewhere)).digest).toBe((await identity()).digest);
  await rm(join(folder, "node_modules"), { recursive: true });
  expect([...(await identity()).packages]).toEqual([["@scope/words", null]]);
});
