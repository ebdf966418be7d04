import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyFolder } from "../../../test/helpers/tiny-folder.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { CandidatePair } from "../data/rows.ts";
import { openTeacher, type TeacherChoice } from "./choice.ts";
import { canaryPairs, changeInWords, checkTurned, comparePrecision, precisionChange } from "./precision.ts";
import type { PairScore } from "./teacher.ts";

const score = (scoreA: number, scoreB: number, flags: string[] = []): PairScore => ({
  ...{ id: "x", scoreA, scoreB, lengthA: 1, lengthB: 1, tokens: 3, flags },
});

describe("what becomes of the margins", () => {
  const full = [score(1, 0), score(0, 2), score(0.1, 0), score(1, 1), score(9, 0, ["truncated"])];
  const few = [score(1.5, 0), score(0, 1), score(0, 0.1), score(1, 0.5), score(-9, 0, ["truncated"])];

  test("is counted on pairs that get labels, a tie that is broken too", () => {
    const change = precisionChange("int8", full, few);
    // Differences .5, 1, .2, .5; turned are the third, and the fourth, where float32 had no side.
    expect(change).toMatchObject({ precision: "int8", pairs: 4, turned: 2, medianMargin: 1 });
    expect(change.meanDifference).toBeCloseTo(0.55, 12);
    expect(change.largestDifference).toBeCloseTo(1, 12);
    expect(changeInWords(change)).toBe(
      "of 4 labels 2 turn beside float32's (50.0 %, of all labels below 90.2 % with 95 % confidence); margins differ by 0.55 on average and 1.0 at most, and half of float32's are below 1.0",
    );
  });

  test("is unknown where no pair can get a label", () => {
    expect(() => precisionChange("int4", [full[4]!], [few[4]!])).toThrow(
      "precision int4: none of 1 pairs can be compared with float32",
    );
  });
});

describe("turned labels", () => {
  const change = (turned: number, pairs: number) => ({
    ...{ precision: "int8" as const, turned, pairs },
    ...{ meanDifference: 0.1, largestDifference: 0.5, medianMargin: 2 },
  });

  // Clopper-Pearson's lower 95 % bound is the p with P(X >= turned | pairs, p) = 0.05: of one pair in n it is 1 - 0.95^(1/n),
  // 0.00513 for 10 and 0.00465 for 11; of 200, P(X >= 3 | .005) = .080 and P(X >= 4 | .005) = .019.
  test.each([
    [0, 1, 0.005, true],
    [1, 10, 0.005, false],
    [1, 11, 0.005, true],
    [3, 200, 0.005, true],
    [4, 200, 0.005, false],
    [4, 200, 0.02, true],
    [1, 200, 0, false],
    [0, 200, 0, true],
    [200, 200, 1, true],
  ])("%i of %i with %f allowed: taken %s", (turned, pairs, most, taken) => {
    const check = () => checkTurned(change(turned, pairs), most);
    if (taken) expect(check).not.toThrow();
    else expect(check).toThrow(/precision int8: of \d+ labels \d+ turn .* Nothing was labelled\./);
  });
});

const pair = (id: number): CandidatePair => ({ id: `${id}`, prompt: "Once", a: ` a${id}`, b: ` bb${id} x` });

test("a canary is a draw that the file's order does not change, of what is there", async () => {
  const pairs = Array.from({ length: 900 }, (_, i) => pair(i));
  const [one, other] = [await canaryPairs(pairs), await canaryPairs(pairs.toReversed())];
  expect(one).toHaveLength(200);
  expect(new Set(one.map(({ id }) => id)).size).toBe(200);
  expect(one).toEqual(other);
  expect(one.filter(({ id }) => Number(id) >= 450).length).toBeGreaterThan(60);
  expect(await canaryPairs(pairs.slice(0, 3))).toHaveLength(3);
});

describe("teachers in few bits", () => {
  let runtime: Runtime;
  let root: string;
  let choices: TeacherChoice[];
  beforeAll(async () => {
    runtime = openRuntime({ threads: 1 });
    root = await mkdtemp(join(tmpdir(), "wt-precision-"));
    const folder = (name: string, seed: number, task?: "reward") =>
      writeTinyFolder(root, name, { seed, hidden: 64, ...(task && { task }) });
    const [policy, reference] = [await folder("policy", 1), await folder("reference", 2)];
    choices = [
      { kind: "implicit-reward", model: policy, reference, beta: 0.5 },
      { kind: "likelihood", model: policy },
      { kind: "reward-head", model: await folder("reward", 3, "reward") },
      { kind: "judge-local", model: policy, prompt: "{prompt} {first} {second}" },
    ];
  });
  afterAll(async () => {
    await runtime.close();
    await rm(root, { recursive: true });
  });
  const limits = { maxLength: 60, maxPromptLength: 30 };
  const open = (choice: TeacherChoice, on = runtime) =>
    openTeacher({ runtime: () => on }, choice, { limits, replies: "" });

  test.each([0, 1, 2, 3])(
    "kind %i is near itself in float32, and says in its manifest what it is",
    async (at) => {
      const choice = choices[at]!;
      const asked: string[] = [];
      const { change, teacher } = await comparePrecision(
        (precision) => {
          asked.push(precision);
          return open({ ...choice, precision } as TeacherChoice);
        },
        Array.from({ length: 8 }, (_, i) => pair(i)),
        { precision: "int8" },
      );
      expect(asked).toEqual(["float32", "int8"]);
      expect(change.pairs).toBe(8);
      expect(change.meanDifference).toBeGreaterThan(0);
      expect(change.meanDifference).toBeLessThan(0.3 * change.medianMargin);
      expect(teacher.manifest.settings).toMatchObject({ precision: "int8" });
      const plain = await open(choice);
      expect(JSON.stringify(plain.manifest)).not.toContain("precision");
      expect(plain.name).not.toBe(teacher.name);
      await Promise.all([plain.close(), teacher.close()]);
    },
  );

  test("a model without a matrix to pack, and a device that was not tried, are refused by name", async () => {
    const narrow = await writeTinyFolder(root, "narrow", { seed: 4 });
    await expect(open({ kind: "likelihood", model: narrow, precision: "int4" })).rejects.toThrow(
      /narrow: cannot be held in 4 bits: none of its matrices has inputs in a multiple of 32/,
    );
    const gpu = { ...runtime, device: "cuda" as const };
    await expect(open({ ...choices[1]!, precision: "int8" } as TeacherChoice, gpu)).rejects.toThrow(
      "precision int8: is computed on the CPU alone, expected device cpu, got cuda.",
    );
  });
});
