/** What weak-teacher 0.1 left on disk (`test/fixtures/files-0.1`): labels and answers are read, run folders are refused by name. */
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onNotice } from "../../src/base/core/notices.ts";
import { parseLabels } from "../../src/method/labels/label-file.ts";
import { openLabelSet } from "../../src/pipeline/label/open-labels.ts";
import { openRuns } from "../../src/pipeline/results/compare/run-folder.ts";
import { openRun, reportRun, runOneStage } from "../../src/pipeline/run/run.ts";
import { folderStatus } from "../../src/pipeline/run/status.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-older-"));
  await cp(fileURLToPath(new URL("../fixtures/files-0.1", import.meta.url)), folder, { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

const refusal =
  /run: its stages have layout 1, which weak-teacher 0.1 wrote, expected layout 2. Run its recipe again/;

test("a run of an older layout is refused by its name, with what to do", async () => {
  const before = await readFile(at("run", "recipe.yaml"), "utf8");
  const { code, stderr } = await weakTeacher(["run", "run/recipe.yaml", "--out", "run"], { cwd: folder });
  expect(code, stderr).toBe(2);
  expect(stderr).toMatch(refusal);
  expect(await readFile(at("run", "recipe.yaml"), "utf8")).toBe(before);
});

test.each([
  ["report", () => reportRun(at("run"), { code: "test" })],
  ["stage", () => runOneStage(at("run"), "data", { code: "test" })],
  ["export and evaluate", () => openRun(at("run"), { code: "test" })],
  ["status", () => folderStatus(at("run"), "test")],
  ["compare", () => openRuns([at("run"), at("labels")])],
])("so it is by %s", async (_, open) => {
  await expect(open()).rejects.toThrow(refusal);
});

test.each([
  ["labels", "labels/labels.jsonl"],
  ["a control's labels", "labels-random/labels.jsonl"],
  ["an ensemble's", "combined/labels.jsonl"],
  ["merged answers", "labels-2/labels.jsonl"],
  ["the teacher's own labels of answered pairs", "labels-2/teacher-labels.jsonl"],
  ["a run's", "run/stages/weak-labels-ea6b25c90ea6/labels.jsonl"],
])(
  "%s are read: confidence is p_chosen of the labels that prefer a side, and one line says so",
  async (_, name) => {
    const file = at(name);
    const text = await readFile(file, "utf8");
    const older = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const said: string[] = [];
    const end = onNotice((line) => said.push(line));
    const labels = parseLabels(text, file);
    end();
    expect(said).toEqual([
      expect.stringContaining(`${file}: is of weak-teacher 0.1; its confidence is read as p_chosen`),
    ]);
    expect(labels.map(({ id, preferred, pA, pChosen }) => ({ id, preferred, pA, pChosen }))).toEqual(
      older.map(({ id, preferred, p_a, confidence }) => ({
        ...{ id, preferred, pA: p_a },
        pChosen: preferred === "a" || preferred === "b" ? confidence : null,
      })),
    );
  },
);

test("people are asked and answers merged from labels of 0.1, which came out so then", async () => {
  const set = await openLabelSet(at("labels-2"), at("pool.jsonl"));
  expect([set.heldOut.length, set.answers.length, set.teacherLabels.length]).toEqual([20, 7, 7]);
  expect((await openLabelSet(at("combined"), at("pool.jsonl"))).disagreement.get("r0")).toBeCloseTo(
    0.02426,
    5,
  );
  const { code, stderr } = await weakTeacher(
    ["ask", "labels", "--pool", "pool.jsonl", "--answers", "answers.jsonl", "--out", "again"],
    { cwd: folder },
  );
  expect(code, stderr).toBe(0);
  expect(stderr.match(/is of weak-teacher 0\.1/g)).toHaveLength(1);
  const [then, now] = await Promise.all(
    ["labels-2", "again"].map(async (name) =>
      parseLabels(await readFile(at(name, "labels.jsonl"), "utf8"), name),
    ),
  );
  expect(now).toEqual(then);
});
