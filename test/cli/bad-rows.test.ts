/** One policy for bad rows from reading to encoding: a template that refuses one row is told with its place, and skipped everywhere when asked. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkTestRows } from "../../src/pipeline/job/row-checks.ts";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import { weakTeacher } from "./spawn.ts";

/** Takes no narrator, wherever one stands. */
const TEMPLATE =
  "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no narrator here') }}{% endif %}[{{ m.role }}] {{ m.content }}\n{% endfor %}" +
  "{% if add_generation_prompt %}[assistant] {% endif %}";
const ROWS = 60;
/** Lines, from 1, whose prompt has a system message. */
const REFUSED = [4, 33];

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const limits = ["--max-length", "96", "--max-prompt-length", "48", "--threads", "1"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-rows-"));
  await writeTinyFolder(folder, "model", { seed: 1, chatTemplate: TEMPLATE });
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    prompt: [
      ...(REFUSED.includes(i + 1) ? [{ role: "system", content: "Speak of the sea." }] : []),
      { role: "user", content: `What is number ${i}?` },
    ],
    chosen: [{ role: "assistant", content: i % 3 === 0 ? "It is good." : "A fine one." }],
    rejected: [{ role: "assistant", content: i % 2 === 0 ? "No." : "It is bad, a bad one." }],
  }));
  const write = (name: string, list: readonly object[]) =>
    writeFile(at(name), list.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await write("pairs.jsonl", rows);
  await write(
    "pool.jsonl",
    rows.map(({ prompt, chosen, rejected }) => ({ prompt, response_a: chosen, response_b: rejected })),
  );
  await write("twin.jsonl", [...rows].reverse());
});
afterAll(() => rm(folder, { recursive: true }));

const model = () => ["--model", at("model")];
/** Each command that reads rows and encodes them, up to where it writes. */
const commands = (): Record<string, string[]> => ({
  sft: ["sft", at("pairs.jsonl"), ...model(), ...limits, "--set", "max_steps=1", "--out", at("sft")],
  prefer: ["prefer", at("pairs.jsonl"), ...model(), ...limits, "--set", "max_steps=1", "--out", at("prefer")],
  reward: ["reward", at("pairs.jsonl"), ...model(), ...limits, "--set", "max_steps=1", "--out", at("reward")],
  label: [
    "label",
    at("pool.jsonl"),
    "--teacher",
    "likelihood",
    "--model",
    at("model"),
    ...limits,
    "--out",
    at("labels"),
  ],
  "reward-bench": [
    "reward-bench",
    at("pairs.jsonl"),
    "--teacher",
    "likelihood",
    "--model",
    at("model"),
    ...limits,
    "--json",
  ],
  inspect: ["inspect", at("pairs.jsonl"), ...model(), "--json"],
  init: [
    "init",
    at("new.yaml"),
    "--data",
    at("pairs.jsonl"),
    "--weak",
    at("model"),
    "--student",
    at("model"),
  ],
  audit: ["audit", at("pairs.jsonl"), ...model(), ...limits, "--folds", "2", "--out", at("audit")],
});
const names = Object.keys({
  sft: 0,
  prefer: 0,
  reward: 0,
  label: 0,
  "reward-bench": 0,
  inspect: 0,
  init: 0,
  audit: 0,
});

describe("a template that refuses two rows", () => {
  test.each(names)("stops %s before any work, with file, line and reason of both", async (name) => {
    const { code, stderr } = await weakTeacher(commands()[name]!);
    expect(code, stderr).toBe(1);
    for (const line of REFUSED)
      expect(stderr).toMatch(
        new RegExp(
          `(pairs|pool)\\.jsonl:${line}: cannot be encoded: chat template of .*roles system, user, assistant: no narrator here`,
        ),
      );
    expect(stderr).toContain("--on-bad-row skip");
  });

  test.each(names.filter((name) => name !== "audit"))(
    "is left out by %s where that is asked for, and counted",
    async (name) => {
      const { code, stderr, stdout } = await weakTeacher([...commands()[name]!, "--on-bad-row", "skip"]);
      expect(code, stderr).toBe(0);
      if (name === "init") expect(await readFile(at("new.yaml"), "utf8")).toContain("on_bad_row: skip");
      else if (name !== "reward-bench" && name !== "inspect")
        expect(stderr).toMatch(/58 preferences|58 unlabelled/);
      const counts: Record<string, () => Promise<unknown>> = {
        sft: async () => JSON.parse(await readFile(at("sft", "rows.json"), "utf8")),
        label: async () => JSON.parse(await readFile(at("labels", "facts.json"), "utf8")),
        "reward-bench": async () => JSON.parse(stdout),
      };
      if (counts[name]) expect(await counts[name]()).toMatchObject({ badRows: 2 });
    },
  );

  test("a dry run says so, too, of rows beyond the first", async () => {
    for (const name of ["sft", "prefer", "reward", "label", "audit"]) {
      const { code, stderr } = await weakTeacher([...commands()[name]!, "--dry-run"]);
      expect(code, stderr).toBe(1);
      expect(stderr).toMatch(/\.jsonl:33: cannot be encoded: .*no narrator here/);
    }
  });

  test("of a checkpoint from elsewhere, evaluate says so before it measures", async () => {
    const chat = (role: string) => [{ role, content: "Hello." }];
    const pair = {
      chosen: [{ role: "assistant", content: "a" }],
      rejected: [{ role: "assistant", content: "b" }],
    };
    const rows = ["user", "system"].map((role) => ({ id: role, prompt: chat(role), ...pair }));
    const prompts = rows.map(({ prompt }) => prompt);
    await checkTestRows(at("model"), { prompts: prompts.slice(0, 1), rows: rows.slice(0, 1) });
    await expect(checkTestRows(at("model"), { prompts, rows })).rejects.toThrow(
      /model: cannot read 2 of the run's 4 test prompts and pairs.*The first, test prompt 2: .*no narrator here/,
    );
  });

  test("leaves the ids of the others as they are, whatever their order", async () => {
    const idsOf = async (file: string, out: string) => {
      const { code, stderr } = await weakTeacher([
        ...["label", at(file), "--teacher", "likelihood", "--model", at("model"), ...limits],
        ...["--out", at(out), "--on-bad-row", "skip"],
      ]);
      expect(code, stderr).toBe(0);
      const lines = (await readFile(at(out, "labels.jsonl"), "utf8")).trim().split("\n");
      return lines.map((line) => (JSON.parse(line) as { id: string }).id);
    };
    const [ids, turned] = [await idsOf("pairs.jsonl", "l1"), await idsOf("twin.jsonl", "l2")];
    expect(ids).toHaveLength(ROWS - REFUSED.length);
    expect(turned).toEqual([...ids].reverse());
  });
});

describe("a run", () => {
  const recipe = (more: string) => `version: 1
threads: 1
models: { weak: ${at("model")}, student: ${at("model")} }
data:
  source: ${at("pairs.jsonl")}
  split: { labelled: 0.5, unlabelled: 0.3, test: 0.2 }
  test_prompts: 2
  max_length: 96
  max_prompt_length: 48
${more}teacher: { sft: { max_steps: 1 }, prefer: { max_steps: 1 } }
label: { calibration: none }
student: { sft: { max_steps: 1 }, prefer: { max_steps: 1 } }
arms: [weak, human]
eval: { max_new_tokens: 2, gold: [sentiment], n_bootstrap: 100 }
`;

  test("and its dry run stop at them, or leave them out of all parts", async () => {
    await writeFile(at("stop.yaml"), recipe(""));
    for (const more of [["--dry-run"], []]) {
      const stopped = await weakTeacher(["run", at("stop.yaml"), "--out", at("stop"), ...more]);
      expect(stopped.code, stopped.stderr).toBe(1);
      expect(stopped.stderr).toMatch(/pairs\.jsonl:4: cannot be encoded: .*no narrator here/);
    }
    await writeFile(at("skip.yaml"), recipe("  on_bad_row: skip\n"));
    const { code, stderr } = await weakTeacher(["run", at("skip.yaml"), "--out", at("skip")]);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(await readFile(at("skip", "report.json"), "utf8"));
    expect(JSON.stringify(report)).toMatch(/"count":2,"kind":"bad rows skipped"/);
  });
});
