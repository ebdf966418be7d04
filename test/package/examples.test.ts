/** The programs of docs/examples against the built package, as a user's: they import `weak-teacher` by its name and pass its types. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyModel } from "../helpers/tiny-model.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;
let model: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-examples-"));
  model = join(folder, "model");
  await writeTinyModel(model, { family: "llama", seed: 1 });
});
afterAll(() => rm(folder, { recursive: true }));

/** What a program prints last on stdout. */
function example(name: string, args: readonly string[]): Promise<unknown> {
  const file = join(root, "docs/examples", name);
  return new Promise((resolve, reject) =>
    execFile(process.execPath, ["--import", "tsx", file, ...args], { cwd: root }, (error, stdout, stderr) =>
      error === null ? resolve(JSON.parse(stdout)) : reject(new Error(stderr)),
    ),
  );
}

async function pairs(name: string, from: number, to: number): Promise<string> {
  const file = join(folder, name);
  const rows = Array.from({ length: to - from }, (_, i) => ({
    prompt: `number ${from + i}?`,
    chosen: " yes",
    rejected: " no, no",
  }));
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return file;
}

describe.skipIf(!existsSync(join(root, "dist/index.js")))("a program", () => {
  test("passes the types of the package, strictly", async () => {
    const files = (await readdir(join(root, "docs/examples"))).map((name) => join("docs/examples", name));
    const strict = ["--strict", "--noUncheckedIndexedAccess", "--skipLibCheck", "--types", "node"];
    const how = ["--ignoreConfig", "--noEmit", "--module", "nodenext", "--target", "es2023", ...strict];
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const said = await new Promise((resolve) =>
      execFile(process.execPath, [tsc, ...how, ...files], { cwd: root }, (_, stdout) => resolve(stdout)),
    );
    expect(said).toBe("");
  });

  test("loads a model and scores two responses", async () => {
    const { a, b, tokens } = (await example("score.mts", [model])) as {
      a: number;
      b: number;
      tokens: number[];
    };
    expect(Math.max(a, b)).toBeLessThan(0);
    expect(tokens.every((n) => n > 0)).toBe(true);
    // The tiny tokenizer is one of bytes: the longer response has more of them.
    expect(tokens[0]).toBeGreaterThan(tokens[1]!);
  });

  test("trains a teacher and labels a pool", async () => {
    const files = await Promise.all([
      pairs("labelled.jsonl", 0, 24),
      pairs("held-out.jsonl", 24, 48),
      pairs("pool.jsonl", 48, 60),
    ]);
    const out = join(folder, "out");
    const counts = (await example("label.mts", [model, ...files, out])) as { pairs: number };
    expect(counts.pairs).toBe(12);
    for (const file of ["labels.jsonl", "training.jsonl", "training.parquet", "facts.json"])
      expect(existsSync(join(out, "labels", file)), file).toBe(true);
  });

  test("serves a model", async () => {
    expect(await example("serve.mts", [model])).toMatchObject({ status: 200, text: expect.any(String) });
  });
});
