/** What a model cannot read is refused before any work, by every verb that opens a model with data. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import { TINY_TEMPLATE } from "../helpers/tiny-server.ts";
import { weakTeacher } from "./spawn.ts";

const TOKEN = "<|new|>";
let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

/** A tiny model whose tokenizer knows one token more than its embedding of 264 rows. */
async function withToken(name: string, special: boolean, id = 264): Promise<void> {
  const path = await writeTinyFolder(folder, name, { seed: 1, chatTemplate: TINY_TEMPLATE });
  const file = join(path, "tokenizer.json");
  const { added_tokens, ...rest } = JSON.parse(await readFile(file, "utf8"));
  const added = [...added_tokens, { id, content: TOKEN, special, normalized: false }];
  await writeFile(file, JSON.stringify({ ...rest, added_tokens: added }));
}

const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-checks-"));
  await withToken("control", true);
  await withToken("ordinary", false);
  await withToken("padded", false, 263);
  await writeTinyFolder(folder, "plain", { seed: 2 });
  await writeTinyFolder(folder, "reference", { seed: 3, chatTemplate: TINY_TEMPLATE });
  await writeTinyFolder(folder, "scores", { seed: 4, task: "reward" });
  const refusing = `{% for m in messages %}{% if m.role == 'user' %}{{ raise_exception('no users here') }}{% endif %}{% endfor %}`;
  await writeTinyFolder(folder, "refuses", { seed: 2, chatTemplate: refusing });
  const rows = Array.from({ length: 100 }, (_, i) => ({
    id: `r${i}`,
    prompt: `p${i}`,
    chosen: i === 80 ? ` y${TOKEN}` : " yes",
    rejected: " no",
  }));
  await writeFile(at("used.jsonl"), lines(rows));
  await writeFile(at("unused.jsonl"), lines(rows.map((row) => ({ ...row, chosen: " yes" }))));
  const user = [{ role: "user", content: "hello" }];
  const assistant = (content: string) => [{ role: "assistant", content }];
  await writeFile(
    at("chats.jsonl"),
    lines(
      rows.map(({ id }, i) => ({
        id,
        prompt: user,
        chosen: assistant(`yes ${i}`),
        rejected: assistant("no"),
      })),
    ),
  );
  await writeFile(at("prompts.txt"), `one\ntwo ${TOKEN}\n`);
});
afterAll(() => rm(folder, { recursive: true }));

const LIMITS = ["--max-length", "64", "--max-prompt-length", "32"];
const verbs = (model: string, file: string): Record<string, string[]> => ({
  sft: ["sft", at(file), "--model", at(model), "--out", at("out"), ...LIMITS],
  prefer: ["prefer", at(file), "--model", at(model), "--out", at("out"), ...LIMITS],
  "prefer --dry-run": ["prefer", at(file), "--model", at(model), "--out", at("out"), "--dry-run", ...LIMITS],
  reward: ["reward", at(file), "--model", at(model), "--out", at("out"), ...LIMITS],
  audit: ["audit", at(file), "--model", at(model), "--out", at("out"), "--folds", "2", ...LIMITS],
  label: [
    ...["label", at(file), "--teacher", "likelihood", "--model", at(model)],
    ...["--out", at("out"), ...LIMITS],
  ],
  "reward-bench": ["reward-bench", at(file), "--teacher", "likelihood", "--model", at(model), ...LIMITS],
});

/** A recipe over a file, with these models. */
async function recipe(weak: string, student: string, file: string, more = ""): Promise<string> {
  const path = at(`${weak}-${student}.yaml`);
  const text = `version: 1
threads: 1
out: ${at("run")}
models: { weak: ${at(weak)}, student: ${at(student)} }
data: { source: ${at(file)}, split: { labelled: 0.4, unlabelled: 0.4, test: 0.2 }, max_length: 64, max_prompt_length: 32 }
teacher: { kind: likelihood, sft: { learning_rate: 1.0e-5 } }
label: { calibration: none }
student: { sft: { learning_rate: 1.0e-5 }, prefer: { learning_rate: 1.0e-5 } }
arms: [sft, weak]
${more}`;
  await writeFile(path, text);
  return path;
}

const NAMES = ["sft", "prefer", "prefer --dry-run", "reward", "audit", "label", "reward-bench"];

describe("a token without a row in the embedding", () => {
  test.each(["sft", "prefer --dry-run", "label"])(
    "of ordinary text: %s refuses the tokenizer",
    async (name) => {
      const { code, stderr } = await weakTeacher(verbs("ordinary", "unused.jsonl")[name]!);
      expect(code, stderr).not.toBe(0);
      expect(stderr).toMatch(/ordinary: its tokenizer has 1 token that the model has no embedding row for/);
      expect(stderr).toContain(`"${TOKEN}" (id 264); expected ids below 264, the vocab_size of config.json`);
      expect(existsSync(at("out"))).toBe(false);
    },
  );

  test.each(NAMES)("for control: %s names the row that holds it", async (name) => {
    const { code, stderr } = await weakTeacher(verbs("control", "used.jsonl")[name]!);
    expect(code, stderr).not.toBe(0);
    expect(stderr).toMatch(/used\.jsonl: pair r80: .*the text holds the token "<\|new\|>" \(id 264\)/);
    expect(stderr).toContain("expected ids below 264, the rows of the model's embedding");
    expect(existsSync(at("out"))).toBe(false);
  });

  test("run and its dry run say so of any model, before any stage", async () => {
    for (const [weak, student] of [
      ["control", "reference"],
      ["reference", "control"],
    ] as const)
      for (const more of [["--dry-run"], []]) {
        const path = await recipe(weak, student, "used.jsonl");
        const { code, stderr } = await weakTeacher(["run", path, ...more]);
        expect(code, stderr).not.toBe(0);
        expect(stderr).toMatch(/control: the text holds the token .* \(id 264\)/);
        expect(existsSync(at("run", "stages"))).toBe(false);
      }
    const { code, stderr } = await weakTeacher([
      "run",
      await recipe("ordinary", "reference", "unused.jsonl"),
      "--dry-run",
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/ordinary: its tokenizer has 1 token/);
  });

  test("generate names the prompt; serve and inspect --explain refuse the folder", async () => {
    const written = await weakTeacher([
      ...["generate", at("prompts.txt"), "--model", at("control"), "--out", at("written")],
    ]);
    expect(written.stderr).toMatch(/prompts\.txt: prompt 2: .*"<\|new\|>" \(id 264\)/);
    const served = await weakTeacher(["serve", at("ordinary"), "--port", "0"]);
    expect(served.code).not.toBe(0);
    expect(served.stderr).toMatch(/ordinary: its tokenizer has 1 token/);
    const explained = await weakTeacher([
      ...["inspect", at("used.jsonl"), "--explain", "--row", "81"],
      ...["--model", at("control"), "--reference", at("reference")],
    ]);
    expect(explained.code).not.toBe(0);
    expect(explained.stderr).toMatch(/"<\|new\|>" \(id 264\)/);
  });

  test("does no harm where no row holds it, nor do fewer ids than rows", async () => {
    for (const model of ["control", "padded"]) {
      const { code, stderr } = await weakTeacher([
        ...["reward-bench", at("unused.jsonl"), "--teacher", "likelihood", "--model", at(model), ...LIMITS],
      ]);
      expect(code, stderr).toBe(0);
    }
  });
});

describe("conversations", () => {
  test.each(["reward", "audit", "label"])(
    "%s refuses a model without a template, and one whose template refuses every row",
    async (name) => {
      const none = await weakTeacher(verbs("plain", "chats.jsonl")[name]!);
      expect(none.code, none.stderr).not.toBe(0);
      expect(none.stderr).toMatch(
        /chats\.jsonl: pair r0: is a conversation, and .*plain has no chat template/,
      );
      const refused = await weakTeacher(verbs("refuses", "chats.jsonl")[name]!);
      expect(refused.code, refused.stderr).not.toBe(0);
      expect(refused.stderr).toMatch(/chats\.jsonl: pair r0: .*no users here.*\n?.*64 conversations/);
      expect(existsSync(at("out"))).toBe(false);
    },
  );

  test("a dry run tells of the student's template and of a gold scorer that is none", async () => {
    const student = await weakTeacher([
      "run",
      await recipe("reference", "plain", "chats.jsonl"),
      "--dry-run",
    ]);
    expect(student.code).not.toBe(0);
    expect(student.stderr).toMatch(/is a conversation, and .*plain has no chat template/);
    const gold = await recipe(
      "reference",
      "reference",
      "unused.jsonl",
      `eval: { gold: [{ type: reward-model, model: ${at("plain")} }], max_new_tokens: 4 }\n`,
    );
    const outcome = await weakTeacher(["run", gold, "--dry-run"]);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(
      /gold scorer .*plain: is a language model, expected a \*ForSequenceClassification/,
    );
  });

  test("a reward model is no model to train", async () => {
    const { code, stderr } = await weakTeacher([
      "run",
      await recipe("reference", "scores", "unused.jsonl"),
      "--dry-run",
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/scores: is a reward model, expected a language model to train/);
  });
});
