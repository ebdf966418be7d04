import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { weakTeacher } from "./spawn.ts";

const parity = fileURLToPath(new URL("../../../shared/fixtures/parity", import.meta.url));

let folder: string;
let pairs: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-cli-"));
  pairs = join(folder, "pairs.jsonl");
  model = join(folder, "stories");
  const rows = [
    { prompt: "Lily saw a dog.", chosen: " She was happy.", rejected: " She ran." },
    { prompt: "Tom ate.", chosen: " Good.", rejected: " He was sad\nand cried." },
    { prompt: "A bird sang.", chosen: " The sun rose.", rejected: " It fell." },
  ];
  await writeFile(pairs, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => rm(folder, { recursive: true }));

describe("import", () => {
  test("writes stories15M as a model folder", async () => {
    const outcome = await weakTeacher(["import", "stories15M", "--out", model, "--json"]);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      out: model,
      tensors: 56,
      config: { num_hidden_layers: 6 },
    });
    expect(await readdir(model)).toContain("model.safetensors");
  });

  test("refuses a file that is no checkpoint, names it, and leaves no folder", async () => {
    const bad = join(folder, "bad.bin");
    await writeFile(bad, "not a model");
    const out = join(folder, "never");
    const outcome = await weakTeacher(["import", bad, "--tokenizer", bad, "--out", out]);
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toMatch(/^error: bad model\.bin: is 11 bytes/);
    expect(existsSync(out)).toBe(false);
    const alone = await weakTeacher(["import", bad, "--out", out]);
    expect(alone.code).toBe(2);
    expect(alone.stderr).toContain("--tokenizer: is missing");
    expect((await weakTeacher(["import", "stories15M", "--tokenizer", bad, "--out", out])).code).toBe(2);
  });
});

describe("inspect", () => {
  test("says what a file is, with rows and statistics", async () => {
    const outcome = await weakTeacher(["inspect", pairs]);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.stdout).toContain("line 1: Lily saw a dog. │  She was happy. >  She ran.");
    expect(outcome.stdout).toContain("3 records: 3 preferences, 0 ties, 0 unlabelled, 0 bad");
    // Lengths 15 and 9, 6 and 22, 14 and 9: longer in two of three; gaps 6, -16, 5, mean -5/3.
    expect(outcome.stdout).toMatch(/chosen is longer in 66\.7 % .*mean gap -1\.7/);
  });

  test("shows a row's tokens with the loss mask, in brackets without colours", async () => {
    const args = ["inspect", pairs, "--model", model, "--row", "2"];
    const plain = await weakTeacher(args);
    expect(plain.code, plain.stderr).toBe(0);
    expect(plain.stdout).toContain("‹<s>›‹ Tom›‹ a›‹te›‹.›");
    expect(plain.stdout).toContain("[ Good][.][<s>]");
    expect(plain.stdout).toContain("[⏎]\n");
    const coloured = await weakTeacher(args, { env: { NO_COLOR: "", FORCE_COLOR: "1" } });
    expect(coloured.stdout).toContain("\u001b[42m Good");
    expect(coloured.stdout).not.toContain("[ Good]");
    const { row } = JSON.parse((await weakTeacher([...args, "--json"])).stdout);
    expect(row.prompt.every((token: { inLoss: boolean }) => !token.inLoss)).toBe(true);
    expect(row.a.every((token: { inLoss: boolean }) => token.inLoss)).toBe(true);
  });

  test("names every bad row with its line, and the row that is not there", async () => {
    const bad = join(folder, "bad.jsonl");
    await writeFile(
      bad,
      '{"prompt":"a","chosen":"b","rejected":"c"}\n{"prompt":"a","chosen":"b"}\nnot json\n',
    );
    const outcome = await weakTeacher(["inspect", bad]);
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toContain("bad.jsonl:2:");
    expect(outcome.stderr).toContain("bad.jsonl:3:");
    expect((await weakTeacher(["inspect", bad, "--on-bad-row", "skip"])).stdout).toContain("2 bad");
    const row = await weakTeacher(["inspect", pairs, "--model", model, "--row", "4"]);
    expect(row).toMatchObject({ code: 2, stderr: "error: --row: expected 1 to 3, got 4.\n" });
    expect((await weakTeacher(["inspect", pairs, "--row", "1"])).code).toBe(2);
  });
});

describe("parity", () => {
  test.skipIf(!existsSync(parity))(
    "agrees with the reference numbers of one fixture, one line per quantity",
    async () => {
      const outcome = await weakTeacher(["parity", join(parity, "llama"), "--quiet"]);
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(outcome.stdout).toMatch(
        /^ok {2}\S+ +logits +\d+ numbers, largest error \S+, \d+ % of its limit$/m,
      );
      expect(outcome.stdout).toMatch(/quantities, 0 off\n$/);
    },
  );

  test("a folder without fixtures is exit code 1", async () => {
    const outcome = await weakTeacher(["parity", folder]);
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toContain("holds no fixture");
  });
});
