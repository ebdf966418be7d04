import { describe, expect, test } from "vitest";
import {
  AlignError,
  BackendError,
  CheckpointError,
  ConfigError,
  DataError,
  InterruptedError,
  listed,
  messageOf,
  NumericsError,
  ShapeError,
  unreachable,
} from "./errors.ts";

describe("errors", () => {
  const cases: [AlignError, string, string, string][] = [
    [new AlignError("io", "a.txt: cannot be written."), "AlignError", "io", "a.txt: cannot be written."],
    [new ConfigError("--beta: must be positive."), "ConfigError", "config", "--beta: must be positive."],
    [new DataError("a.jsonl", 3, "is not JSON."), "DataError", "data", "a.jsonl:3: is not JSON."],
    [
      new CheckpointError("m/config.json", "is absent."),
      "CheckpointError",
      "checkpoint",
      "m/config.json: is absent.",
    ],
    [new ShapeError("Gemm", "got [2,3]."), "ShapeError", "shape", "Gemm: got [2,3]."],
    [new BackendError("webgpu", "is not there."), "BackendError", "backend", "webgpu: is not there."],
    [new NumericsError("step 4", "loss is NaN."), "NumericsError", "numerics", "step 4: loss is NaN."],
  ];

  test.each(cases)("%s carries its class name, code and message", (error, name, code, message) => {
    expect(error).toBeInstanceOf(AlignError);
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.code, error.message]).toEqual([name, code, message]);
  });

  test("a whole-file data error names no line", () => {
    expect(new DataError("a.jsonl", 0, "is empty.").message).toBe("a.jsonl: is empty.");
    expect(new DataError("a.jsonl", 1, "is empty.")).toMatchObject({ file: "a.jsonl", line: 1 });
  });

  test("a config error keeps every issue and prints all of them", () => {
    const error = new ConfigError(["beta: absent.", "epochs: absent."]);
    expect(error.issues).toEqual(["beta: absent.", "epochs: absent."]);
    expect(error.message).toBe("beta: absent.\nepochs: absent.");
    expect(new ConfigError("one").issues).toEqual(["one"]);
  });

  test("an interruption says that the work is saved and how to go on", () => {
    const error = new InterruptedError("train");
    expect(error.code).toBe("interrupted");
    expect(error.message).toMatch(/^train: interrupted; .*saved.*same command/);
  });

  test("the cause is kept, and absent when there is none", () => {
    const cause = new Error("disk");
    expect(new DataError("a", 0, "b", { cause }).cause).toBe(cause);
    expect(new CheckpointError("a", "b", { cause }).cause).toBe(cause);
    expect("cause" in new DataError("a", 0, "b")).toBe(false);
  });

  test("anything thrown has a message", () => {
    expect(messageOf(new Error("a"))).toBe("a");
    expect(messageOf("b")).toBe("b");
    expect(messageOf(undefined)).toBe("undefined");
  });

  test("an unreachable branch is a bug of ours, not an AlignError", () => {
    const reach = () => unreachable("x" as never);
    expect(reach).toThrow('internal: unexpected "x"');
    expect(reach).not.toThrow(AlignError);
  });
});

test("names from outside are cut, and counted where there are many", () => {
  expect(listed(["a", "b"])).toBe("a, b");
  expect(listed(["a", "b", "c", "d"], 2)).toBe("a, b and 2 more");
  expect(listed(["x".repeat(1000)])).toBe(`${"x".repeat(79)}…`);
});
