import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommanderError } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AlignError, ConfigError, DataError, InterruptedError } from "../../src/base/core/errors.ts";
import { completionScript } from "../../src/interfaces/cli/completion.ts";
import { exitCodeOf, explain } from "../../src/interfaces/cli/failure.ts";
import { hasColours } from "../../src/interfaces/cli/streams.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-cli-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("failures", () => {
  test("exit codes: 0 help, 1 a failed run or a bug, 2 a wrong invocation, 130 interrupted", () => {
    const codes: [unknown, number][] = [
      [new CommanderError(0, "commander.helpDisplayed", ""), 0],
      [new CommanderError(1, "commander.unknownOption", ""), 2],
      [new ConfigError("x"), 2],
      [new AlignError("config", "x"), 2],
      [new DataError("a", 1, "x"), 1],
      [new InterruptedError("x"), 130],
      [new TypeError("x"), 1],
      ["x", 1],
    ];
    for (const [error, code] of codes) expect(exitCodeOf(error)).toBe(code);
  });

  test("an error of the input is its message; a bug says that it is one, with the stack only under --debug", () => {
    expect(explain(new DataError("a.jsonl", 3, "is not JSON."), false)).toBe(
      "error: a.jsonl:3: is not JSON.\n",
    );
    expect(explain(new DataError("a", 3, "x"), true)).toMatch(/^error: a:3: x\nDataError: a:3: x\n +at /);
    expect(explain(new TypeError("boom"), false)).toBe(
      "error: boom\nThis is a bug in weak-teacher. Run again with --debug to see where, and report it.\n",
    );
    expect(explain(new TypeError("boom"), true)).toMatch(/bug in weak-teacher\.\nTypeError: boom\n +at /);
    expect(explain(new CommanderError(2, "x", "y"), true)).toBe("");
  });
});

test("colours: on a terminal that has them or when forced, never with NO_COLOR", () => {
  const terminal = { isTTY: true, getColorDepth: () => 8 };
  expect(hasColours(terminal, {})).toBe(true);
  expect(hasColours({ isTTY: true, getColorDepth: () => 1 }, {})).toBe(false);
  expect(hasColours({}, {})).toBe(false);
  expect(hasColours({}, { FORCE_COLOR: "1" })).toBe(true);
  expect(hasColours(terminal, { FORCE_COLOR: "0" })).toBe(false);
  expect(hasColours(terminal, { NO_COLOR: "1", FORCE_COLOR: "1" })).toBe(false);
  expect(hasColours(terminal, { NO_COLOR: "" })).toBe(true);
});

test("completion scripts name every verb and flag, and quote what they must", () => {
  const verbs = [{ name: "run", description: "don't", flags: ["--set"] }];
  expect(completionScript("bash", verbs)).toContain('run) words="--set" ;;');
  expect(completionScript("zsh", verbs)).toContain("bashcompinit");
  expect(completionScript("fish", verbs)).toContain("-a run -d 'don\\'t'");
});

describe("the command", () => {
  test("help and version end well, on stdout", async () => {
    const help = await weakTeacher(["--help"]);
    expect([help.code, help.stderr]).toEqual([0, ""]);
    for (const verb of ["doctor", "inspect", "import", "parity"]) expect(help.stdout).toContain(verb);
    const version = await weakTeacher(["--version"]);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+/);
    expect(version.code).toBe(0);
  });

  test("a misspelt verb and a misspelt flag are exit code 2 and say what was meant", async () => {
    const verb = await weakTeacher(["dcotor"]);
    expect(verb).toMatchObject({ code: 2, stdout: "" });
    expect(verb.stderr).toBe("error: unknown command 'dcotor'\n(Did you mean doctor?)\n");
    const flag = await weakTeacher(["doctor", "--devise", "cpu"]);
    expect(flag.code).toBe(2);
    expect(flag.stderr).toContain("(Did you mean --device?)");
  });

  test("a value out of range, and no verb at all, are exit code 2", async () => {
    const value = await weakTeacher(["doctor", "--threads", "0.5"]);
    expect(value.code).toBe(2);
    expect(value.stderr).toContain("Expected a whole number from 1 to");
    expect((await weakTeacher([])).code).toBe(2);
  });

  test("--json gives one line on stdout, for a failure too", async () => {
    const outcome = await weakTeacher(["inspect", join(folder, "absent.jsonl"), "--json"]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^error: .*absent\.jsonl/);
    const { error } = JSON.parse(outcome.stdout);
    expect(error).toMatchObject({ code: "data", exitCode: 1 });
    expect(outcome.stdout.endsWith("\n")).toBe(true);
  });

  test("completion prints a script for a shell it knows", async () => {
    const bash = await weakTeacher(["completion", "bash"]);
    expect(bash.code).toBe(0);
    expect(bash.stdout).toContain("complete -o filenames -F _weak_teacher weak-teacher");
    expect((await weakTeacher(["completion", "tcsh"])).code).toBe(2);
  });
});

describe("doctor", () => {
  test("finds this machine fit, computing a known product on the way", async () => {
    const outcome = await weakTeacher(["doctor", "--json", "--out", join(folder, "runs")]);
    expect(outcome.code, outcome.stderr).toBe(0);
    const { checks } = JSON.parse(outcome.stdout) as {
      checks: { name: string; ok: boolean; found: string }[];
    };
    expect(checks.map(({ name }) => name)).toEqual([
      "node",
      "system",
      "onnxruntime",
      "device",
      "demo",
      "threads",
      "memory",
      "disk",
      "write",
    ]);
    expect(checks.find(({ name }) => name === "device")?.found).toMatch(/cpu computes rightly, \d+ GFLOP\/s/);
  });

  test("says what is wrong and ends with 1 when the folder cannot be written", async () => {
    await writeFile(join(folder, "file"), "");
    const outcome = await weakTeacher(["doctor", "--out", join(folder, "file")]);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(/BAD write/);
    expect(outcome.stderr).toContain("1 of 9 checks failed: write");
  });
});
