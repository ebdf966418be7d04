import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { weakTeacher } from "./spawn.ts";

const folder = mkdtempSync(join(tmpdir(), "bad-input-"));
const at = (name: string) => join(folder, name);
const good = '{"prompt":"a","chosen":"b","rejected":"c"}\n';

/** Files of one kind of damage each; the message must name the file and say this. */
const files: Record<string, { content: Uint8Array | string; says: RegExp }> = {
  "missing-column.jsonl": {
    content: `${good}{"prompt":"a","chosen":"b"}\n`,
    says: /missing-column\.jsonl:2.*rejected/s,
  },
  "truncated.jsonl.gz": {
    content: gzipSync(good.repeat(200)).subarray(0, 60),
    says: /truncated\.jsonl\.gz.*(truncated|cut|end)/is,
  },
  "not-utf8.jsonl": {
    content: Buffer.concat([Buffer.from(good), Buffer.from([0xff, 0xfe, 0x0a])]),
    says: /not-utf8\.jsonl:2.*UTF-8/s,
  },
  "empty.jsonl": { content: "", says: /empty\.jsonl.*(empty|no rows|no records)/is },
  "half-line.jsonl": { content: `${good}{"prompt":"a","chos`, says: /half-line\.jsonl:2.*JSON/s },
};

beforeAll(async () => {
  for (const [name, { content }] of Object.entries(files)) writeFileSync(at(name), content);
  writeFileSync(
    at("typo.yaml"),
    "version: 1\nname: x\nmodels: { weak: a, student: b }\ndata: { source: p.jsonl, splitt: {} }\n",
  );
  writeFileSync(at("prompts.json"), '["hello"]');
  await writeTinyModel(at("nan-model"), { family: "llama", seed: 1 });
  const weights = at("nan-model/model.safetensors");
  const bytes = readFileSync(weights);
  bytes.writeUInt32LE(0x7fc00000, bytes.length - 4);
  writeFileSync(weights, bytes);
});

/** One message of a line or few, no stack, and nothing written beside the inputs. */
function expectOneMessage(
  { code, stderr }: { code: number | null; stderr: string },
  says: RegExp,
  codes: number[],
): void {
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(stderr).not.toMatch(/this is a bug/i);
  expect(codes).toContain(code);
}

describe("bad input gets one clear message and loses nothing", () => {
  test.each(Object.entries(files))("%s", async (name, { says }) => {
    expectOneMessage(await weakTeacher(["inspect", at(name)]), says, [1]);
  });

  test("a misspelt setting of a recipe is found in the file, with what was meant", async () => {
    const outcome = await weakTeacher(["run", at("typo.yaml"), "--out", at("typo-run")]);
    expectOneMessage(outcome, /typo\.yaml:4.*splitt.*did you mean "split"/s, [2]);
    expect(existsSync(at("typo-run"))).toBe(false);
  });

  test("a weight that is not a number stops before anything is written", async () => {
    const args = ["generate", at("prompts.json"), "--model", at("nan-model"), "--out", at("nan-out")];
    const outcome = await weakTeacher([...args, "--set", "max_new_tokens=2"]);
    expectOneMessage(outcome, /nan-model.*(NaN|not finite|non-finite)/is, [1]);
    expect(existsSync(at("nan-out"))).toBe(false);
  });

  test("a folder that is no model says what a model has", async () => {
    const args = ["generate", at("prompts.json"), "--model", folder, "--out", at("none-out")];
    expectOneMessage(await weakTeacher(args), /config\.json/, [1]);
    expect(existsSync(at("none-out"))).toBe(false);
  });

  test("paths and kinds that are taken for others are named for what they are", async () => {
    await writeTinyModel(at("reward"), { family: "llama", seed: 5, task: "reward" });
    writeFileSync(at("pairs.jsonl"), good.repeat(3));
    const pairs = at("pairs.jsonl");
    const cases: readonly [args: readonly string[], says: RegExp, codes: number[]][] = [
      [["run", folder], /is a folder, expected a recipe file/, [2]],
      [["report", at("nope")], /nope: is no run, expected the folder that run wrote/, [2]],
      [["inspect", at("nope.jsonl")], /nope\.jsonl: cannot be read: there is no such file or folder/, [1]],
      [["help", "lable"], /unknown command 'lable'; did you mean "label"/, [2]],
      [["sft", pairs, "--model", at("reward"), "--out", at("x")], /expected a language model to train/, [1]],
      [
        ["label", pairs, "--teacher", "longer", "--out", at("x"), "--max-disagreement", "0.2"],
        /--calibrate: is missing; a promise/,
        [2],
      ],
    ];
    for (const [args, says, codes] of cases) expectOneMessage(await weakTeacher(args), says, codes);
    expect(existsSync(at("x"))).toBe(false);
  });

  test("nothing half-written is left", () => {
    expect(readdirSync(folder).filter((name) => name.includes(".tmp-"))).toEqual([]);
  });
});

const mounted = mkdtempSync(join(tmpdir(), "full-disk-"));
let small = false;
try {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", mounted], { stdio: "ignore" });
  small = true;
} catch {
  // Mounting needs rights that most machines do not give; the message itself has unit tests.
}

describe.skipIf(!small)("a full disk (skipped where a small file system cannot be mounted)", () => {
  afterAll(() => {
    execFileSync("umount", [mounted]);
  });

  test("ends with one message and no model folder", async () => {
    const out = join(mounted, "model");
    const outcome = await weakTeacher(["import", "stories15M", "--out", out]);
    expectOneMessage(outcome, /disk is full/i, [1]);
    expect(existsSync(out)).toBe(false);
  });
});
